// Rows about latency: how long after something has happened a contestant knows of
// it. The contestants take turns, sample by sample, so that whatever else the machine
// does meets all of them alike.

/** So few samples say something about the slowest hundredth. */
const LEAST = 200

/**
 * @typedef {object} Watching
 * @property {() => Promise<number>} sample makes it happen once, and is how long it took to
 *   be known, in µs
 * @property {() => void | Promise<void>} close
 */

/** @typedef {{ p50: number, p99: number, samples: number }} Latency in µs */

/**
 * @param {Record<string, () => Watching | Promise<Watching>>} contestants
 * @param {number} seconds measured for each contestant, at least
 * @returns {Promise<Record<string, Latency>>}
 */
export async function measureLatency(contestants, seconds) {
  const turns = []
  for (const [name, begin] of Object.entries(contestants)) {
    turns.push({ name, watching: await begin(), /** @type {number[]} */ samples: [] })
  }
  const enough = performance.now() + seconds * 1000 * turns.length
  try {
    for (let i = 0; i < LEAST || performance.now() < enough; i++) {
      // In any order: who comes after one that sleeps finds the processor cold.
      for (const { watching, samples } of shuffled(turns)) samples.push(await watching.sample())
    }
  } finally {
    for (const { watching } of turns) await watching.close()
  }
  return Object.fromEntries(turns.map(({ name, samples }) => [name, summary(samples)]))
}

/** @template T @param {T[]} values */
function shuffled(values) {
  const keys = new Map(values.map((value) => [value, Math.random()]))
  return values.toSorted((a, b) => Number(keys.get(a)) - Number(keys.get(b)))
}

/** @param {number[]} samples @returns {Latency} */
function summary(samples) {
  const sorted = samples.toSorted((a, b) => a - b)
  const at = (/** @type {number} */ part) => Math.round(sorted[Math.floor(sorted.length * part)])
  return { p50: at(0.5), p99: at(0.99), samples: samples.length }
}
