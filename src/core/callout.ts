/**
 * Callouts: functions to be called at a time (callout(9)), kept in a binary
 * heap. Those of the same time are called in the order in which they were set.
 *
 *     const callout = new Callout(() => ...)
 *     callouts.schedule(callout, kernel.uptime() + 1e6)
 *     callouts.run(kernel.uptime())
 */

export class Callout {
  /** When to call, in the kernel's nanoseconds. */
  time = 0
  /** Position in the heap, -1 when not scheduled. */
  index = -1
  /** Order of scheduling, for callouts of the same time. */
  order = 0

  constructor(call?: () => void) {
    if (call !== undefined) this.call = call
  }

  /** What is called: given to the constructor, or defined by a subclass. */
  call(): void {}

  get scheduled(): boolean {
    return this.index !== -1
  }
}

function before(a: Callout, b: Callout): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order)
}

export class CalloutQueue {
  readonly #heap: Callout[] = []
  #order = 0

  /** The time of the first callout, Infinity when there is none. */
  get next(): number {
    return this.#heap[0]?.time ?? Number.POSITIVE_INFINITY
  }

  get size(): number {
    return this.#heap.length
  }

  /** The first callout. */
  get first(): Callout | undefined {
    return this.#heap[0]
  }

  /** All callouts, the first one first and the others in no order. None may be set meanwhile. */
  [Symbol.iterator](): IterableIterator<Callout> {
    return this.#heap.values()
  }

  /** Sets a callout, or sets it anew. */
  schedule(callout: Callout, time: number): void {
    this.cancel(callout)
    callout.time = time
    callout.order = this.#order++
    this.#heap.push(callout)
    this.#rise(callout, this.#heap.length - 1)
  }

  /** Takes a callout back; nothing happens if it is not set. */
  cancel(callout: Callout): void {
    const { index } = callout
    if (index === -1) return
    callout.index = -1
    const last = this.#heap.pop()!
    if (last === callout) return
    this.#rise(last, index)
    if (last.index === index) this.#sink(last, index)
  }

  /** Calls what is due at `now`, in order; what the calls set for `now` or before as well. */
  run(now: number): void {
    while (this.next <= now) this.runFirst()
  }

  /** Calls the first callout. */
  runFirst(): void {
    const first = this.#heap[0]
    if (first === undefined) return
    this.cancel(first)
    first.call()
  }

  #rise(callout: Callout, from: number): void {
    const heap = this.#heap
    let index = from
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent]!
      if (!before(callout, above)) break
      heap[index] = above
      above.index = index
      index = parent
    }
    heap[index] = callout
    callout.index = index
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
      heap[index] = below
      below.index = index
      index = child
    }
    heap[index] = callout
    callout.index = index
  }
}
