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
  EVFILT_PROC,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_PCTRLMASK,
  NOTE_REAP,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from '../../event.js'
import type { FilterOps } from '../filter.js'
import type { Origin } from '../image.js'
import { invalidImage, record, truth, whole } from '../image-check.js'
import { type Process, STATUS_UNKNOWN } from '../kernel.js'
import { Knlist } from '../knlist.js'
import type { Knote } from '../knote.js'

/** Later than anything can begin, in ns. */
const LATEST = 2 ** 63

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

/** The process of a knote in an image. */
export interface ProcessState {
  readonly pid: number
  /** With the pid it tells the process from others. */
  readonly start: number
  /** Its wait(2) status if it has exited. */
  readonly status: number | null
  /** Whether there is more to be told. */
  readonly watched: boolean
  /** What it has done until then; null where nobody counts. */
  readonly deeds: unknown
}

export function imageOfProcess({ hook, list }: Knote): ProcessState {
  const process = hook as Process
  const { pid, start = 0, exitStatus } = process
  const deeds = process.deeds?.() ?? null
  return { pid, start, status: exitStatus, watched: list !== null, deeds }
}

/** Checks what an image says of a process. @throws KqueueError EINVAL */
export function checkProcess({ filter, ident }: Knote, state: unknown): ProcessState {
  const given = record<'pid' | 'start' | 'watched' | 'deeds' | 'status'>(state, 'state')
  const { status } = given
  const pid = whole(given.pid, 'state.pid', 0, 0x7fffffff)
  if (filter === EVFILT_PROC && pid !== ident) throw invalidImage('state.pid', 'the ident')
  return {
    pid,
    start: whole(given.start, 'state.start', 0, LATEST),
    status: status === null ? null : whole(status, 'state.status', STATUS_UNKNOWN, 0x7fffffff),
    watched: truth(given.watched, 'state.watched'),
    deeds: given.deeds,
  }
}

/** A process of which nothing more will be told. */
class Ended implements Process {
  readonly klist = new Knlist()

  constructor(
    readonly pid: number,
    readonly start: number,
    readonly exitStatus: number | null,
  ) {}
}

/**
 * Attaches the copy of a knote to the process that its original watches; null when that is
 * gone. What has happened since is reported.
 * @param ended how it has ended, if it is gone
 */
export function resumeProcess(
  kn: Knote,
  { pid, start, status, watched, deeds }: ProcessState,
  process: Process | null,
  { handed }: Origin,
  ended = STATUS_UNKNOWN,
): void {
  kn.hook = process ?? new Ended(pid, start, status ?? (watched ? ended : null))
  if (!watched) return
  process?.klist.add(kn)
  if (handed && process !== null) return
  if (status === null) reportDeeds(kn, process?.deedsSince?.(deeds) ?? null)
  let active = kn.fflags !== 0
  const { exitStatus } = kn.hook as Process
  if (exitStatus !== null && status === null) active = kn.ops.event(kn, NOTE_EXIT)
  if (process === null && kn.sfflags & NOTE_REAP) active = kn.ops.event(kn, NOTE_REAP)
  if (active) kn.activate()
}

const DEEDS = NOTE_FORK | NOTE_EXEC

/**
 * What the process has done since; null where nobody knows. The children that it has had are
 * not followed, which NOTE_TRACKERR says.
 */
function reportDeeds(kn: Knote, deeds: number | null): void {
  const asksFor = (notes: number): boolean => (kn.sfflags & notes) !== 0
  const isMissing =
    deeds === null ? asksFor(DEEDS | NOTE_TRACK) : (deeds & NOTE_FORK) !== 0 && asksFor(NOTE_TRACK)
  kn.fflags |= (deeds ?? 0) & kn.sfflags
  if (isMissing) kn.fflags |= NOTE_TRACKERR
  kn.fflags >>>= 0
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

  image: imageOfProcess,

  restore(kn, state, origin) {
    const given = checkProcess(kn, state)
    const found = given.watched ? kn.kq.kernel.findProcess(given.pid) : null
    resumeProcess(kn, given, found?.start === given.start ? found : null, origin)
    return 0
  },
}
