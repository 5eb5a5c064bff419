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

// Walks nest when a filter notes a list while one is walked. They are kept here and not with
// the lists, of which each descriptor has one; those that are over are used again, so that
// a walk allocates nothing.
let innermost: Walk | null = null
let over: Walk | null = null

export class Knlist {
  #first: Knote | null = null

  get empty(): boolean {
    return this.#first === null
  }

  /** The newest of the knotes. */
  get first(): Knote | null {
    return this.#first
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
    for (let walk = innermost; walk !== null; walk = walk.outer) {
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
    const walk = beginWalk(first)
    try {
      while (walk.next !== null) {
        const kn: Knote = walk.next
        walk.next = kn.listNext
        if (kn.ops.event(kn, hint)) kn.activate()
      }
    } finally {
      const { next } = walk
      endWalk(walk)
      // A filter has thrown: the others are to hear of it all the same.
      if (next !== null) noteRest(next, this, hint)
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

function beginWalk(next: Knote): Walk {
  const walk = over ?? { next, outer: null }
  over = walk.outer
  walk.next = next
  walk.outer = innermost
  innermost = walk
  return walk
}

function endWalk(walk: Walk): void {
  innermost = walk.outer
  walk.next = null
  walk.outer = over
  over = walk
}

function noteRest(from: Knote, list: Knlist, hint: number): void {
  const rest: Knote[] = []
  for (let kn: Knote | null = from; kn !== null; kn = kn.listNext) rest.push(kn)
  for (const kn of rest) {
    try {
      if (kn.list === list && kn.ops.event(kn, hint)) kn.activate()
    } catch {
      // The first error is on its way.
    }
  }
}
