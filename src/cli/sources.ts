/**
 * Conditions that have been opened, on as many kqueues as it takes.
 *
 *     const sources = new Sources(conditions, EV_CLEAR)
 *     for (const { source, event } of await sources.next(64)) ...
 *     sources.close()
 *
 * A kqueue has one knote for an ident and a filter. A condition that asks for one
 * that is taken goes to the next queue, and the first queue watches the others.
 */
import {
  type Change,
  EV_ADD,
  EV_DELETE,
  EV_EOF,
  EV_RECEIPT,
  EV_SET,
  EVFILT_READ,
  type Kevent,
  kqueue,
} from '../index.js'
import type { Condition, Opened, Opener } from './condition.js'
import { SourceError } from './errors.js'

/** A condition as it was asked for. */
export interface Asked {
  readonly condition: Condition
  /** As it was written: '--read fifo' */
  readonly name: string
  readonly open: Opener
}

/** A condition that is being watched. */
export interface Source extends Asked {
  readonly opened: Opened
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
  /** The sources watched, with the queue that each is on. */
  readonly #sources = new Map<Source, Layer | null>()
  readonly #layers: Layer[] = []
  /** What has happened and needs no queue. */
  readonly #over: Happening[] = []

  /**
   * Opens and registers conditions, all or none.
   * @param flags for each change besides its own: EV_CLEAR or EV_ONESHOT
   * @throws SourceError
   */
  constructor(conditions: readonly Asked[], flags: number) {
    try {
      // All before the first queue, whose descriptors are nobody's to watch.
      for (const [i, asked] of conditions.entries()) this.#open(asked, i + 1)
      for (const source of this.#sources.keys()) this.#register(source, flags)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** How many have not been finished. */
  get size(): number {
    return this.#sources.size
  }

  #open(asked: Asked, ident: number): void {
    try {
      this.#sources.set({ ...asked, opened: asked.open(ident) }, null)
    } catch (error) {
      throw new SourceError(asked.name, error)
    }
  }

  #register(source: Source, flags: number): void {
    const { changes } = source.opened
    const layer = source.opened.alone ? this.#add(new Layer(true)) : this.#layerFor(changes)
    try {
      for (const change of changes) {
        layer.add({ ...change, flags: change.flags | flags, udata: source })
      }
    } catch (error) {
      this.#over.push({ source, event: instead(source, error) })
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
   * @param timeout ms, undefined for ever
   * @throws (rejects with) the reason of `signal`
   */
  async next(max: number, timeout?: number, signal?: AbortSignal): Promise<Happening[]> {
    if (this.#over.length > 0) return this.#over.splice(0, max)
    const queue = this.#layers[0]!.queue
    const happened: Happening[] = []
    for (const event of await queue.wait({ nevents: max, timeout, signal })) {
      const { udata } = event
      // One of each other queue, so that they are never more than `max`; it stays ready for the rest.
      const own = udata instanceof Layer ? udata.queue.kevent(null, 1, 0)[0] : event
      if (own !== undefined) happened.push({ source: own.udata as Source, event: own })
    }
    return happened
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
    if (layer?.alone) {
      this.#layers.splice(this.#layers.indexOf(layer), 1)
      layer.queue.close()
      source.opened.close?.()
      return
    }
    // Receipts, because what has fired once or was closed is registered no longer.
    const changes = source.opened.changes.map(({ ident, filter }) =>
      EV_SET(ident, filter, EV_DELETE | EV_RECEIPT),
    )
    layer?.queue.kevent(changes, changes.length, 0)
    source.opened.close?.()
  }

  close(): void {
    for (const { queue } of this.#layers.reverse()) queue.close()
    for (const { opened } of this.#sources.keys()) opened.close?.()
    this.#layers.length = 0
    this.#sources.clear()
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
