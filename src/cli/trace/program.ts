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

/** A command line as a shell could read it, the program without its directory. */
export function lineOf(words: readonly string[]): string {
  return words.map((word, i) => quoted(i === 0 ? baseOf(word) || word : word)).join(' ')
}

function quoted(word: string): string {
  if (/^[\w@%+=:,./…^~-]+$/u.test(word) || /^[^\s'"`$\\|&;<>()*?[\]{}!#]+$/u.test(word)) return word
  return `'${word.replaceAll("'", "'\\''")}'`
}
