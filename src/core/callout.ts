/**
 * Callouts: functions to be called at a time (callout(9)), kept in a binary
 * heap. Those of the same time are called in the order in which they were set.
 *
 *     const callout = new Callout(() => ...)
 *     callouts.schedule(callout, kernel.uptime() + 1e6)
 *     callouts.run(kernel.uptime())
 *
 * Those that are set for the same time one after another, as the timers of a changelist are, are
 * in the heap as one: the first, with the others in a list behind it.
 */

/** Where a callout is that is not set, */
const NOWHERE = -1
/** and one in the list behind another. */
const BEHIND = -2

export class Callout {
  /** When to call, in the kernel's nanoseconds. */
  time = 0
  /** Position in the heap, or NOWHERE or BEHIND. */
  index = NOWHERE
  /** Order of scheduling, for callouts of the same time. */
  order = 0
  next: Callout | null = null
  previous: Callout | null = null

  constructor(call?: (now: number) => void) {
    if (call !== undefined) this.call = call
  }

  /** What is called, with the time: given to the constructor, or defined by a subclass. */
  call(_now: number): void {}

  get scheduled(): boolean {
    return this.index !== NOWHERE
  }
}

function before(a: Callout, b: Callout): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order)
}

export class CalloutQueue {
  readonly #heap: Callout[] = []
  #order = 0
  #size = 0
  /** The one that was set last, as long as it is. */
  #latest: Callout | null = null

  /** The time of the first callout, Infinity when there is none. */
  get next(): number {
    return this.#heap[0]?.time ?? Number.POSITIVE_INFINITY
  }

  get size(): number {
    return this.#size
  }

  /** The first callout. */
  get first(): Callout | undefined {
    return this.#heap[0]
  }

  /** All callouts, the first one first and the others in no order. None may be set meanwhile. */
  *[Symbol.iterator](): IterableIterator<Callout> {
    for (const head of this.#heap) {
      for (let each: Callout | null = head; each !== null; each = each.next) yield each
    }
  }

  /** Sets a callout, or sets it anew. */
  schedule(callout: Callout, time: number): void {
    this.cancel(callout)
    callout.time = time
    callout.order = this.#order++
    this.#size++
    const latest = this.#latest
    this.#latest = callout
    if (latest !== null && latest.time === time) {
      latest.next = callout
      callout.previous = latest
      callout.index = BEHIND
      return
    }
    this.#heap.push(callout)
    this.#rise(callout, this.#heap.length - 1)
  }

  /** Takes a callout back; nothing happens if it is not set. */
  cancel(callout: Callout): void {
    const { index, next, previous } = callout
    if (index === NOWHERE) return
    this.#size--
    if (this.#latest === callout) this.#latest = previous
    callout.index = NOWHERE
    callout.next = callout.previous = null
    if (next !== null) next.previous = previous
    if (previous !== null) previous.next = next
    else if (next !== null) this.#place(next, index)
    else this.#remove(callout, index)
  }

  #remove(callout: Callout, index: number): void {
    const last = this.#heap.pop()!
    if (last === callout) return
    this.#rise(last, index)
    if (last.index === index) this.#sink(last, index)
  }

  #place(callout: Callout, index: number): void {
    this.#heap[index] = callout
    callout.index = index
  }

  /** Calls what is due at `now`, in order; what the calls set for `now` or before as well. */
  run(now: number): void {
    while (this.next <= now) this.runFirst(now)
  }

  /** Calls the first callout; it is `now`, or then. */
  runFirst(now = this.next): void {
    const first = this.#heap[0]
    if (first === undefined) return
    this.cancel(first)
    first.call(now)
  }

  #rise(callout: Callout, from: number): void {
    const heap = this.#heap
    let index = from
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent]!
      if (!before(callout, above)) break
      this.#place(above, index)
      index = parent
    }
    this.#place(callout, index)
  }

  #sink(callout: Callout, from: number): void {
    const heap = this.#heap
    let index = from
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      const below = heap[child]!
      if (!before(below, callout)) break
      this.#place(below, index)
      index = child
    }
    this.#place(callout, index)
  }
}
