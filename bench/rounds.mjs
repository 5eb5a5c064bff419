// One row measured: ours and the peers take turns in short rounds, so that
// whatever else the machine does meets all of them alike.

export const ROUNDS = 15

/**
 * One contestant of a row.
 *
 * @typedef {object} Contestant
 * @property {string} name
 * @property {(seconds: number) => number | undefined | Promise<number | undefined>} rate
 *   works for about `seconds`: units a second; undefined: has no such row, or no answer
 */

/**
 * @typedef {object} Result
 * @property {number} ours median rate, units a second
 * @property {Record<string, number>} peers median rates
 * @property {Record<string, number>} ratio medians of ours / peer, round by round
 */

/**
 * @param {Contestant} ours
 * @param {Contestant[]} peers
 * @param {number} seconds measured for each contestant, all rounds together
 * @returns {Promise<Result>}
 */
export async function measureRow(ours, peers, seconds) {
  const round = seconds / ROUNDS
  // The warm-up lets the compiler settle, and shows who has the row.
  await ours.rate(Math.max(0.3, seconds / 3))
  /** @type {Contestant[]} */
  const rivals = []
  for (const peer of peers) {
    if ((await peer.rate(Math.max(0.05, round))) !== undefined) rivals.push(peer)
  }

  /** @type {number[]} */
  const oursRates = []
  /** @type {Map<Contestant, number[]>} */
  const rivalRates = new Map(rivals.map((rival) => [rival, []]))
  for (let i = 0; i < ROUNDS; i++) {
    oursRates.push(Number(await ours.rate(round)))
    for (const [rival, rates] of rivalRates) {
      const rate = await rival.rate(round)
      if (rate === undefined) rivalRates.delete(rival)
      else rates.push(rate)
    }
  }

  /** @type {Result} */
  const result = { ours: tidy(median(oursRates)), peers: {}, ratio: {} }
  for (const [rival, rates] of rivalRates) {
    result.peers[rival.name] = tidy(median(rates))
    result.ratio[rival.name] = tidy(median(rates.map((rate, i) => oursRates[i] / rate)))
  }
  return result
}

/**
 * A contestant that lives in this process, made of the pieces of a row.
 *
 * @param {string} name
 * @param {Omit<import('./measure.mjs').Work, 'close'>} work
 * @param {boolean} processor a second is one of the processor
 * @returns {Contestant}
 */
export function local(name, { work, prepare, begin, end, cpu }, processor) {
  const clock = processor || cpu ? processorTime : () => performance.now()
  return {
    name,
    async rate(seconds) {
      begin?.()
      const rate = await (prepare === undefined
        ? measure(work, seconds, clock)
        : measureAfter(prepare, work, seconds, clock))
      end?.()
      return rate
    },
  }
}

/** What this process has used of the processor: ms. */
function processorTime() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/**
 * @param {() => number | Promise<number>} work @param {number} seconds
 * @param {() => number} clock in ms
 */
async function measure(work, seconds, clock) {
  const enough = performance.now() + seconds * 1000
  const start = clock()
  let units = 0
  do {
    const done = work()
    // Who has nothing to wait for is not made to.
    units += typeof done === 'number' ? done : await done
  } while (performance.now() < enough)
  return (units * 1000) / (clock() - start)
}

/**
 * The same where something comes before each piece of work, which is not measured.
 *
 * @param {() => void} prepare @param {() => number | Promise<number>} work
 * @param {number} seconds @param {() => number} clock in ms
 */
async function measureAfter(prepare, work, seconds, clock) {
  const enough = seconds * 1000
  let units = 0
  let elapsed = 0
  do {
    prepare()
    const start = clock()
    units += await work()
    elapsed += clock() - start
  } while (elapsed < enough)
  return (units * 1000) / elapsed
}

/** @param {number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

/** Four digits, which is more than the method can tell. @param {number} value */
function tidy(value) {
  return Number(value.toPrecision(4))
}
