// Rows whose contestants are others than in the table's columns, or whose slow samples
// matter: how long after something has happened a contestant knows of it, or how fast
// it takes a burst. They take turns, sample by sample, so that whatever else the machine
// does meets all of them alike.

/** So few latencies say something about the slowest hundredth. */
const LATENCIES = 200
const BURSTS = 20
/** Who takes so many ms for a sample is out: some never report all that has happened. */
const LIMIT = 20_000

/**
 * @typedef {object} Watching
 * @property {() => Promise<void>} [warm] works for a while, so that the compiler settles
 * @property {() => Promise<number | undefined>} sample makes it happen once, and is how long it took to
 *   be known, in µs; or how many a second were taken; undefined for no answer
 * @property {() => void | Promise<void>} close
 */

/** @typedef {{ p1: number, p50: number, p99: number, samples: number }} Summary */

/**
 * @typedef {Watching | undefined} Begun undefined: it does not take part
 * @typedef {Record<string, () => Begun | Promise<Begun>>} Contestants
 */

/** @param {Contestants} contestants @param {number} seconds @param {number} [least] samples */
export const measureLatency = (contestants, seconds, least = LATENCIES) =>
  measure(contestants, seconds, least)

/** @param {Contestants} contestants @param {number} seconds */
export const measureBursts = (contestants, seconds) => measure(contestants, seconds, BURSTS)

/**
 * @param {Contestants} contestants
 * @param {number} seconds measured for all of them together, at least
 * @param {number} least samples
 * @returns {Promise<Record<string, Summary>>}
 */
async function measure(contestants, seconds, least) {
  const turns = []
  for (const [name, begin] of Object.entries(contestants)) {
    const watching = await begin()
    if (watching !== undefined) turns.push({ name, watching, /** @type {number[]} */ samples: [] })
  }
  try {
    for (const { watching } of turns) await watching.warm?.()
    const enough = performance.now() + seconds * 1000
    for (let i = 0; i < least || performance.now() < enough; i++) {
      // In any order: who comes after one that sleeps finds the processor cold.
      for (const turn of shuffled(turns)) {
        const sample = await inTime(turn.watching.sample())
        if (sample !== undefined) {
          turn.samples.push(sample)
          continue
        }
        turns.splice(turns.indexOf(turn), 1)
        await giveUp(turn)
      }
    }
  } finally {
    for (const { watching } of turns) await watching.close()
  }
  return Object.fromEntries(turns.map(({ name, samples }) => [name, summary(samples)]))
}

/**
 * The C programs that have a row of samples.
 *
 * @param {import('./peers.mjs').Peer[]} peers @param {string} row
 * @returns {Contestants}
 */
export function peerContest(peers, row) {
  return Object.fromEntries(
    peers.map((peer) => [
      peer.name,
      async () => {
        if ((await peer.rate(row, 0)) === undefined) return undefined
        return { sample: () => peer.rate(row, 0), close: () => peer.leave() }
      },
    ]),
  )
}

/** @param {Promise<number | undefined>} sample @returns {Promise<number | undefined>} */
async function inTime(sample) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  /** @type {Promise<undefined>} */
  const limit = new Promise((resolve) => {
    timer = setTimeout(() => resolve(undefined), LIMIT)
  })
  try {
    return await Promise.race([sample, limit])
  } finally {
    clearTimeout(timer)
  }
}

/** @param {{ name: string, watching: Watching }} turn */
async function giveUp({ name, watching }) {
  console.error(`bench: ${name} is left out: no answer within ${LIMIT / 1000} s`)
  await watching.close()
}

/** @template T @param {T[]} values */
function shuffled(values) {
  const keys = new Map(values.map((value) => [value, Math.random()]))
  return values.toSorted((a, b) => Number(keys.get(a)) - Number(keys.get(b)))
}

/** @param {number[]} samples @returns {Summary} */
export function summary(samples) {
  const sorted = samples.toSorted((a, b) => a - b)
  /** @param {number} part */
  const at = (part) => Number(sorted[Math.floor(sorted.length * part)].toPrecision(4))
  return { p1: at(0.01), p50: at(0.5), p99: at(0.99), samples: samples.length }
}
