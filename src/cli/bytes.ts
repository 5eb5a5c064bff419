/**
 * Words and paths need not be UTF-8. In a text, a byte that belongs to no character of UTF-8
 * is one half of a surrogate pair, U+DC80 to U+DCFF, as in Python (PEP 383), so that a text
 * says which bytes it was. `Bytes` are strings with a character for each byte (latin1).
 *
 *     openSync(pathOf(bytesOf(text)), O_PATH)
 */
import { readFileSync } from 'node:fs'

export type Bytes = string

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\x00-\x7f]*$/
/** Halves that stand for a byte. */
const ODD = /[\udc80-\udcff]/u
const ODD_OR_NOT = /([\udc80-\udcff])/u

/** Whether a text has bytes that are no UTF-8. */
export function isOdd(text: string): boolean {
  return ODD.test(text)
}

export function bytesOf(text: string): Bytes {
  if (ASCII.test(text)) return text
  if (!isOdd(text)) return Buffer.from(text).toString('latin1')
  const pieces = text.split(ODD_OR_NOT)
  return pieces
    .map((piece, i) =>
      i % 2 === 1
        ? String.fromCharCode(piece.charCodeAt(0) & 0xff)
        : Buffer.from(piece).toString('latin1'),
    )
    .join('')
}

/** One character of UTF-8, or a byte that belongs to none. Unicode, table 3-7. */
const SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
  /[\x00-\x7f]+|(?:[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+|[\x80-\xff]/g

export function textOf(bytes: Bytes): string {
  if (ASCII.test(bytes)) return bytes
  return bytes.replace(SEQUENCES, (piece) => {
    if (piece.length === 1 && piece > '\x7f')
      return String.fromCharCode(0xdc00 | piece.charCodeAt(0))
    return ASCII.test(piece) ? piece : Buffer.from(piece, 'latin1').toString()
  })
}

/** Bytes as the functions of `node:fs` take them. */
export function pathOf(bytes: Bytes): string | Buffer {
  return ASCII.test(bytes) ? bytes : Buffer.from(bytes, 'latin1')
}

/** A text as the functions of `node:fs` take it. */
export function fileOf(text: string): string | Buffer {
  return isOdd(text) ? pathOf(bytesOf(text)) : text
}

/** What Node.js puts for bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd'

/**
 * The words that kq was given. Node.js has replaced what is no UTF-8 in them; the kernel has
 * it still: proc_pid_cmdline(5).
 * @param words the last words of process.argv
 */
export function originalWords(words: readonly string[]): string[] {
  if (!words.some((word) => word.includes(REPLACEMENT))) return [...words]
  const all = readFileSync('/proc/self/cmdline', 'latin1').split('\0').slice(0, -1)
  const texts = all.slice(-words.length).map(textOf)
  const same = texts.every(
    (text, i) => Buffer.from(bytesOf(text), 'latin1').toString() === words[i],
  )
  return same ? texts : [...words]
}
