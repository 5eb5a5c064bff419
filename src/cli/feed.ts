/**
 * An async iterable of the package as a stream, which a user event tells of:
 *
 *     new Feed(trigger, (signal, ready) => treeEvents(path, { signal, ready }), eventsOf)
 *
 * It is asked for no more than can be taken soon, so that what nobody takes stays with the
 * kernel.
 */
import { EV_ADD, EV_ONESHOT, EV_SET, EVFILT_USER, type Kevent, NOTE_TRIGGER } from '../index.js'
import type { Registration, Stream } from './condition.js'

/** Makes the event that tells of a stream. */
export function trigger({ queue, ident, udata }: Registration): void {
  queue.kevent([EV_SET(ident, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER, 0, udata)])
}

/** Events that are kept at most before the iterable is asked again. */
const MOST = 256

export class Feed<T> implements Stream {
  readonly ready: Promise<void>
  readonly #end = new AbortController()
  #events: Kevent[] = []
  #failure: unknown
  /** Goes on with the iterable, when it waits for room. */
  #goOn = (): void => {}

  /**
   * @param begin makes the iterable, which calls `ready` when it watches
   * @param eventsOf the events that one item is
   */
  constructor(
    readonly on: Registration,
    begin: (signal: AbortSignal, ready: () => void) => AsyncIterable<T>,
    readonly eventsOf: (item: T) => readonly Kevent[],
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.#pump(begin(this.#end.signal, resolve)).catch((error: unknown) => {
        if (this.#end.signal.aborted) return
        this.#failure = error
        trigger(on)
        reject(error)
      })
    })
    // It is taken as well.
    this.ready.catch(() => {})
  }

  async #pump(items: AsyncIterable<T>): Promise<void> {
    for await (const item of items) {
      if (this.#events.length === 0) trigger(this.on)
      this.#events.push(...this.eventsOf(item))
      if (this.#events.length < MOST) continue
      await new Promise<void>((resolve) => {
        this.#goOn = resolve
      })
    }
  }

  take(): Kevent[] {
    if (this.#failure !== undefined) throw this.#failure
    const events = this.#events
    this.#events = []
    this.#goOn()
    return events
  }

  close(): void {
    this.#end.abort()
    this.#goOn()
  }
}
