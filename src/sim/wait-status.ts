/** How a child ended, and which child a call of waitpid(2) means. */
import { ECHILD, EINVAL, KqueueError } from '../errors.js'
import { signalName } from './signals.js'

/** How a child ended: what waitpid(2) answers. */
export interface WaitStatus {
  readonly pid: number
  /** As wait(2) encodes it. */
  readonly status: number
  /** What it gave to exit, null when a signal ended it. */
  readonly code: number | null
  /** The name of the signal that ended it, null when it exited. */
  readonly signal: string | null
}

export function waitStatus(pid: number, status: number): WaitStatus {
  const signal = status & 0x7f
  if (signal !== 0) return { pid, status, code: null, signal: signalName(signal) }
  return { pid, status, code: (status >> 8) & 0xff, signal: null }
}

/**
 * The children that a pid means: itself, or all with -1.
 * @throws KqueueError ECHILD there is none, EINVAL
 */
export function childrenFor<Child extends { readonly pid: number }>(
  pid: number,
  children: Iterable<Child>,
): Child[] {
  if (!Number.isInteger(pid) || pid < -1 || pid === 0) {
    throw new KqueueError(EINVAL, 'waitpid', {
      reason: `a child is a pid, or -1 for any, not ${String(pid)}`,
    })
  }
  const meant = [...children].filter((child) => pid === -1 || child.pid === pid)
  if (meant.length > 0) return meant
  throw new KqueueError(ECHILD, 'waitpid', {
    reason: pid === -1 ? 'there are no children' : `${pid} is not a child`,
  })
}
