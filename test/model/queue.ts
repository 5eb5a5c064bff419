/**
 * A queue as the model sees it: registrations, what has happened to each, and since when
 * each waits to be reported. It does not predict what kevent(2) answers; it says of an
 * answer whether it may be given (`take`).
 *
 * Where a registration stands in the queue is fixed only as far as the semantics fix
 * it: it stands there from a moment between `earliest` and `latest`. Both are Infinity
 * when it does not wait; `latest` alone is when it perhaps waits. What waits longer is
 * reported first; what came in one moment comes in any order.
 */
import {
  type Change,
  EV_CLEAR,
  EV_DISPATCH,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_USER,
  EVFILT_WRITE,
  type Kevent,
  NOTE_LOWAT,
} from 'kqueue/sim'
import { ModelEnd, type ModelProcess } from './files.js'

/** The implementation and the model do not agree. */
export class Difference extends Error {}

const NEVER = Number.POSITIVE_INFINITY
/** Room that makes a pipe writable, without NOTE_LOWAT. */
const PIPE_BUF = 512

type Answer = 'yes' | 'no' | 'maybe'

export class Registration {
  readonly ident: number
  readonly filter: number
  flags: number
  udata: unknown
  sfflags: number
  sdata: number
  disabled = false
  /** EV_FORCEONESHOT was asked for. */
  forced = false
  /** A process that has ended without anything to report: gone when the queue is looked through. */
  doomed = false
  /** Changes find it; the announcement of a child they do not. */
  listed = true
  /** Expirations, signals; 1: the user event is triggered. */
  count = 0
  /** What a process did, and the status or parent that goes with it. */
  notes = 0
  status = 0
  /** What it watches, null for nothing that can happen. */
  target: ModelEnd | ModelQueue | ModelProcess | null = null
  /** The process that it watches has not ended. */
  attached = false
  /** The next expiration and the period, 0 for one that expires once; ns. */
  timer: { next: number; period: number } | null = null
  earliest = NEVER
  latest = NEVER

  constructor(
    readonly queue: ModelQueue,
    { ident, filter, flags, udata, fflags = 0, data = 0 }: Change,
  ) {
    this.ident = ident
    this.filter = filter
    this.flags = flags
    this.udata = udata
    this.sfflags = fflags
    this.sdata = data
  }

  get ofDescriptor(): boolean {
    return this.filter === EVFILT_READ || this.filter === EVFILT_WRITE
  }

  /** Whether there is something to report now. */
  get holds(): Answer {
    if (this.doomed) return 'no'
    if (this.forced) return 'yes'
    if (this.target instanceof ModelEnd) return this.endHolds(this.target) ? 'yes' : 'no'
    if (this.target instanceof ModelQueue) {
      if (this.target.least > 0) return 'yes'
      return this.target.most > 0 ? 'maybe' : 'no'
    }
    if (this.ofDescriptor) return 'no'
    return (this.filter === EVFILT_PROC ? this.notes : this.count) !== 0 ? 'yes' : 'no'
  }

  private endHolds({ pipe, reads, isAlone }: ModelEnd): boolean {
    const read = this.filter === EVFILT_READ
    if (isAlone) return true
    // The wrong end tells nothing else.
    if (read !== reads) return false
    const usual = read ? 1 : PIPE_BUF
    const least = this.sfflags & NOTE_LOWAT ? Math.max(1, this.sdata) : usual
    return (read ? pipe.bytes : pipe.space) >= least
  }

  /** It may be reported: since now, unless it waits already. `sure`: it must. */
  activate(tick: number, sure = true): void {
    if (this.disabled || this.latest < NEVER) return
    const surelyNew = sure && this.earliest === NEVER && !this.doomed
    this.earliest = Math.min(this.earliest, tick)
    if (sure) this.latest = tick
    for (const watcher of this.queue.watchers()) watcher.activate(tick, surelyNew)
  }

  /** It does not wait (any more). */
  leave(): void {
    this.earliest = this.latest = NEVER
  }

  /** What is wrong with an event as a report of this, null when nothing is. */
  wrong(event: Kevent): string | null {
    const want: Partial<Kevent> = { flags: this.flags, fflags: 0, udata: this.udata }
    let flags = event.flags
    let least = this.count
    let most = this.count
    if (this.filter === EVFILT_USER) {
      want.fflags = this.sfflags
      least = most = this.sdata
    } else if (this.filter === EVFILT_PROC) {
      want.fflags = this.notes
      least = most = this.status
    } else if (this.ofDescriptor && this.forced) {
      // Whatever the filter knew when it was asked the last time.
      flags &= ~EV_EOF
      least = -NEVER
      most = NEVER
    } else if (this.target instanceof ModelEnd) {
      const { pipe, isAlone, reads } = this.target
      const read = this.filter === EVFILT_READ
      if (isAlone) want.flags = this.flags | EV_EOF | (read ? 0 : EV_ONESHOT)
      least = most = read !== reads ? 0 : read ? pipe.bytes : isAlone ? 0 : pipe.space
    } else if (this.target instanceof ModelQueue) {
      least = Math.max(1, this.target.least)
      most = this.target.most
    }
    if (flags !== want.flags) return `flags ${hex(want.flags!)}, not ${hex(flags)}`
    if (event.fflags !== want.fflags) return `fflags ${hex(want.fflags!)}, not ${hex(event.fflags)}`
    if (event.udata !== want.udata) return `udata ${want.udata}, not ${event.udata}`
    if (event.data >= least && event.data <= most) return null
    return `data ${least === most ? least : `${least}..${most}`}, not ${event.data}`
  }

