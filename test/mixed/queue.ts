/**
 * A queue that is asked synchronously, awaited and iterated all at once, as the model sees it. It
 * does not predict who gets which event: it says of what was handed out whether it may be, and
 * what must be handed out still.
 */
import {
  EV_CLEAR,
  EV_DISPATCH,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  type Kevent,
  KQUEUE_TRUSTFD,
  type Kqueue,
  kqueuex,
} from 'kqueue'
import type { End } from './stream.js'

/** Not what must hold. */
export class Difference extends Error {}

const NAMES = new Map([
  [EVFILT_READ, 'READ'],
  [EVFILT_WRITE, 'WRITE'],
  [EVFILT_USER, 'USER'],
  [EVFILT_TIMER, 'TIMER'],
])

/** Clocks are read before and after a timer is set, and are not exact: ms. */
const ABOUT = 0.1

interface Asked {
  readonly filter: number
  readonly ident: number
  readonly flags: number
  readonly end?: End | undefined
  readonly inner?: Queue | undefined
}

let moments = 0

/** What is registered. */
export class Watch implements Asked {
  readonly filter: number
  readonly ident: number
  readonly flags: number
  readonly end: End | undefined
  /** The queue that it watches. */
  readonly inner: Queue | undefined
  disabled = false
  /** When something happened, and since when it is not to be handed out again for that. */
  #happened = ++moments
  #settled = 0
  /** What had come since the kernel was asked may be told again. */
  #walked = false
  triggered = false
  lowat = 1
  udata = 0
  /** A timer expires between the two. */
  due = [0, 0]

  constructor(asked: Asked) {
    this.filter = asked.filter
    this.ident = asked.ident
    this.flags = asked.flags
    this.end = asked.end
    this.inner = asked.inner
  }

  get clears(): boolean {
    return (this.flags & EV_CLEAR) !== 0
  }

  happened(): void {
    this.#happened = ++moments
  }

  /** It was handed out. */
  settle(walked: boolean): void {
    this.#settled = ++moments
    this.#walked = walked
  }

  /** Somebody has come for it, and it is to be handed out again if it holds still. */
  recall(): void {
    if (!this.clears) this.#settled = 0
  }

  /** When something happened here or, as far as it is pending, in the queue that is watched. */
  get last(): number {
    // A queue tells of what is pending there already no more than once.
    if (this.inner === undefined || this.clears) return this.#happened
    return Math.max(this.#happened, ...this.inner.pending.map(({ last }) => last))
  }

  get fresh(): boolean {
    return this.last > this.#settled
  }

  /** Whether there is something to report; of a timer, whether there surely is. */
  get holds(): boolean {
    const { end, inner } = this
    if (inner !== undefined) return inner.pending.length > 0
    if (this.filter === EVFILT_USER) return this.triggered
    if (this.filter === EVFILT_TIMER) return performance.now() > this.due[1]! + ABOUT
    if (end!.alone) return true
    return this.filter === EVFILT_READ ? end!.bytes >= this.lowat : end!.hasRoom
  }

  get pending(): boolean {
    return !this.disabled && this.holds && (this.fresh || !this.clears)
  }

  /** What is wrong with an event as a report of this, undefined when nothing is. */
  wrong({ data, flags, udata }: Kevent, walked: boolean): string | undefined {
    const { filter, end, inner } = this
    if (this.disabled) return 'is disabled'
    if (udata !== this.udata) return `has udata ${udata}, not ${this.udata}`
    // It counts those, too, that it has not been asked for since they were pending. Others may have
    // been given some in the same turn, and more or less may be left when this is looked at.
    if (inner !== undefined) return data > 0 ? undefined : `counts ${data}`
    if (filter === EVFILT_TIMER) {
      if (performance.now() < this.due[0]! - ABOUT) return 'has come early'
      return data === 1 ? undefined : `has expired ${data} times`
    }
    if (!this.holds) return `has nothing to report, but data ${data}`
    // Of room epoll tells whenever something was read.
    const isNew = this.fresh || this.#walked || filter === EVFILT_WRITE
    if (this.clears && !isNew) return 'was reported before'
    if (end === undefined) return undefined
    const ended = (flags & EV_EOF) !== 0
    if (ended !== end.alone && (ended || !walked)) return `has flags 0x${flags.toString(16)}`
    if (filter === EVFILT_READ && data !== end.bytes) return `has data ${data}, not ${end.bytes}`
    return undefined
  }

  toString(): string {
    return `(${this.ident}, ${NAMES.get(this.filter)})`
  }
}

/** A queue, what is registered, and who waits. */
export class Queue {
  readonly kq: Kqueue
  readonly watches = new Set<Watch>()
  closed = false
  /** Those that were begun and have not ended, who came first first. */
  readonly waiters: Waiter[] = []

