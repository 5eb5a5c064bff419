/**
 * Where events go: `EventList`, which is filled again and again without
 * allocating, and `EventArray` and `OneEvent`, which make an object for each.
 */
import { EINVAL, fail } from '../errors.js'
import type { EventSink, Kevent } from '../event.js'

/** The most events that a list holds. */
const LARGEST = 2 ** 24

/**
 * A list of events for `keventInto`, one array for each field of a kevent:
 *
 *     const list = new EventList(64)
 *     const n = kq.keventInto(undefined, list)
 *     for (let i = 0; i < n; i++) console.log(list.ident[i], list.data[i])
 */
export class EventList implements EventSink, Iterable<Kevent> {
  /** How many events there is room for. */
  readonly capacity: number
  /** How many events the last call put in. */
  length = 0
  readonly ident: Float64Array
  readonly filter: Int16Array
  readonly flags: Uint16Array
  readonly fflags: Uint32Array
  readonly data: Float64Array
  readonly udata: unknown[]

  /**
   * @param capacity 1 to 16,777,216 events
   * @throws KqueueError EINVAL for another capacity
   */
  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > LARGEST) {
      fail(EINVAL, 'EventList', `a capacity is a whole number from 1 to ${LARGEST}`)
    }
    this.capacity = capacity
    this.ident = new Float64Array(capacity)
    this.filter = new Int16Array(capacity)
    this.flags = new Uint16Array(capacity)
    this.fflags = new Uint32Array(capacity)
    this.data = new Float64Array(capacity)
    this.udata = new Array<unknown>(capacity).fill(undefined)
  }

  /** Forgets the events, and with them their `udata`. */
  clear(): void {
    for (let i = 0; i < this.length; i++) this.udata[i] = undefined
    this.length = 0
  }

  /** Adds an event; the machine does. Hot path. */
  put(
    ident: number,
    filter: number,
    flags: number,
    fflags: number,
    data: number,
    udata: unknown,
  ): void {
    const i = this.length
    if (i >= this.capacity) return
    this.ident[i] = ident
    this.filter[i] = filter
    this.flags[i] = flags
    this.fflags[i] = fflags
    this.data[i] = data
    this.udata[i] = udata
    this.length = i + 1
  }

  /** The event at a position, undefined past the last one. */
  at(i: number): Kevent | undefined {
    if (!(i >= 0 && i < this.length)) return undefined
    return {
      ident: this.ident[i]!,
      filter: this.filter[i]!,
      flags: this.flags[i]!,
      fflags: this.fflags[i]!,
      data: this.data[i]!,
      udata: this.udata[i],
    }
  }

  *[Symbol.iterator](): IterableIterator<Kevent> {
    for (let i = 0; i < this.length; i++) yield this.at(i)!
  }
}

/** Makes an object for each event. */
export class EventArray implements EventSink {
  readonly events: Kevent[] = []

  put(
    ident: number,
    filter: number,
    flags: number,
    fflags: number,
    data: number,
    udata: unknown,
  ): void {
    this.events.push({ ident, filter, flags, fflags: fflags >>> 0, data, udata })
  }
}

/** Makes an object for one event, where no more are asked for: an array for it would have room for many. */
export class OneEvent implements EventSink {
  event: Kevent | null = null

  put(
    ident: number,
    filter: number,
    flags: number,
    fflags: number,
    data: number,
    udata: unknown,
  ): void {
    this.event = { ident, filter, flags, fflags: fflags >>> 0, data, udata }
  }
}
