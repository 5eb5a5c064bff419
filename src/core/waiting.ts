/**
 * Who waits for events of a queue without blocking: in which order they are served, until
 * when, and how they give up. Each kernel says when a queue is to be served, and in which
 * turn of its programs those who waited go on.
 *
 *     const events = await kq.waiters.wait(max, timeout, { signal })
 *     kq.waiters.serve() // from the kernel, some time after `wakeup(kq)`
 */
import { EBADF, EINTR, KqueueError } from '../errors.js'
import type { EventSink, Kevent } from '../event.js'
import type { Abort } from './abort.js'
import { Callout } from './callout.js'
import { EventArray } from './event-list.js'
import type { Kernel } from './kernel.js'

export interface WaitOptions {
  /** Gives up, rejecting with its reason. */
  readonly signal?: Abort | undefined
  /** Gives up with EINTR when the kernel says `interrupt`. */
  readonly interruptible?: boolean
}

/** A queue that is waited for. */
export interface Awaited {
  readonly kernel: WaitKernel
  readonly waiters: WaitList
  /** 0 when nothing is pending. */
  readonly count: number
  scan(sink: EventSink, max: number, samePass?: boolean): number
}

/** What waiting needs of a kernel. */
export type WaitKernel = Pick<
  Kernel,
  'callouts' | 'uptime' | 'schedule' | 'awaited' | 'resume' | 'expire'
>

/** One who waits, and the end of its time. */
export class Waiter extends Callout {
  #abort: (() => void) | null = null
  #settled = false
  /** It is being served; */
  #served = false
  /** and what has ended it meanwhile, unless there are events for it: they would be lost. */
  #failure: { readonly reason: unknown } | null = null

  constructor(
    readonly kq: Awaited,
    readonly max: number,
    readonly options: WaitOptions,
    readonly resolve: (events: Kevent[]) => void,
    readonly reject: (reason: unknown) => void,
  ) {
    super()
  }

  /** Its time begins, and it counts. From now on it has to be ended, also when this throws. */
  begin(timeout: number): void {
    const { kernel } = this.kq
    const { signal } = this.options
    if (timeout >= 0) kernel.schedule(this, kernel.uptime() + timeout)
    kernel.awaited(this.kq, 1)
    if (signal === undefined) return
    // Last, because a signal of the program's own may do here what it likes.
    this.#abort = () => this.fail(signal.reason)
    signal.addEventListener('abort', this.#abort, { once: true })
  }

  /** Its time is over. */
  override call(): void {
    this.kq.kernel.expire(this)
  }

  /**
   * Hands out to it what is pending, and goes on with that: whether it went on. A filter that
   * throws fails it, and one may do to it what it likes.
   */
  serve(samePass: boolean): boolean {
    const { events } = this.#scan(samePass)
    if (events.length > 0) this.finish(events)
    else if (this.#failure !== null) this.fail(this.#failure.reason)
    return this.#settled
  }

  #scan(samePass: boolean): EventArray {
    const sink = new EventArray()
    this.#served = true
    try {
      this.kq.scan(sink, this.max, samePass)
    } catch (error) {
      this.#failure ??= { reason: error }
    } finally {
      this.#served = false
    }
    return sink
  }

  /** It goes on, with events or without. */
  finish(events: Kevent[]): void {
    this.#end(() => this.resolve(events))
  }

  fail(reason: unknown): void {
    if (this.#served) this.#failure ??= { reason }
    else this.#end(() => this.reject(reason))
  }

  #end(goOn: () => void): void {
    if (this.#settled) return
    this.#settled = true
    const { kernel, waiters } = this.kq
    if (this.scheduled) kernel.callouts.cancel(this)
    waiters.remove(this)
    kernel.resume(this.kq, goOn)
    if (this.#abort !== null) this.options.signal?.removeEventListener('abort', this.#abort)
  }
}

/** Those who wait for one queue, who came first first. */
export class WaitList {
  readonly #waiters: Waiter[] = []

  constructor(readonly kq: Awaited) {}

  get length(): number {
    return this.#waiters.length
  }

  /**
   * Waits for at most `timeout` ns (-1 for ever) for at most `max` events.
   * @throws (rejects with) the reason of `signal`; EBADF the queue is closed; what the kernel
   *   says when nobody can wait, in which case nothing is left of it
   */
  wait(max: number, timeout: number, options: WaitOptions = {}): Promise<Kevent[]> {
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(this.kq, max, options, resolve, reject)
      this.#waiters.push(waiter)
      try {
        waiter.begin(timeout)
      } catch (error) {
        waiter.fail(error)
      }
    })
  }

  /** Hands out what is pending. */
  serve(): void {
    let samePass = false
    while (this.#waiters.length > 0 && this.kq.count > 0) {
      if (!this.#waiters[0]!.serve(samePass)) return
      samePass = true
    }
  }

  /** A signal has been handled: ends those who are interrupted by it. */
  interrupt(): void {
    for (const waiter of [...this.#waiters]) {
      if (waiter.options.interruptible) waiter.fail(interrupted())
    }
  }

  /** Nobody can be woken any more. */
  fail(reason: unknown): void {
    for (const waiter of [...this.#waiters]) waiter.fail(reason)
  }

  /** The queue is closed. */
  close(): void {
    if (this.#waiters.length === 0) return
    this.fail(new KqueueError(EBADF, 'kevent', { reason: 'the kqueue was closed' }))
  }

  remove(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter)
    if (index === -1) return
    this.#waiters.splice(index, 1)
    this.kq.kernel.awaited(this.kq, -1)
  }
}

/** What a wait ends with when a signal came before there were events. */
export function interrupted(): KqueueError {
  return new KqueueError(EINTR, 'kevent', { reason: 'a signal came before any event' })
}
