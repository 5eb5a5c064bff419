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
  /** The last of the calls that have not been answered: those that come meanwhile come after it. */
  #pending: Promise<unknown> | null = null

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
    if (this.#pending !== null) return this.#hold(this.#pending.then(step, step))
    try {
      const answer = step()
      return answer instanceof Promise ? this.#hold(answer) : Promise.resolve(answer)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #hold(answer: Promise<Result>): Promise<Result> {
    const release = (): void => {
      if (this.#pending === answer) this.#pending = null
    }
    this.#pending = answer
    answer.then(release, release)
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
      if (event === null) return this.#wait()
      const result = this.#found(event)
      return queue.pause()?.then(() => result) ?? result
    } catch (error) {
      this.#over = true
      throw error
    }
  }

  /** Between two looks at the kernel the queue is only walked on. */
  #walk(): Kevent | null {
    if (this.#taken % this.batch === 0) return null
    const sink = new OneEvent()
    this.queue.walkOn(sink, 1)
    return sink.event
  }

  #found(value: Kevent): Result {
    this.#taken++
    return { done: false, value }
  }

  async #wait(): Promise<Result> {
    const { kq, queue, signal } = this
    try {
      for (;;) {
        const [event] = await kq.wait({ nevents: 1, signal })
        if (event !== undefined) return this.#found(event)
      }
    } catch (error) {
      const result = this.#leave()
      if (queue.closed && error instanceof KqueueError && error.errno === -EBADF) return result
      throw error
    }
  }
}
