/**
 * The program that a process runs, for people.
 */

/** Characters of a name that the kernel keeps: TASK_COMM_LEN less the final NUL. */
const NAME = 15

/** The name of a program: the kernel's, which for a script is that of the script; whole, where the words have it. */
export function nameOf(name: string, words: readonly string[] | null): string {
  const [first = '', second = ''] = words ?? []
  if (name === '') return baseOf(first)
  if (Buffer.byteLength(name) < NAME) return name
  return [first, second].map(baseOf).find((word) => word.startsWith(name)) ?? name
}

/** Without its directory. */
export function baseOf(path: string): string {
  return path.replace(/\/+$/, '').replace(/^.*\//s, '')
}

/** A command line as a shell could read it, the program without its directory, a script on one line. */
export function lineOf(words: readonly string[]): string {
  const script = scriptIn(words)
  const shown = words.map((word, i) => {
    if (i === 0) return baseOf(word) || word
    return i === script ? word.trim().replace(/\s+/g, ' ') : word
  })
  return shown.map(quoted).join(' ')
}

function quoted(word: string): string {
  if (/^[\w@%+=:,./…^~-]+$/u.test(word) || /^[^\s'"`$\\|&;<>()*?[\]{}!#]+$/u.test(word)) return word
  return `'${word.replaceAll("'", "'\\''")}'`
}

const SHELL = /^-?(?:|a|ba|da|fi|k|mk|t?c|ya|z)sh$/
/** Options of shells that take a word. */
const TAKES_WORD = /^[-+][A-Za-z]*[oO]$/

/** Which of the words is a script, as in sh -c 'cd src; make'; -1 when none is. */
export function scriptIn(words: readonly string[]): number {
  let at = SHELL.test(baseOf(words[0] ?? '')) ? 1 : words.length
  let expected = false
  while (/^[-+]./.test(words[at] ?? '')) {
    const word = words[at]!
    expected ||= /^-[A-Za-z]*c/.test(word)
    at += TAKES_WORD.test(word) ? 2 : 1
  }
  return expected && at < words.length ? at : -1
}
