/**
 * Conditions that have been opened, on as many kqueues as it takes.
 *
 *     const sources = new Sources(conditions, EV_CLEAR, manner)
 *     await sources.ready(left, signal)
 *     for (const { source, event } of await sources.next(64, left, signal)) ...
 *     sources.close()
 *
 * A kqueue has one knote for an ident and a filter. A condition that asks for one
 * that is taken goes to the next queue, and the first queue watches the others.
 */

import { setTimeout as delay } from 'node:timers/promises'
import {
  type Change,
  EV_ADD,
  EV_DELETE,
  EV_EOF,
  EV_ONESHOT,
  EV_RECEIPT,
  EV_SET,
  EVFILT_READ,
  type Kevent,
  kqueue,
} from '../index.js'
import type { Condition, Manner, Opened, Opener, Stream } from './condition.js'
import { SourceError } from './errors.js'

/** ms, the longest delay of Node.js */
const FOR_EVER = 0x7fffffff

/** A condition as it was asked for. */
export interface Asked {
  readonly condition: Condition
  /** As it was written: '--read fifo' */
  readonly name: string
  readonly open: Opener
}

/** A condition that is being watched. */
export interface Source extends Asked {
  /** A number that no other has. */
  readonly ident: number
  readonly opened: Opened
  /** Where it has one. */
  stream?: Stream
}

/** One event, and whose it is. */
export interface Happening {
  readonly source: Source
  readonly event: Kevent
}

/** A queue, and what is taken on it. */
class Layer {
  readonly queue = kqueue()
  readonly #taken = new Set<string>()

  /** @param alone whether it is for one source and no other */
  constructor(readonly alone = false) {}

  hasRoomFor(changes: readonly Change[]): boolean {
    return !this.alone && !changes.some((change) => this.#taken.has(key(change)))
  }

  add(change: Change): void {
    this.queue.kevent([change])
    this.#taken.add(key(change))
  }
}

function key({ filter, ident }: Change): string {
  return `${filter} ${ident}`
}

export class Sources {
  readonly #flags: number
  /** The sources watched, with the queue that each is on. */
  readonly #sources = new Map<Source, Layer | null>()
  readonly #layers: Layer[] = []
  /** What has happened and was not asked for yet. */
  #happened: Happening[] = []

