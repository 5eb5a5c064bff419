/**
 * Things by number: found through an array for small numbers, as descriptors and
 * most idents are, and through a map for the others (kq_knlist and kq_knhash). The
 * things themselves are kept close together, so that going through them costs what
 * there is and not how large the numbers are.
 */

/** Numbers below are found through the array. */
const SMALL = 65536

export class NumberTable<T> {
  readonly #numbers: number[] = []
  readonly #values: T[] = []
  /** Number -> its place in the two above, from 1; 0 or undefined for none. */
  readonly #small: (number | undefined)[] = []
  readonly #others = new Map<number, number>()

  get size(): number {
    return this.#values.length
  }

  /** Hot path. */
  get(number: number): T | undefined {
    const place = this.#place(number)
    return place === 0 ? undefined : this.#values[place - 1]
  }

  set(number: number, value: T): void {
    const place = this.#place(number)
    if (place !== 0) {
      this.#values[place - 1] = value
      return
    }
    this.#numbers.push(number)
    this.#values.push(value)
    this.#move(number, this.#values.length)
  }

  delete(number: number): void {
    const place = this.#place(number)
    if (place === 0) return
    const lastNumber = this.#numbers.pop()!
    const lastValue = this.#values.pop()!
    if (lastNumber !== number) {
      this.#numbers[place - 1] = lastNumber
      this.#values[place - 1] = lastValue
      this.#move(lastNumber, place)
    }
    this.#move(number, 0)
  }

  /** All numbers there are now; the table may change while they are gone through. */
  numbers(): readonly number[] {
    return this.#numbers.slice()
  }

  /** All values there are now; the table may change while they are gone through. */
  values(): readonly T[] {
    return this.#values.slice()
  }

  #place(number: number): number {
    const place = isSmall(number) ? this.#small[number] : this.#others.get(number)
    return place ?? 0
  }

  #move(number: number, place: number): void {
    if (isSmall(number)) this.#small[number] = place
    else if (place === 0) this.#others.delete(number)
    else this.#others.set(number, place)
  }
}

function isSmall(number: number): boolean {
  return number >= 0 && number < SMALL
}
