/**
 * The parts of the package that are read when they are called for first, not when it is imported:
 * each platform has its own, and few programs need all of one. The build makes `#later`
 * (scripts/later.mjs).
 */
import * as later from '#later'
import { EMFILE, ENFILE, fail } from './errors.js'

const TAKES = 'to read a part of this package takes a descriptor, and'

/** Who calls, pays with a descriptor for a moment. @throws KqueueError EMFILE, ENFILE none is free */
function part<T>(read: () => T, syscall: string): () => T {
  let answer: T | undefined
  return () => {
    try {
      answer ??= read()
      return answer
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EMFILE') {
        fail(
          EMFILE,
          syscall,
          `${TAKES} this process has none free: close some, or raise RLIMIT_NOFILE (ulimit -n)`,
        )
      }
      if (code === 'ENFILE') {
        fail(ENFILE, syscall, `${TAKES} the sysctl fs.file-max allows this system no more`)
      }
      throw error
    }
  }
}

export const linux = part(later.linux, 'kqueue')
export const rare = part(later.rare, 'open')
export const bsd = part(later.bsd, 'kqueue')
