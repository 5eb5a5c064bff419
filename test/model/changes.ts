/** What a change does to a queue, and what fork does to a registration: the model's view. */
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_EOF,
  EV_FORCEONESHOT,
  EV_KEEPUDATA,
  EV_NOCPONFORK,
  EV_ONESHOT,
  EV_RECEIPT,
  EV_SYSFLAGS,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SENDFILE,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  type Kevent,
  KQUEUE_CPONFORK,
  KQUEUE_CPONFORKFD,
  KQUEUE_CPONFORKNONFD,
  NOTE_ABSTIME,
  NOTE_CHILD,
  NOTE_EXIT,
  NOTE_FFAND,
  NOTE_FFCOPY,
  NOTE_FFCTRLMASK,
  NOTE_FFLAGSMASK,
  NOTE_FFOR,
  NOTE_MSECONDS,
  NOTE_NSECONDS,
  NOTE_REAP,
  NOTE_SECONDS,
  NOTE_TRIGGER,
  NOTE_USECONDS,
} from 'kqueue/sim'
import { ModelEnd, type ModelProcess } from './files.js'
import { ModelQueue, Registration } from './queue.js'
import { type ModelSystem, Refusal } from './system.js'

/** Filters that the programs use. */
const FILTERS = [EVFILT_READ, EVFILT_WRITE, EVFILT_USER, EVFILT_TIMER, EVFILT_SIGNAL, EVFILT_PROC]
const UNITS = new Map([
  [0, 1e6],
  [NOTE_SECONDS, 1e9],
  [NOTE_MSECONDS, 1e6],
  [NOTE_USECONDS, 1e3],
  [NOTE_NSECONDS, 1],
])
const ACTIONS = EV_ADD | EV_DELETE | EV_ENABLE | EV_DISABLE | EV_FORCEONESHOT

/** Applies one change, or throws a Refusal. What it leaves in `fflags` is for the answer. */
export function change(system: ModelSystem, queue: ModelQueue, given: Kevent): void {
  const flags = given.flags & ~EV_SYSFLAGS
  const { filter, ident } = given
  const known = FILTERS.includes(filter)
  if (!known && filter !== EVFILT_SENDFILE) throw new Refusal('EINVAL')
  if (flags & EV_ENABLE && flags & EV_DISABLE) throw new Refusal('EINVAL')
  if (flags & EV_ADD && flags & EV_KEEPUDATA) throw new Refusal('EINVAL')
  if (filter === EVFILT_READ || filter === EVFILT_WRITE) {
    const file = queue.process.file(ident)
    if (file === undefined) throw new Refusal('EBADF')
    if (file === queue) throw new Refusal('EINVAL')
  }
  let found = queue.find(ident, filter)
  // Its process has exited and it has nothing to tell: for a change it is gone.
  if (found?.doomed) {
    queue.registrations.delete(found)
    found = undefined
  }
  if (found === undefined) {
    if ((flags & EV_ADD) === 0) throw new Refusal('ENOENT')
    const asked = { ...given, flags }
    given.fflags = 0
    if (!known) throw new Refusal('ENXIO')
    add(system, queue, asked)
  } else if (flags & EV_DELETE) {
    queue.registrations.delete(found)
  } else {
    modify(system, found, { ...given, flags })
    if (filter === EVFILT_USER) given.fflags &= NOTE_FFLAGSMASK
  }
}

function add(system: ModelSystem, queue: ModelQueue, given: Kevent): void {
  const r = new Registration(queue, { ...given, flags: given.flags & ~ACTIONS })
  attach(system, r)
  r.disabled = (given.flags & EV_DISABLE) !== 0
  queue.registrations.add(r)
  if (given.flags & EV_FORCEONESHOT) force(system, r)
  settle(system, r, false)
}

function modify(system: ModelSystem, r: Registration, given: Kevent): void {
  const { flags } = given
  if (r.filter === EVFILT_TIMER) {
    if (flags & EV_ADD) restart(system, r, given)
  } else if (r.filter === EVFILT_USER) {
    combine(r, given)
  } else {
    r.sfflags = given.fflags
    r.sdata = given.data
  }
  if ((flags & EV_KEEPUDATA) === 0) r.udata = given.udata
  const wasDisabled = r.disabled
  if (flags & EV_FORCEONESHOT) force(system, r)
  if (flags & EV_DISABLE) r.disabled = true
  if (flags & EV_ENABLE) r.disabled = false
  settle(system, r, wasDisabled)
}

function force(system: ModelSystem, r: Registration): void {
  r.flags |= EV_ONESHOT
  r.forced = true
  r.activate(system.tick())
}

/** After a change: what holds is pending. */
function settle(system: ModelSystem, r: Registration, wasDisabled: boolean): void {
  const { holds } = r
  if (holds === 'yes' || r.doomed) r.activate(system.tick())
  else if (holds === 'maybe' || wasDisabled) r.activate(system.tick(), false)
}

