/** Text as bytes: UTF-8, without what an engine alone does not have (TextEncoder). */

/** The bytes of a text; half a surrogate pair becomes U+FFFD. */
export function encode(text: string): Uint8Array {
  const bytes: number[] = []
  for (const character of text) {
    const code = character.codePointAt(0)!
    put(bytes, code >= 0xd800 && code <= 0xdfff ? 0xfffd : code)
  }
  return Uint8Array.from(bytes)
}

function put(bytes: number[], code: number): void {
  if (code < 0x80) {
    bytes.push(code)
    return
  }
  const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3
  const mark = (0xff00 >> (more + 1)) & 0xff
  bytes.push(mark | (code >> (6 * more)))
  for (let i = more - 1; i >= 0; i--) bytes.push(0x80 | ((code >> (6 * i)) & 0x3f))
}
