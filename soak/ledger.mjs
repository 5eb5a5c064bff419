// The account of one churn: for each thing that is counted, how often it was done and how
// often it was seen, and whatever else was not as it must be.

/** Faults that are kept word for word; of the others only the number. */
const KEPT = 20

export class Ledger {
  turns = 0
  faults = 0
  /** @type {string[]} */
  texts = []
  /** @type {Map<string, { done: number, seen: number }>} */
  #rows = new Map()

  /** @param {string} what */
  #row(what) {
    let row = this.#rows.get(what)
    if (row === undefined) {
      row = { done: 0, seen: 0 }
      this.#rows.set(what, row)
    }
    return row
  }

  /** Something was done that must be seen. @param {string} what */
  done(what, times = 1) {
    this.#row(what).done += times
  }

  /** @param {string} what */
  seen(what, times = 1) {
    this.#row(what).seen += times
  }

  /** Something is not as it must be. @param {string} text */
  fault(text) {
    this.faults++
    if (this.texts.length < KEPT) this.texts.push(`${new Date().toISOString()} ${text}`)
  }

  /** @param {boolean} right @param {() => string} text says what is not */
  check(right, text) {
    if (!right) this.fault(text())
  }

  get exact() {
    return this.faults === 0 && this.rows().every(({ done, seen }) => done === seen)
  }

  rows() {
    return [...this.#rows].map(([what, { done, seen }]) => ({ what, done, seen }))
  }

  /** What there is, for another ledger, thread or process; this one begins anew. */
  hand() {
    const { turns, faults, texts } = this
    const rows = this.rows()
    this.turns = 0
    this.faults = 0
    this.texts = []
    this.#rows.clear()
    return { turns, faults, texts, rows }
  }

  /** Takes in what another thread or process has told. @param {ReturnType<Ledger['hand']>} image */
  add({ turns, faults, texts, rows }) {
    this.turns += turns
    this.faults += faults
    this.texts.push(...texts.slice(0, KEPT - this.texts.length))
    for (const { what, done, seen } of rows) {
      this.done(what, done)
      this.seen(what, seen)
    }
  }
}