function attach(system: ModelSystem, r: Registration): void {
  switch (r.filter) {
    case EVFILT_READ:
    case EVFILT_WRITE:
      attachFile(r)
      break
    case EVFILT_USER:
      r.count = r.sfflags & NOTE_TRIGGER ? 1 : 0
      r.sfflags = (r.sfflags & ~NOTE_TRIGGER) >>> 0
      break
    case EVFILT_TIMER:
      r.timer = start(system, r.flags, r.sfflags, r.sdata)
      if ((r.sfflags & NOTE_ABSTIME) === 0) r.flags |= EV_CLEAR
      break
    case EVFILT_SIGNAL:
      if (r.ident < 1 || r.ident > 64 || r.ident === 9 || r.ident === 19)
        throw new Refusal('EINVAL')
      r.flags |= EV_CLEAR
      break
    case EVFILT_PROC: {
      const process = system.processes.get(r.ident)
      if (process === undefined) throw new Refusal('ESRCH')
      r.flags |= EV_CLEAR
      watch(r, process)
    }
  }
}

function attachFile(r: Registration): void {
  const { queue, ident, filter } = r
  const file = queue.process.file(ident)!
  if (file instanceof ModelQueue) {
    if (filter !== EVFILT_READ) throw new Refusal('EINVAL')
    if (file.reaches(queue)) throw new Refusal('ELOOP')
    r.target = file
  } else if (file instanceof ModelEnd) {
    if (filter === EVFILT_WRITE && file.isAlone) throw new Refusal('EPIPE')
    r.target = file
  }
}

/** The change of a user event: trigger, combine the flags, and EV_CLEAR resets. */
function combine(r: Registration, { fflags, flags, data }: Kevent): void {
  if (fflags & NOTE_TRIGGER) r.count = 1
  const given = fflags & NOTE_FFLAGSMASK
  const how = (fflags & NOTE_FFCTRLMASK) >>> 0
  if (how === NOTE_FFAND) r.sfflags &= given
  else if (how === NOTE_FFOR) r.sfflags = (r.sfflags | given) >>> 0
  else if (how === NOTE_FFCOPY) r.sfflags = given
  r.sdata = data
  if (flags & EV_CLEAR) r.count = 0
}

// Timers

function start(system: ModelSystem, flags: number, fflags: number, data: number) {
  const scale = UNITS.get(fflags & ~NOTE_ABSTIME)
  if (scale === undefined || data < 0 || data * scale >= 2 ** 63) throw new Refusal('EINVAL')
  if (fflags & NOTE_ABSTIME) {
    return { next: system.now + Math.max(0, data * scale - system.realtime), period: 0 }
  }
  if (flags & EV_ONESHOT) return { next: system.now + data * scale, period: 0 }
  const period = Math.max(1, data) * scale
  return { next: system.now + period, period }
}

/** Added again: starts anew and forgets. */
function restart(system: ModelSystem, r: Registration, { fflags, data }: Kevent): void {
  r.timer = start(system, r.flags, fflags, data)
  r.sfflags = fflags
  r.sdata = data
  r.count = 0
  r.forced = false
  r.leave()
}

// Processes

function watch(r: Registration, process: ModelProcess): void {
  r.target = process
  r.attached = true
  if (process.status === null) return
  if (r.sfflags & NOTE_EXIT) {
    r.notes = NOTE_EXIT
    r.status = process.status
  }
  if ((r.sfflags & NOTE_REAP) === 0) ended(r)
}

/** Its process will not report anything else. */
export function ended(r: Registration): void {
  r.attached = false
  r.flags |= EV_EOF | EV_ONESHOT
  r.doomed = r.notes === 0
}

/** NOTE_TRACK: announces the child, and watches it as the parent is watched. */
export function follow(
  r: Registration,
  parent: ModelProcess,
  child: ModelProcess,
  tick: number,
): void {
  const { queue, udata, sfflags, sdata, filter } = r
  const given = { ident: child.pid, filter, udata, fflags: sfflags, data: sdata }
  const announcement = new Registration(queue, { ...given, flags: r.flags | EV_ONESHOT })
  announcement.listed = false
  announcement.notes = NOTE_CHILD
  announcement.status = parent.pid
  queue.registrations.add(announcement)
  announcement.activate(tick)
  // One that is left of a process which had this pid before goes on under no name.
  const before = queue.find(child.pid, filter)
  if (before !== undefined) before.listed = false
  const follower = new Registration(queue, { ...given, flags: r.flags })
  watch(follower, child)
  queue.registrations.add(follower)
}

// Fork

/** The copy of a registration in a copy of its queue, null when it is left out. */
export function copyOf(
  r: Registration,
  to: ModelQueue,
  copies: ReadonlyMap<ModelQueue, ModelQueue>,
): Registration | null {
  const wanted = KQUEUE_CPONFORK | (r.ofDescriptor ? KQUEUE_CPONFORKFD : KQUEUE_CPONFORKNONFD)
  if (r.flags & EV_NOCPONFORK || (to.flags & wanted) === 0) return null
  if (r.ofDescriptor && to.process.file(r.ident) === undefined) return null
  const { ident, filter, flags, udata, sfflags, sdata } = r
  const copy = new Registration(to, { ident, filter, flags, udata, fflags: sfflags, data: sdata })
  const { disabled, forced, doomed, listed, count, notes, status, attached, earliest, latest } = r
  Object.assign(copy, { disabled, forced, doomed, listed, count, notes, status, attached })
  Object.assign(copy, { earliest, latest })
  copy.timer = r.timer && { ...r.timer }
  copy.target = r.target instanceof ModelQueue ? copies.get(r.target)! : r.target
  return copy
}

/** Whether the answer to a change is wanted even when it succeeds. */
export function receiptWanted({ flags }: Kevent): boolean {
  return (flags & EV_RECEIPT) !== 0
}
