/**
 * Text for a terminal and for one line: what would move the cursor, colour the
 * screen, end the line or turn the direction of writing is shown by its code.
 */
// Control and format characters, line separators, and halves of surrogate pairs.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** 'a\x1bb' -> 'a\\x1bb' */
export function visible(text: string): string {
  return text.replace(HIDDEN, (character) => {
    const code = character.codePointAt(0)!
    // A byte that is no UTF-8: bytes.ts.
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code & 0xff).toString(16)}`
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u{${code.toString(16).padStart(4, '0')}}`
  })
}

/** JSON as one line that holds no such characters either. */
export function jsonLine(value: unknown): string {
  const json = JSON.stringify(value).replace(HIDDEN, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  )
  return `${json}\n`
}
