/**
 * Who waits for events of one queue without blocking. The event loop watches the queue's
 * descriptor while somebody does; who came first is served first.
 */
import type { Abort } from '../core/abort.js'
import { EventArray } from '../core/event-list.js'
import { KqueueError } from '../errors.js'
import type { EventSink, Kevent } from '../event.js'
import type { Native, Watch } from './native.js'
import { ourErrno } from './translation.js'

/** The longest time, in ms, that a timer of Node.js has. */
const LONGEST = 2 ** 31 - 1

/** The queue that is waited for. */
export interface Awaited {
  readonly native: Native
  readonly fd: number
  /** Hands out what is pending: how many. */
  walkOn(sink: EventSink, max: number): number
}

interface Sleeper {
  readonly max: number
  /** On the scale of `performance.now()`. */
  readonly deadline: number
  readonly settle: (events: Kevent[] | undefined, reason?: unknown) => void
  timer: NodeJS.Timeout | undefined
}

export class Sleepers {
  readonly #list: Sleeper[] = []
  #watch: Watch | undefined
  #running = false
  #referenced = true

  constructor(readonly queue: Awaited) {}

  get length(): number {
    return this.#list.length
  }

  /** @param timeout in ns, -1 for ever */
  wait(max: number, timeout: number, signal: Abort | undefined): Promise<Kevent[]> {
    return new Promise((resolve, reject) => {
      const abort = (): void => settle(undefined, signal?.reason)
      const settle = (events: Kevent[] | undefined, reason?: unknown): void => {
        const index = this.#list.indexOf(sleeper)
        if (index === -1) return
        this.#list.splice(index, 1)
        clearTimeout(sleeper.timer)
        signal?.removeEventListener('abort', abort)
        if (events === undefined) reject(reason)
        else resolve(events)
      }
      const deadline = timeout < 0 ? Number.POSITIVE_INFINITY : performance.now() + timeout / 1e6
      const sleeper: Sleeper = { max, deadline, settle, timer: undefined }
      this.#list.push(sleeper)
      try {
        this.#begin(sleeper)
        signal?.addEventListener('abort', abort, { once: true })
      } catch (error) {
        settle(undefined, error)
        this.#rest()
      }
    })
  }

  /** Whether who sleeps keeps the program alive. */
  reference(referenced: boolean): void {
    if (referenced === this.#referenced) return
    this.#referenced = referenced
    this.#keep()
    for (const { timer } of this.#list)
      if (referenced) timer?.ref()
      else timer?.unref()
  }

  /** Nobody can be woken any more. */
  fail(reason: unknown): void {
    for (const sleeper of [...this.#list]) sleeper.settle(undefined, reason)
    this.#rest()
  }

  /** The queue is closed; whoever sleeps has been told. */
  close(): void {
    if (this.#watch !== undefined) this.queue.native.watchClose(this.#watch)
    this.#watch = undefined
    this.#running = false
  }

  #begin(sleeper: Sleeper): void {
    const { native, fd } = this.queue
    if (this.#watch === undefined) {
      const watch = native.watch(fd, (status) => this.#ready(status))
      if (typeof watch === 'number') throw failure(watch)
      this.#watch = watch
      this.#keep()
    }
    if (!this.#running) {
      const status = native.watchStart(this.#watch)
      if (status < 0) throw failure(status)
      this.#running = true
    }
    this.#arm(sleeper)
  }

  #keep(): void {
    if (this.#watch === undefined) return
    const { native } = this.queue
    if (this.#referenced) native.watchRef(this.#watch)
    else native.watchUnref(this.#watch)
  }

  /** Nobody sleeps: the loop need not look. */
  #rest(): void {
    if (this.#list.length > 0 || !this.#running || this.#watch === undefined) return
    this.queue.native.watchStop(this.#watch)
    this.#running = false
  }

  #arm(sleeper: Sleeper): void {
    if (sleeper.deadline === Number.POSITIVE_INFINITY) return
    const left = Math.max(0, Math.ceil(sleeper.deadline - performance.now()))
    sleeper.timer = setTimeout(() => this.#expire(sleeper), Math.min(left, LONGEST))
    if (!this.#referenced) sleeper.timer.unref()
  }

  /** What is pending by then is theirs. */
  #expire(sleeper: Sleeper): void {
    if (performance.now() < sleeper.deadline) {
      this.#arm(sleeper)
      return
    }
    this.#serve()
    sleeper.settle([])
    this.#rest()
  }

  #ready(status: number): void {
    if (status < 0) this.fail(failure(status))
    else this.#serve()
    this.#rest()
  }

  #serve(): void {
    for (const sleeper of [...this.#list]) {
      const sink = new EventArray()
      try {
        if (this.queue.walkOn(sink, sleeper.max) === 0) return
        sleeper.settle(sink.events)
      } catch (error) {
        sleeper.settle(undefined, error)
      }
    }
  }
}

function failure(status: number): KqueueError {
  return new KqueueError(ourErrno(-status), 'kevent', { reason: 'the event loop cannot watch it' })
}
