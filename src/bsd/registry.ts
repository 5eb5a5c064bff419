/**
 * What is registered in a queue of the kernel, by filter and ident: the values of JavaScript
 * that a kernel cannot hold, and what `knotes()` tells. The kernel has the number of an entry
 * as `udata`.
 */
import type { Kevent } from '../event.js'
import {
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_FORCEONESHOT,
  EV_KEEPUDATA,
} from '../event.js'

/** What a change does; the rest of its flags stays with the event. */
export const ACTIONS = EV_ADD | EV_DELETE | EV_ENABLE | EV_DISABLE | EV_FORCEONESHOT | EV_KEEPUDATA

/** Of those that are gone, so many that children of followed processes may still name. */
const REMEMBERED = 1024

export interface Entry {
  readonly id: number
  readonly ident: number
  readonly filter: number
  /** Without the actions. */
  flags: number
  /** What was asked for. */
  fflags: number
  data: number
  udata: unknown
  disabled: boolean
}

export class Registry {
  readonly #byFilter = new Map<number, Map<number, Entry>>()
  readonly #byId = new Map<number, Entry>()
  readonly #gone = new Map<number, Entry>()
  #last = 0

  get size(): number {
    return this.#byId.size
  }

  find(filter: number, ident: number): Entry | undefined {
    return this.#byFilter.get(filter)?.get(ident)
  }

  /** An entry for a change that the kernel has yet to take; `add` takes it in. */
  prepare({ ident, filter, flags, fflags, data, udata }: Kevent): Entry {
    const disabled = (flags & EV_DISABLE) !== 0
    const id = ++this.#last
    return { id, ident, filter, flags: flags & ~ACTIONS, fflags, data, udata, disabled }
  }

  add(entry: Entry): void {
    let entries = this.#byFilter.get(entry.filter)
    if (entries === undefined) {
      entries = new Map()
      this.#byFilter.set(entry.filter, entries)
    }
    entries.set(entry.ident, entry)
    this.#byId.set(entry.id, entry)
  }

  /** @param followed the kernel may have given its number to knotes of children */
  remove(entry: Entry, followed = false): void {
    this.#byFilter.get(entry.filter)?.delete(entry.ident)
    this.#byId.delete(entry.id)
    if (!followed) return
    this.#gone.set(entry.id, entry)
    if (this.#gone.size <= REMEMBERED) return
    for (const oldest of this.#gone.keys()) {
      this.#gone.delete(oldest)
      return
    }
  }

  /**
   * Whose event it is. A child of a followed process comes with the number of its parent's
   * entry, and gets its own, like that.
   */
  ofEvent(id: number, filter: number, ident: number): Entry | undefined {
    const entry = this.#byId.get(id)
    if (entry?.ident === ident) return entry
    const known = this.find(filter, ident)
    const parent = entry ?? this.#gone.get(id)
    if (known !== undefined || parent === undefined || parent.filter !== filter) return known
    const child = { ...parent, id: ++this.#last, ident, disabled: false }
    this.add(child)
    return child
  }

  *[Symbol.iterator](): IterableIterator<Entry> {
    yield* this.#byId.values()
  }

  clear(): void {
    this.#byFilter.clear()
    this.#byId.clear()
    this.#gone.clear()
  }
}
