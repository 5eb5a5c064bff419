/**
 * Waiting for a queue without blocking: the event loop watches the queue's descriptor while
 * somebody does. Who waits, and in which order they are served, is in `core/waiting.ts`.
 */
import { type Callout, CalloutQueue } from '../core/callout.js'
import type { Awaited, Waiter, WaitKernel } from '../core/waiting.js'
import { KqueueError } from '../errors.js'
import type { Native, Watch } from './native.js'
import { ourErrno } from './translation.js'

/** The longest time, in ms, that a timer of Node.js has. */
const LONGEST = 2 ** 31 - 1

/** The queue that is waited for. */
interface WatchedQueue extends Awaited {
  readonly native: Native
  readonly fd: number
}

export class Sleepers implements WaitKernel {
  readonly callouts = new CalloutQueue()
  #watch: Watch | undefined
  #running = false
  #referenced = true
  /** Until the first callout. */
  #timer: NodeJS.Timeout | undefined

  constructor(readonly queue: WatchedQueue) {}

  uptime(): number {
    return performance.now() * 1e6
  }

  schedule(callout: Callout, time: number): void {
    this.callouts.schedule(callout, time)
  }

  awaited(_queue: Awaited, change: 1 | -1): void {
    if (change > 0) this.#start()
    else if (this.queue.waiters.length === 0) this.#stop()
    this.#arm()
  }

  resume(_queue: Awaited, goOn: () => void): void {
    goOn()
  }

  /** What is pending by then is theirs. */
  expire(waiter: Waiter): void {
    this.queue.waiters.serve()
    waiter.finish([])
  }

  /** Whether who sleeps keeps the program alive. */
  reference(referenced: boolean): void {
    if (referenced === this.#referenced) return
    this.#referenced = referenced
    this.#keep()
    this.#arm()
  }

  /** The queue is closed; whoever sleeps has been told. */
  close(): void {
    if (this.#watch !== undefined) this.queue.native.watchClose(this.#watch)
    this.#watch = undefined
    this.#running = false
  }

  #start(): void {
    const { native, fd } = this.queue
    if (this.#watch === undefined) {
      const watch = native.watch(fd, (status) => this.#ready(status))
      if (typeof watch === 'number') throw failure(watch)
      this.#watch = watch
      this.#keep()
    }
    if (this.#running) return
    const status = native.watchStart(this.#watch)
    if (status < 0) throw failure(status)
    this.#running = true
  }

  #keep(): void {
    if (this.#watch === undefined) return
    const { native } = this.queue
    if (this.#referenced) native.watchRef(this.#watch)
    else native.watchUnref(this.#watch)
  }

  /** Nobody sleeps: the loop need not look. */
  #stop(): void {
    if (!this.#running || this.#watch === undefined) return
    this.queue.native.watchStop(this.#watch)
    this.#running = false
  }

  /** Sets the timer for the first callout. */
  #arm(): void {
    clearTimeout(this.#timer)
    const { next } = this.callouts
    if (next === Number.POSITIVE_INFINITY) return
    const left = Math.max(0, Math.ceil((next - this.uptime()) / 1e6))
    this.#timer = setTimeout(() => this.#expire(), Math.min(left, LONGEST))
    if (!this.#referenced) this.#timer.unref()
  }

  #expire(): void {
    this.callouts.run(this.uptime())
    this.#arm()
  }

  #ready(status: number): void {
    const { waiters } = this.queue
    if (status < 0) waiters.fail(failure(status))
    else waiters.serve()
  }
}

function failure(status: number): KqueueError {
  return new KqueueError(ourErrno(-status), 'kevent', { reason: 'the event loop cannot watch it' })
}
