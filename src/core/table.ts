/**
 * Things by number: found through an array for small numbers, as descriptors and
 * most idents are, and through a map for the others (kq_knlist and kq_knhash). The
 * things themselves are kept close together, so that going through them costs what
 * there is and not how large the numbers are.
 */

/** Numbers below are found through the array at first, a power of 2; */
const LEAST = 16
/** later those below so many times the size of the table; */
const SPARSE = 2
/** and those below this one always, as are the descriptors of most programs. */
const MODEST = 256

export class NumberTable<T> {
  readonly #values: T[] = []
  /** Number -> its place among the values, from 1; 0 for none. Its length is a power of 2. */
  #small: Uint16Array | Int32Array = new Uint16Array(LEAST)
  /** The same for larger and for negative numbers. */
  #others: Map<number, number> | undefined
  /** Between these they have been, so that few are looked for in vain. */
  #least = Number.POSITIVE_INFINITY
  #most = Number.NEGATIVE_INFINITY

  /** @param numberOf the number under which a value is in the table */
  constructor(readonly numberOf: (value: T) => number) {}

  get size(): number {
    return this.#values.length
  }

  /** Hot path. */
  get(number: number): T | undefined {
    const place = this.#place(number)
    return place === 0 ? undefined : this.#values[place - 1]
  }

  set(value: T): void {
    const number = this.numberOf(value)
    const place = this.#place(number)
    if (place !== 0) {
      this.#values[place - 1] = value
      return
    }
    this.#values.push(value)
    while (this.#isShortFor(number)) this.#grow()
    this.#move(number, this.#values.length)
  }

  delete(number: number): void {
    const place = this.#place(number)
    if (place === 0) return
    const last = this.#values.pop()!
    if (place <= this.#values.length) {
      this.#values[place - 1] = last
      this.#move(this.numberOf(last), place)
    }
    this.#move(number, 0)
  }

  /** All values there are now; the table may change while they are gone through. */
  values(): readonly T[] {
    return this.#values.slice()
  }

  /** Hot path. */
  #place(number: number): number {
    const small = this.#small
    if (number >= 0 && number < small.length) return small[number]!
    if (number < this.#least || number > this.#most) return 0
    return this.#others!.get(number) ?? 0
  }

  #move(number: number, place: number): void {
    const small = this.#small
    if (number >= 0 && number < small.length) {
      small[number] = place
    } else if (place === 0) {
      this.#others?.delete(number)
    } else {
      this.#others ??= new Map()
      if (number < this.#least) this.#least = number
      if (number > this.#most) this.#most = number
      this.#others.set(number, place)
    }
  }

  /** Whether the array is to be longer now that `number` is here. */
  #isShortFor(number: number): boolean {
    const { length } = this.#small
    return SPARSE * this.#values.length > length || (number >= length && number < MODEST)
  }

  /** More numbers are small from now on. */
  #grow(): void {
    const length = 2 * this.#small.length
    // A place is less than the length.
    const grown = length > 2 ** 16 ? new Int32Array(length) : new Uint16Array(length)
    grown.set(this.#small)
    this.#small = grown
    for (const [number, place] of this.#others ?? []) {
      if (number < 0 || number >= grown.length) continue
      grown[number] = place
      this.#others!.delete(number)
    }
  }
}