  /** @param trusts whether the program deletes what it closes */
  constructor(readonly trusts: boolean) {
    this.kq = kqueuex(trusts ? KQUEUE_TRUSTFD : 0)
  }

  find(filter: number, ident: number): Watch | undefined {
    for (const watch of this.watches) {
      if (watch.filter === filter && watch.ident === ident) return watch
    }
    return undefined
  }

  get pending(): Watch[] {
    return [...this.watches].filter(({ pending }) => pending)
  }

  /** Somebody comes for events: what holds is to be reported again. */
  begin(waiter: Waiter): void {
    this.waiters.push(waiter)
    for (const watch of this.watches) watch.recall()
  }

  /**
   * These were handed out just now, to who has room for so many. An iteration has `walked` on
   * perhaps, without asking what has happened.
   */
  take(events: readonly Kevent[], room: number, walked = false): void {
    if (events.length > room) throw new Difference(`${events.length} events for ${room}`)
    const taken = new Set<Watch>()
    for (const event of events) {
      const watch = this.find(event.filter, event.ident)
      if (watch === undefined) {
        throw new Difference(`(${event.ident}, ${event.filter}) is not registered`)
      }
      const wrong = taken.has(watch) ? 'is there twice' : watch.wrong(event, walked)
      if (wrong !== undefined) throw new Difference(`${watch} ${wrong}`)
      taken.add(watch)
    }
    for (const watch of taken) this.#took(watch, walked)
  }

  #took(watch: Watch, walked: boolean): void {
    const { filter, flags, end } = watch
    watch.settle(walked)
    if (flags & EV_CLEAR) watch.triggered = false
    if (flags & EV_DISPATCH) watch.disabled = true
    // That nobody reads a pipe is said once.
    const last = filter === EVFILT_WRITE && end!.alone && !end!.isSocket
    if (flags & EV_ONESHOT || last) this.watches.delete(watch)
  }

  /** Nobody who waits is to be left waiting for this. */
  get neglected(): Watch | undefined {
    if (this.closed || this.waiters.length === 0) return undefined
    return this.pending.find(({ fresh }) => fresh)
  }
}

/** One who waits: by `wait`, or by `next` of an iterator. */
export class Waiter {
  state: 'waiting' | 'served' | 'ended' = 'waiting'
  /** Its time is over then; ms. */
  until = Number.POSITIVE_INFINITY
  readonly abort = new AbortController()

  constructor(
    readonly queue: Queue,
    readonly room: number,
    readonly timeout: number | null = null,
    readonly iteration?: Iteration,
  ) {
    if (timeout !== null) this.until = performance.now() + timeout
    // Who only looks does not wait.
    if (timeout !== 0) queue.begin(this)
  }

  got(events: readonly Kevent[]): void {
    if (events.length === 0) {
      if (performance.now() < this.until - ABOUT) throw new Difference('a wait has ended too early')
      this.state = 'ended'
      return
    }
    this.state = 'served'
    this.queue.take(events, this.room, this.iteration !== undefined)
  }

  /** An iterator is over. */
  done(): void {
    this.state = 'ended'
    const { queue, iteration } = this
    if (!queue.closed && !iteration!.left) throw new Difference('an iteration is over')
  }

  failed(error: unknown): void {
    this.state = 'ended'
    const { signal } = this.abort
    if (signal.aborted && error === signal.reason) return
    const isClosed = (error as NodeJS.ErrnoException).code === 'EBADF'
    if (!this.queue.closed || !isClosed) throw error
  }
}

export interface Iteration {
  readonly queue: Queue
  readonly iterator: AsyncIterableIterator<Kevent>
  /** The last request, which may have been answered. */
  last?: Waiter
  left: boolean
}
