/** The system calls that make a queue: kqueue(2), kqueuex(2), and kqueue1(2) of NetBSD. */
import { checkFlags, KQUEUE_FLAGS, wrongType } from '../core/copyin.js'
import { KQUEUE_CLOEXEC } from '../event.js'
import { type Kqueue, makeKqueue } from './kqueue.js'
import type { Bound } from './system.js'

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