  /**
   * Opens conditions, all or none.
   * @param flags for each change besides its own: EV_CLEAR or EV_ONESHOT
   * @throws SourceError
   */
  constructor(conditions: readonly Asked[], flags: number, manner: Manner) {
    this.#flags = flags
    try {
      // All before the first queue, whose descriptors are nobody's to watch.
      for (const [i, asked] of conditions.entries()) this.#open(asked, i + 1, manner)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** How many have not been finished. */
  get size(): number {
    return this.#sources.size
  }

  #open(asked: Asked, ident: number, manner: Manner): void {
    try {
      this.#sources.set({ ...asked, ident, opened: asked.open(ident, manner) }, null)
    } catch (error) {
      throw new SourceError(asked.name, error)
    }
  }

  /**
   * Watches all from now on, or as far as that is so when the time is over.
   * @param left ms that are left, undefined for ever
   * @throws (rejects with) SourceError; the reason of `signal`
   */
  async ready(left: () => number | undefined, signal: AbortSignal): Promise<void> {
    const begun = [...this.#sources.keys()].map((source) => this.#start(source))
    await untilOver(Promise.all(begun), left(), signal)
    for (const source of this.#sources.keys()) this.#register(source)
  }

  async #start(source: Source): Promise<void> {
    try {
      const { opened } = source
      if (opened.start === undefined) return
      const { queue } = this.#layers[0] ?? this.#add(new Layer())
      source.stream = opened.start({ queue, ident: source.ident, udata: source })
      await source.stream.ready
    } catch (error) {
      throw new SourceError(source.name, error)
    }
  }

  #register(source: Source): void {
    const { opened } = source
    const layer = opened.alone ? this.#add(new Layer(true)) : this.#layerFor(opened.changes)
    try {
      for (const change of opened.changes) {
        layer.add({ ...change, flags: change.flags | this.#flags, udata: source })
      }
    } catch (error) {
      this.#happened.push({ source, event: instead(source, error) })
      return
    }
    this.#sources.set(source, layer)
  }

  #layerFor(changes: readonly Change[]): Layer {
    return this.#layers.find((layer) => layer.hasRoomFor(changes)) ?? this.#add(new Layer())
  }

  #add(layer: Layer): Layer {
    // The first is never given up.
    if (layer.alone && this.#layers.length === 0) this.#add(new Layer())
    this.#layers.push(layer)
    const [first] = this.#layers
    if (first !== layer) {
      first?.queue.kevent([EV_SET(layer.queue.fd, EVFILT_READ, EV_ADD, 0, 0, layer)])
    }
    return layer
  }

  /**
   * Waits for at most `max` events; none when the time is over.
   * @param left ms that are left, undefined for ever
   * @throws (rejects with) the reason of `signal`; SourceError
   */
  async next(
    max: number,
    left: () => number | undefined,
    signal: AbortSignal,
  ): Promise<Happening[]> {
    const queue = this.#layers[0]!.queue
    while (this.#happened.length === 0) {
      const timeout = left()
      const events = await queue.wait({ nevents: max, timeout, signal })
      this.#take(events)
      if (events.length === 0 || timeout === 0) break
    }
    return this.#happened.splice(0, max)
  }

  #take(events: readonly Kevent[]): void {
    const asked = new Set<Source>()
    for (const event of events) {
      const { udata } = event
      // One of each other queue; it stays ready for the rest.
      const own = udata instanceof Layer ? udata.queue.kevent(null, 1, 0)[0] : event
      if (own === undefined) continue
      const source = own.udata as Source
      if (source.stream) asked.add(source)
      else this.#happened.push({ source, event: own })
    }
    for (const source of asked) {
      if (!this.#sources.has(source)) continue
      for (const event of this.#drain(source)) this.#happened.push({ source, event })
    }
  }

  #drain({ name, stream }: Source): Kevent[] {
    try {
      const events = stream!.take()
      return this.#flags & EV_ONESHOT ? events.slice(0, 1) : events
    } catch (error) {
      throw new SourceError(name, error)
    }
  }

  /** Whether an event was the last of its source. */
  isOver({ source, event }: Happening): boolean {
    if ((event.flags & EV_EOF) === 0) return false
    const layer = this.#sources.get(source)
    return !layer?.alone || layer.queue.knotes().length === 0
  }

  /** Watches a source no longer. */
  finish(source: Source): void {
    const layer = this.#sources.get(source)
    if (!this.#sources.delete(source)) return
    this.#happened = this.#happened.filter((happening) => happening.source !== source)
    const { opened, stream } = source
    if (layer?.alone) {
      this.#layers.splice(this.#layers.indexOf(layer), 1)
      layer.queue.close()
    } else {
      // Receipts, because what has fired once or was closed is registered no longer.
      const changes = opened.changes.map(({ ident, filter }) =>
        EV_SET(ident, filter, EV_DELETE | EV_RECEIPT),
      )
      layer?.queue.kevent(changes, changes.length, 0)
    }
    stream?.close()
    opened.close?.()
  }

  close(): void {
    for (const { stream } of this.#sources.keys()) stream?.close()
    for (const { queue } of this.#layers.reverse()) queue.close()
    for (const { opened } of this.#sources.keys()) opened.close?.()
    this.#layers.length = 0
    this.#sources.clear()
  }
}

/** Waits until it is done or the time is over. */
async function untilOver(
  done: Promise<unknown>,
  ms: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const end = new AbortController()
  const over = delay(ms ?? FOR_EVER, undefined, { signal: end.signal })
  const abort = (): void => end.abort()
  signal.addEventListener('abort', abort)
  try {
    await Promise.race([done, over.catch(() => {})])
    signal.throwIfAborted()
  } finally {
    signal.removeEventListener('abort', abort)
    end.abort()
  }
}

/** @throws SourceError */
function instead(source: Source, error: unknown): Kevent {
  let cause = error
  try {
    const event = source.opened.instead?.(error)
    if (event !== undefined) return event
  } catch (better) {
    cause = better
  }
  throw new SourceError(source.name, cause)
}
