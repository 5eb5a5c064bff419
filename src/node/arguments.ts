/**
 * Arguments that only Node.js has. What every kernel reads is read by
 * `core/copyin.ts`.
 */
import { wrongType } from '../core/copyin.js'
import { EBADF, KqueueError } from '../errors.js'
import { LinuxKernel } from '../linux/kernel.js'

/**
 * A descriptor that is open, as it must be before a new one may take its number.
 * @throws TypeError, KqueueError EBADF
 */
export function assertDescriptor(fd: unknown): void {
  if (typeof fd !== 'number') throw wrongType('fd', 'a descriptor', fd)
  const isNumber = Number.isInteger(fd) && fd >= 0 && fd <= 0x7fffffff
  if (!isNumber || LinuxKernel.ofThread().stat(fd) !== 0) {
    throw new KqueueError(EBADF, 'kevent', { reason: `${fd} is not an open descriptor` })
  }
}

/** An AbortSignal, or nothing. */
export function abortSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal === null) return undefined
  if (!(signal instanceof AbortSignal)) throw wrongType('signal', 'an AbortSignal', signal)
  return signal
}
