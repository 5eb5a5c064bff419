/**
 * Names and paths as the system has them: strings with a character for each byte
 * (latin1), because a name need not be UTF-8. `textOf` is for people, filters and commands.
 */
export type Bytes = string

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\x00-\x7f]*$/

export function bytesOf(text: string): Bytes {
  return ASCII.test(text) ? text : Buffer.from(text).toString('latin1')
}

export function textOf(bytes: Bytes): string {
  return ASCII.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString()
}

/** As the functions of `node:fs` take it. */
export function pathOf(bytes: Bytes): string | Buffer {
  return ASCII.test(bytes) ? bytes : Buffer.from(bytes, 'latin1')
}
