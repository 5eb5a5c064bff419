/**
 * Text in the columns of a terminal: how many it takes, and the beginning that fits.
 */

/** What takes two columns: the wide characters of East Asia, and emoji. Unicode, UAX 11. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
/** What is written over the character before it. */
const COMBINING = /\p{Mn}|\p{Me}/u

function columnsOfOne(character: string): number {
  if (character <= '\u02ff') return 1
  if (COMBINING.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}

export function columnsOf(text: string): number {
  let columns = 0
  for (const character of text) columns += columnsOfOne(character)
  return columns
}

/** The text, or as much of it as fits with '…' at its end. */
export function fitting(text: string, columns: number): string {
  let taken = 0
  // As much as leaves room for the mark.
  let kept = 0
  for (let at = 0; at < text.length; ) {
    const character = String.fromCodePoint(text.codePointAt(at)!)
    taken += columnsOfOne(character)
    if (taken > columns) return columns < 1 ? '' : `${text.slice(0, kept)}…`
    at += character.length
    if (taken < columns) kept = at
  }
  return text
}
