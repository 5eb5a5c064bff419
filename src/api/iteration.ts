/**
 * The events of a queue, one after another: as from an asynchronous generator, which would await
 * each event once more on its way.
 */
import type { Abort } from '../core/abort.js'
import { OneEvent } from '../core/event-list.js'
import { EBADF, KqueueError } from '../errors.js'
import type { Kevent } from '../event.js'
import type { SystemQueue } from './system.js'

type Result = IteratorResult<Kevent, undefined>

/** Who waits for the next event: a Kqueue. */
export interface Waiting {
  wait(options: { nevents: number; signal: Abort | undefined }): Promise<Kevent[]>
}

export class EventIterator implements AsyncIterableIterator<Kevent> {
  #taken = 0
  #over = false
  /** Calls that have not been answered, */
  #unanswered = 0
  /** and the answer to the last of them: those that come meanwhile come after it. */
  #last: Promise<unknown> = Promise.resolve()

  /** @param batch events that are taken before the kernel is asked again what has happened */
  constructor(
    readonly kq: Waiting,
    readonly queue: SystemQueue,
    readonly batch: number,
    readonly signal: Abort | undefined,
  ) {}

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<Result> {
    return this.#inTurn(this.#next)
  }

  return(): Promise<Result> {
    return this.#inTurn(this.#leave)
  }

  #inTurn(step: () => Result | Promise<Result>): Promise<Result> {
    if (this.#unanswered > 0) return this.#after(step)
    try {
      const answer = step()
      if (!(answer instanceof Promise)) return Promise.resolve(answer)
      this.#last = answer
      return answer
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #after(step: () => Result | Promise<Result>): Promise<Result> {
    const begin = (): Result | Promise<Result> => {
      this.#unanswered--
      return step()
    }
    this.#unanswered++
    const answer = this.#last.then(begin, begin)
    this.#last = answer
    return answer
  }

  readonly #leave = (): Result => {
    this.#over = true
    return { done: true, value: undefined }
  }

  readonly #next = (): Result | Promise<Result> => {
    if (this.#over) return this.#leave()
    const { queue } = this
    try {
      this.signal?.throwIfAborted()
      if (this.#taken === 0) queue.assertOpen()
      const event = this.#walk()
      if (event !== null) return this.#paused(event, queue.pause())
      this.#unanswered++
      return this.#wait()
    } catch (error) {
      this.#over = true
      throw error
    }
  }

  /** Between two looks at the kernel the queue is only walked on, unless others wait already. */
  #walk(): Kevent | null {
    if (this.#taken % this.batch === 0 || this.queue.awaited) return null
    const sink = new OneEvent()
    this.queue.walkOn(sink, 1)
    return sink.event
  }

  #found(value: Kevent): Result {
    this.#taken++
    return { done: false, value }
  }

  #paused(event: Kevent, pause: Promise<void> | null): Result | Promise<Result> {
    const result = this.#found(event)
    if (pause === null) return result
    this.#unanswered++
    return pause.then(() => {
      this.#unanswered--
      return result
    })
  }

  /** Not async, and what it answers is the answer: who waits goes on turns earlier. */
  #wait(): Promise<Result> {
    return this.kq.wait({ nevents: 1, signal: this.signal }).then(this.#woken, this.#failed)
  }

  readonly #woken = (events: Kevent[]): Result | Promise<Result> => {
    const event = events[0]
    if (event === undefined) return this.#wait()
    this.#unanswered--
    return this.#found(event)
  }

  readonly #failed = (error: unknown): Result => {
    this.#unanswered--
    const result = this.#leave()
    if (this.queue.closed && error instanceof KqueueError && error.errno === -EBADF) return result
    throw error
  }
}