  /** It was reported. */
  handOut(tick: number): void {
    this.leave()
    this.forced = false
    const lost = this.filter === EVFILT_WRITE && this.target instanceof ModelEnd
    if (this.flags & EV_ONESHOT || (lost && (this.target as ModelEnd).isAlone)) {
      this.queue.registrations.delete(this)
      return
    }
    if (this.flags & EV_CLEAR) this.count = this.notes = this.status = 0
    if (this.flags & EV_DISPATCH) this.disabled = true
    // To the tail. Queues that watch this one know of it already.
    if ((this.flags & (EV_CLEAR | EV_DISPATCH)) === 0) this.earliest = this.latest = tick
  }

  toString(): string {
    return `(${this.ident}, ${this.filter})`
  }
}

export class ModelQueue {
  readonly registrations = new Set<Registration>()
  /** Descriptors that refer to it. */
  references = 0

  constructor(
    readonly process: ModelProcess,
    readonly flags: number,
  ) {}

  find(ident: number, filter: number): Registration | undefined {
    for (const r of this.registrations) {
      if (r.ident === ident && r.filter === filter && r.listed) return r
    }
    return undefined
  }

  /** The least that can be pending. */
  get least(): number {
    return this.count((r) => r.latest < NEVER && r.holds === 'yes')
  }

  /** The most that can be pending. */
  get most(): number {
    return this.count((r) => r.earliest < NEVER)
  }

  count(wanted: (r: Registration) => boolean): number {
    let n = 0
    for (const r of this.registrations) if (wanted(r)) n++
    return n
  }

  /** The registrations of this queue in others; queues of other processes cannot see it. */
  *watchers(): Iterable<Registration> {
    for (const queue of this.process.queues()) {
      for (const r of queue.registrations) if (r.target === this) yield r
    }
  }

  /** Whether it watches `target`, directly or through others. */
  reaches(target: ModelQueue): boolean {
    if (this === target) return true
    for (const r of this.registrations) {
      if (r.target instanceof ModelQueue && r.target.reaches(target)) return true
    }
    return false
  }

  /**
   * A call with room for so many events has reported these.
   * @param tick answers ever later moments
   */
  take(events: readonly Kevent[], room: number, tick: () => number): void {
    if (events.length > room) throw new Difference(`${events.length} events, ${room} wanted`)
    const full = events.length === room
    const reported = new Set<Registration>()
    let floor = 0
    for (const event of events) {
      const r = this.reportedBy(event, reported)
      if (r.latest < floor) throw new Difference(`${r} waited longer, and is reported later`)
      floor = Math.max(floor, r.earliest)
      reported.add(r)
    }
    const last = [...reported].at(-1)?.latest ?? -1
    for (const r of [...this.registrations]) {
      if (reported.has(r) || r.earliest === NEVER) continue
      if (!full || r.latest < floor) this.visitedInVain(r)
      else if (r.earliest <= last && (r.disabled || r.holds !== 'yes')) r.latest = NEVER
    }
    for (const r of reported) r.handOut(tick())
  }

  private reportedBy(event: Kevent, reported: ReadonlySet<Registration>): Registration {
    let complaint = 'is not registered, or reported twice'
    for (const r of this.registrations) {
      if (r.ident !== event.ident || r.filter !== event.filter || reported.has(r)) continue
      if (r.disabled) complaint = 'is disabled'
      else if (r.holds === 'no') complaint = 'has nothing to report'
      else if (r.earliest === NEVER) complaint = 'is not pending'
      else {
        const wrong = r.wrong(event)
        if (wrong === null) return r
        complaint = `should have ${wrong}`
      }
    }
    throw new Difference(`event (${event.ident}, ${event.filter}) ${complaint}`)
  }

  private visitedInVain(r: Registration): void {
    if (r.disabled) r.leave()
    else if (r.doomed) this.registrations.delete(r)
    else if (r.holds === 'yes' && r.latest < NEVER) throw new Difference(`${r} is not reported`)
    r.leave()
  }
}

function hex(n: number): string {
  return `0x${n.toString(16)}`
}
