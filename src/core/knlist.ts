/**
 * A knlist holds the knotes attached to one kernel object (`struct knlist`).
 * The object says `list.note(hint)` when something happens to it.
 */
import { dropAll, type Knote } from './knote.js'

/** A walk over a list in progress: what it visits next. */
interface Walk {
  next: Knote | null
  outer: Walk | null
}

export class Knlist {
  #first: Knote | null = null
  // Walks nest when a filter notes the list that is being walked; the outermost
  // record is kept so that the usual walk allocates nothing.
  #walk: Walk | null = null
  #outermost: Walk | null = null

  get empty(): boolean {
    return this.#first === null
  }

  /** Whether one of the knotes was asked for one of these notes. */
  asksFor(notes: number): boolean {
    for (let kn = this.#first; kn !== null; kn = kn.listNext) if (kn.sfflags & notes) return true
    return false
  }

  /** Attaches a knote. knlist_add(9). */
  add(kn: Knote): void {
    kn.list = this
    kn.listPrevious = null
    kn.listNext = this.#first
    if (this.#first !== null) this.#first.listPrevious = kn
    this.#first = kn
  }

  /** Detaches a knote; nothing happens if it is not on this list. knlist_remove(9). */
  remove(kn: Knote): void {
    if (kn.list !== this) return
    for (let walk = this.#walk; walk !== null; walk = walk.outer) {
      if (walk.next === kn) walk.next = kn.listNext
    }
    if (kn.listPrevious === null) this.#first = kn.listNext
    else kn.listPrevious.listNext = kn.listNext
    if (kn.listNext !== null) kn.listNext.listPrevious = kn.listPrevious
    kn.list = kn.listNext = kn.listPrevious = null
  }

  /**
   * Something happened: asks the filter of each knote, newest first, and
   * activates those whose filter says yes. Any knote may be removed meanwhile.
   * Hot path. KNOTE(9).
   */
  note(hint: number): void {
    const first = this.#first
    if (first === null) return
    // Nothing follows that could be lost on the way.
    if (first.listNext === null) {
      if (first.ops.event(first, hint)) first.activate()
      return
    }
    const walk = this.#beginWalk()
    try {
      while (walk.next !== null) {
        const kn: Knote = walk.next
        walk.next = kn.listNext
        if (kn.ops.event(kn, hint)) kn.activate()
      }
    } finally {
      this.#walk = walk.outer
      // A filter has thrown: the others are to hear of it all the same.
      if (walk.next !== null) this.#noteRest(walk.next, hint)
    }
  }

  #beginWalk(): Walk {
    let walk: Walk
    if (this.#walk === null) {
      this.#outermost ??= { next: null, outer: null }
      walk = this.#outermost
    } else {
      walk = { next: null, outer: this.#walk }
    }
    walk.next = this.#first
    this.#walk = walk
    return walk
  }

  #noteRest(from: Knote, hint: number): void {
    const rest: Knote[] = []
    for (let kn: Knote | null = from; kn !== null; kn = kn.listNext) rest.push(kn)
    for (const kn of rest) {
      try {
        if (kn.list === this && kn.ops.event(kn, hint)) kn.activate()
      } catch {
        // The first error is on its way.
      }
    }
  }

  /** The knotes, newest first. The list must not be changed meanwhile. */
  *[Symbol.iterator](): IterableIterator<Knote> {
    for (let kn = this.#first; kn !== null; kn = kn.listNext) yield kn
  }

  /** The object is gone: drops all its knotes. knlist_delete(9). */
  clear(): void {
    dropAll(this)
    while (this.#first !== null) this.remove(this.#first)
  }
}
