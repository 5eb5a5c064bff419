/**
 * How often each note was made of an object, so that a copy of a knote that is made later can
 * be told what has happened since.
 *
 *     const mark = counts.mark()
 *     ...
 *     const notes = counts.since(mark)
 */
import { numbers } from '../core/image-check.js'

const BITS = 32

export class NoteCounts {
  readonly #counts = new Array<number>(BITS).fill(0)

  add(notes: number): void {
    for (let left = notes; left !== 0; left &= left - 1) {
      const bit = BITS - 1 - Math.clz32(left & -left)
      this.#counts[bit] = this.#counts[bit]! + 1
    }
  }

  mark(): number[] {
    return [...this.#counts]
  }

  /** The notes that were made since. @throws KqueueError EINVAL it is no mark */
  since(mark: unknown): number {
    let notes = 0
    for (const [bit, count] of numbers(mark, 'state', BITS).entries()) {
      if (this.#counts[bit]! > count) notes |= 1 << bit
    }
    return notes >>> 0
  }
}
