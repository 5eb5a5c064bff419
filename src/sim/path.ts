/**
 * Paths as the calls get them, taken apart: `/a//b/` is `['a', 'b']`, from the
 * root, and has to be a directory. path_resolution(7).
 */
import { wrongType } from '../core/copyin.js'
import { EINVAL, ENAMETOOLONG, ENOENT, fail } from '../errors.js'

/** The longest name, in UTF-16 code units (a real kernel counts bytes). */
const NAME_MAX = 255
/** One more than the longest path, as on Linux, where it counts the final zero. */
const PATH_MAX = 4096

export interface Path {
  /** As it was given, for messages. */
  readonly text: string
  readonly absolute: boolean
  /** Without empty ones; `.` and `..` are left in. */
  readonly names: readonly string[]
  /** It ends in a slash. */
  readonly directory: boolean
}

/**
 * Takes a path apart.
 * @throws KqueueError EINVAL for one with a zero in it, ENOENT for an empty one,
 * ENAMETOOLONG; TypeError for what is not a string
 */
export function parsePath(text: string, syscall: string): Path {
  if (typeof text !== 'string') throw wrongType('path', 'a string', text)
  if (text.includes('\0')) fail(EINVAL, syscall, 'a path has no zero in it')
  if (text === '') fail(ENOENT, syscall, 'the path is empty')
  const names = text.split('/').filter((name) => name !== '')
  if (text.length >= PATH_MAX || names.some((name) => name.length > NAME_MAX)) {
    const longest = `a path has less than ${PATH_MAX} characters, a name in it at most ${NAME_MAX}`
    fail(ENAMETOOLONG, syscall, longest)
  }
  return { text, absolute: text.startsWith('/'), names, directory: text.endsWith('/') }
}
