/**
 * EVFILT_PROC: what happens to a process (`proc_filtops`): NOTE_EXIT, NOTE_FORK,
 * NOTE_EXEC, NOTE_REAP, and NOTE_TRACK, which follows it across forks; for that see
 * `fork.ts`. kqueue(2).
 *
 * A knote hangs on the process's list until the process exits, or with NOTE_REAP until
 * it is reaped, as in macOS; what the process did is kept in the knote's `fflags` until it is handed out.
 */
import { ESRCH, refuse } from '../../errors.js'
import {
  EV_CLEAR,
  EV_DROP,
  EV_EOF,
  EV_ONESHOT,
  NOTE_EXIT,
  NOTE_PCTRLMASK,
  NOTE_REAP,
} from '../../event.js'
import type { FilterOps } from '../filter.js'
import type { Process } from '../kernel.js'
import type { Knote } from '../knote.js'

/** Attaches a knote to a process, or reports at once that it has exited. */
export function watchProcess(kn: Knote, process: Process): void {
  kn.flags |= EV_CLEAR
  kn.hook = process
  if (process.exitStatus === null || kn.sfflags & NOTE_REAP) process.klist.add(kn)
  if (process.exitStatus !== null) exited(kn, process)
}

/** The process has exited: the end, unless it is to be reported that it was reaped. */
function exited(kn: Knote, process: Process): void {
  if (kn.sfflags & NOTE_EXIT) {
    kn.fflags = (kn.fflags | NOTE_EXIT) >>> 0
    kn.data = process.exitStatus ?? 0
  }
  if ((kn.sfflags & NOTE_REAP) === 0) ended(kn, process)
}

/** Nothing else will be reported. */
function ended(kn: Knote, process: Process): void {
  process.klist.remove(kn)
  kn.flags |= EV_EOF | EV_ONESHOT
  if (kn.fflags === 0) kn.flags |= EV_DROP
}

export const procFilter: FilterOps = {
  isFd: false,

  attach(kn) {
    const process = kn.kq.kernel.findProcess(kn.ident)
    if (process === null) return refuse(ESRCH, `there is no process ${kn.ident}`)
    watchProcess(kn, process)
    return 0
  },

  detach(kn) {
    ;(kn.hook as Process).klist.remove(kn)
  },

  event(kn, hint) {
    const event = (hint & NOTE_PCTRLMASK) >>> 0
    kn.fflags = (kn.fflags | (kn.sfflags & event)) >>> 0
    const process = kn.hook as Process
    if (event === NOTE_EXIT) exited(kn, process)
    else if (event === NOTE_REAP) ended(kn, process)
    return kn.fflags !== 0 || (kn.flags & EV_DROP) !== 0
  },

  copy(kn, from) {
    kn.hook = from.hook
    if (from.list !== null) from.list.add(kn)
    return 0
  },
}
