// A source of random numbers that a seed repeats: mulberry32, by Tommy Ettinger.

export class Random {
  #state

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed >>> 0
  }

  /** From 0 up to 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from `least` to `most`. @param {number} least @param {number} most */
  from(least, most) {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** @param {number} share of 1 */
  chance(share) {
    return this.next() < share
  }

  /** @template T @param {readonly T[]} list @returns {T} */
  pick(list) {
    return list[this.from(0, list.length - 1)]
  }

  /** A part of a list, at least one, in any order. @template T @param {readonly T[]} list */
  some(list) {
    const all = [...list]
    for (let i = all.length - 1; i > 0; i--) {
      const j = this.from(0, i)
      ;[all[i], all[j]] = [all[j], all[i]]
    }
    return all.slice(0, this.from(1, all.length))
  }

  /** The seed of a source for somebody else. */
  seed() {
    return Math.floor(this.next() * 2 ** 32)
  }
}
