/**
 * Things by number: an array for small numbers, as descriptors and most idents
 * are, and a map for the others (kq_knlist and kq_knhash).
 */

/** Numbers below are kept in the array. */
const SMALL = 65536

export class NumberTable<T> {
  readonly #small: (T | undefined)[] = []
  readonly #others = new Map<number, T>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Hot path. */
  get(number: number): T | undefined {
    return number >= 0 && number < SMALL ? this.#small[number] : this.#others.get(number)
  }

  set(number: number, value: T): void {
    if (this.get(number) === undefined) this.#size++
    if (number >= 0 && number < SMALL) this.#small[number] = value
    else this.#others.set(number, value)
  }

  delete(number: number): void {
    if (this.get(number) === undefined) return
    this.#size--
    if (number >= 0 && number < SMALL) this.#small[number] = undefined
    else this.#others.delete(number)
  }

  /** All numbers, small ones first in order; any may be deleted meanwhile. */
  *numbers(): IterableIterator<number> {
    for (const [number, value] of this.#small.entries()) if (value !== undefined) yield number
    yield* this.#others.keys()
  }

  /** All values, in the order of `numbers`; any may be deleted meanwhile. */
  *values(): IterableIterator<T> {
    for (const value of this.#small) if (value !== undefined) yield value
    yield* this.#others.values()
  }
}
