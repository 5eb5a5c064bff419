/** The system calls that make a queue: kqueue(2), kqueuex(2), and kqueue1(2) of NetBSD. */
import { wrongType } from '../core/copyin.js'
import { EINVAL, KqueueError } from '../errors.js'
import {
  KQUEUE_CLOEXEC,
  KQUEUE_CPONFORK,
  KQUEUE_CPONFORKFD,
  KQUEUE_CPONFORKNONFD,
  KQUEUE_TRUSTFD,
} from '../event.js'
import { type Kqueue, makeKqueue } from './kqueue.js'
import type { Bound } from './system.js'

const KQUEUE_FLAGS =
  KQUEUE_CLOEXEC | KQUEUE_CPONFORK | KQUEUE_CPONFORKFD | KQUEUE_CPONFORKNONFD | KQUEUE_TRUSTFD

export function kqueue(system: Bound): Kqueue {
  return makeKqueue(system().openQueue(0))
}

export function kqueuex(system: Bound, flags: number): Kqueue {
  checkFlags(flags, KQUEUE_FLAGS, 'kqueuex', 'KQUEUE_*')
  return makeKqueue(system().openQueue(flags))
}

/** O_NONBLOCK means nothing for a queue; NetBSD takes it. */
export function kqueue1(system: Bound, flags: number): Kqueue {
  if (typeof flags !== 'number') throw wrongType('flags', 'a number', flags)
  const { O_CLOEXEC, O_NONBLOCK } = system().flags
  checkFlags(flags, O_CLOEXEC | O_NONBLOCK, 'kqueue1', 'O_CLOEXEC and O_NONBLOCK')
  return makeKqueue(system().openQueue(flags & O_CLOEXEC ? KQUEUE_CLOEXEC : 0))
}

function checkFlags(flags: number, known: number, syscall: string, names: string): void {
  if (typeof flags !== 'number') throw wrongType('flags', 'a number', flags)
  // Bit operators would cut what is no int to one.
  const isMask = Number.isInteger(flags) && flags >= 0 && flags <= 0x7fffffff
  if (isMask && (flags & ~known) === 0) return
  throw new KqueueError(EINVAL, syscall, { reason: `flags are ${names}, not ${flags}` })
}
