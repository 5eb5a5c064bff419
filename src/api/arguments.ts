/**
 * Arguments of the conveniences. What kevent(2) takes is read by `core/copyin.ts`.
 */
import { type Abort, isAbort } from '../core/abort.js'
import { wrongType } from '../core/copyin.js'
import { EBADF, fail } from '../errors.js'
import type { System } from './system.js'

/** What can be given up. */
export interface Abortable {
  /** Gives up, rejecting with the signal's reason. */
  signal?: Abort | undefined
}

/**
 * A descriptor that is open, as it must be before a new one may take its number.
 * @throws TypeError, KqueueError EBADF
 */
export function assertDescriptor({ files }: System, fd: unknown): void {
  if (typeof fd !== 'number') throw wrongType('fd', 'a descriptor', fd)
  const isNumber = Number.isInteger(fd) && fd >= 0 && fd <= 0x7fffffff
  if (!isNumber || !files.isOpen(fd)) fail(EBADF, 'kevent', `${fd} is not an open descriptor`)
}

/** An AbortSignal, or nothing. */
export function abortSignal(signal: unknown): Abort | undefined {
  if (signal === undefined || signal === null) return undefined
  if (isAbort(signal)) return signal
  throw wrongType('signal', 'an AbortSignal', signal)
}
