/**
 * EVFILT_SIGNAL: how often a signal was sent to the process that has the queue,
 * whatever the process does with it (`sig_filtops`). `data` counts the times since
 * the last one was handed out. kqueue(2).
 */
import { EINVAL, refuse } from '../../errors.js'
import { EV_CLEAR } from '../../event.js'
import type { FilterOps } from '../filter.js'
import { whole } from '../image-check.js'
import type { Knote } from '../knote.js'

/** In a hint on a process's list: the rest is the number of a signal. */
export const HINT_SIGNAL = 0x08000000

const SIGKILL = 9
const SIGSTOP = 19
/** The highest signal of Linux. */
export const SIGRTMAX = 64

/** @throws KqueueError EINVAL `ident` is no signal that a process may handle */
export function checkSignal({ ident }: Knote): void {
  if (ident >= 1 && ident <= SIGRTMAX && ident !== SIGKILL && ident !== SIGSTOP) return
  refuse(EINVAL, `${ident} is not a signal that can be watched`)
}

function watchOwner(kn: Knote): number {
  const { process } = kn.kq.files
  if (process === undefined) return refuse(EINVAL, 'signals cannot be watched here')
  process.klist.add(kn)
  return 0
}

export const signalFilter: FilterOps = {
  isFd: false,

  attach(kn) {
    checkSignal(kn)
    kn.flags |= EV_CLEAR
    return watchOwner(kn)
  },

  detach(kn) {
    kn.list?.remove(kn)
  },

  event(kn, hint) {
    if (hint & HINT_SIGNAL && (hint & ~HINT_SIGNAL) === kn.ident) kn.data++
    return kn.data !== 0
  },

  image: ({ kq, ident }) => kq.files.process?.signalCount?.(ident) ?? null,

  restore(kn, state, { here }) {
    const before = state === null ? null : whole(state, 'state', 0, Number.MAX_SAFE_INTEGER)
    checkSignal(kn)
    watchOwner(kn)
    const now = kn.kq.files.process?.signalCount?.(kn.ident)
    if (!here || before === null || now === undefined) return 0
    kn.data += Math.max(0, now - before)
    if (now > before) kn.activate()
    return 0
  },
}
