/**
 * The parts of the package that are read when they are called for first, not when it is imported:
 * each platform has its own, and few programs need all of one. The build makes `#later`
 * (scripts/later.mjs).
 */
import * as later from '#later'
import { EMFILE, ENFILE, ENOSYS, KqueueError } from './errors.js'

/** What a program that is bundled takes, since files are read where the package is. */
export const EXTERNAL = 'names kqueue as external (docs/runtimes.md, Bundlers)'
const TAKES = 'to read a part of this package takes a descriptor, and'
const STAYS = `it stays where the package is installed, so who bundles a program ${EXTERNAL}`

/**
 * Takes a descriptor for a moment, and the file that came with this one.
 * @throws KqueueError EMFILE, ENFILE no descriptor is free; ENOSYS the file cannot be read any more
 */
function part<T>(read: () => T): (syscall?: string) => T {
  let answer: T | undefined
  return (syscall = 'kevent') => {
    try {
      answer ??= read()
      return answer
    } catch (error) {
      throw failure(error as NodeJS.ErrnoException, syscall)
    }
  }
}

function failure(cause: NodeJS.ErrnoException, syscall: string): unknown {
  const { message } = cause
  // Bun has it in the message alone.
  const code = cause.code ?? /^(E[A-Z]+) reading /.exec(message)?.[1]
  if (code === 'EMFILE') {
    const reason = `${TAKES} this process has none free: close some, or raise RLIMIT_NOFILE (ulimit -n)`
    return new KqueueError(EMFILE, syscall, { reason })
  }
  if (code === 'ENFILE') {
    const reason = `${TAKES} the sysctl fs.file-max allows this system no more`
    return new KqueueError(ENFILE, syscall, { reason })
  }
  if (code === undefined) return cause
  const [first] = message.split('\n')
  const reason = `a part of this package cannot be read: ${first}; ${STAYS}`
  return Object.assign(new KqueueError(ENOSYS, syscall, { reason }), { cause })
}

export const seldom = part(later.seldom)
export const files = part(later.files)
export const processes = part(later.processes)
export const rare = part(later.rare)
export const bsd = part(later.bsd)
