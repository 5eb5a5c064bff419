// The process that measures rows: a line of JSON on standard output for each result. main.mjs
// starts it, one row a process or all in one.
//
//     node bench/measure.mjs '{"rows":["rotate"],"seconds":0.3,"processor":true,"programs":{...}}'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { measureBursts, measureLatency } from './contest.mjs'
import { Failure, failing } from './failure.mjs'
import { usePackages } from './packages.mjs'
import { startPeers } from './peers.mjs'
import { local, measureRow } from './rounds.mjs'

/**
 * The default export of a file in rows/. It has `ours`, or `latency`, `bursts` or `contest` of contestants,
 * or `registrations` or `program` for a row about memory, or `figures`.
 *
 * @typedef {object} Row
 * @property {string} name the peers' C programs know the row by this name
 * @property {string} unit
 * @property {(others: string) => Work | Promise<Work>} [ours] sets up this package's side;
 *   `others` is the program of peers/others.c
 * @property {() => Work} [addon] the same work by an addon without a machine
 * @property {() => Work} [node] the same work with Node.js alone, where it has an equivalent
 * @property {(peers: Peer[], others: string) => import('./contest.mjs').Contestants} [latency]
 *   in µs, lower is better
 * @property {number} [samples] of each contestant, at least, where 200 latencies take too long
 * @property {(peers: Peer[], others: string) => import('./contest.mjs').Contestants} [bursts]
 *   units a second
 * @property {() => Promise<Record<string, import('./contest.mjs').Summary>>} [contest] that is
 *   measured elsewhere; lower is better
 * @property {() => import('./memory.mjs').Registrations} [registrations]
 * @property {boolean} [resident] memory of the process, too
 * @property {string} [program] measures it, instead of memory.mjs
 * @property {() => Record<string, number>} [figures] that are the same each time; lower is better
 * @property {[string, string]} [rows] two rows: how much slower the second is; lower is better
 */

/**
 * @typedef {object} Work
 * @property {() => number | Promise<number>} work does some of the work and returns how many
 *   units that was
 * @property {() => void} [prepare] comes before each `work` and is not measured
 * @property {() => void} [begin] the same before a round
 * @property {() => void} [end] the same after it
 * @property {boolean} [cpu] a second is one of the processor
 * @property {() => void} close
 */

/**
 * @typedef {import('./peers.mjs').Peer} Peer
 * @typedef {{ peers: Peer[], others: string, processor: boolean }} Rivals a second is one of the
 *   processor
 * @typedef {{ name: string, unit: string } & import('./rounds.mjs').Result} RowResult
 * @typedef {{ name: string, unit: string, contest: Record<string, import('./contest.mjs').Summary> }} ContestResult
 * @typedef {{ name: string, unit: string, figures: Record<string, number> }} FiguresResult
 *
 * @typedef {object} Task what the process is to do
 * @property {string[]} rows
 * @property {number} seconds measured per row and contestant
 * @property {boolean} processor a second is one of the processor
 * @property {string} [packages] the folder that has others' in its node_modules
 * @property {import('./peers.mjs').Programs} programs
 */

/** @param {string} name @returns {Promise<Row>} */
async function load(name) {
  return (await import(`./rows/${name}.mjs`)).default
}

/** @param {Row} row @param {Rivals} rivals @param {number} seconds */
async function runRow(row, rivals, seconds) {
  const { peers, others } = rivals
  if (row.contest !== undefined) return { contest: await row.contest() }
  if (row.figures !== undefined) return { figures: row.figures() }
  if (row.latency !== undefined) {
    return { contest: await measureLatency(row.latency(peers, others), seconds, row.samples) }
  }
  if (row.bursts !== undefined) {
    return { contest: await measureBursts(row.bursts(peers, others), seconds) }
  }
  if (row.rows !== undefined) {
    const [less, more] = await Promise.all(row.rows.map(load))
    return growth(await measured(less, rivals, seconds), await measured(more, rivals, seconds))
  }
  if (row.ours === undefined) return memory(row)
  return measured(row, rivals, seconds)
}

/** What was measured of each row. @type {Map<string, import('./rounds.mjs').Result>} */
const known = new Map()

/**
 * A row with `ours`, measured once.
 *
 * @param {Row} row @param {Rivals} rivals @param {number} seconds
 */
async function measured(row, rivals, seconds) {
  const result = known.get(row.name) ?? (await measure(row, rivals, seconds))
  known.set(row.name, result)
  return result
}

/** @param {Row} row @param {Rivals} rivals @param {number} seconds */
async function measure(row, { peers, others: program, processor }, seconds) {
  if (row.ours === undefined) throw new Error(`${row.name} has nothing to measure`)
  const ours = await row.ours(program)
  const others = { addon: row.addon?.(), node: row.node?.() }
  /** @type {import('./rounds.mjs').Contestant[]} */
  const rivals = peers.map((peer) => ({
    name: peer.name,
    rate: (round) => peer.rate(row.name, round, processor),
  }))
  for (const [name, work] of Object.entries(others)) {
    if (work !== undefined) rivals.push(local(name, work, processor))
  }
  try {
    return await measureRow(local('ours', ours, processor), rivals, seconds)
  } finally {
    for (const work of Object.values(others)) work?.close()
    ours.close()
  }
}

/**
 * How many times as long a unit of the second takes.
 *
 * @param {import('./rounds.mjs').Result} less @param {import('./rounds.mjs').Result} more
 */
function growth(less, more) {
  const times = (/** @type {number} */ a, /** @type {number} */ b) => Number((a / b).toPrecision(3))
  const peers = Object.entries(more.peers).map(([name, rate]) => [
    name,
    times(less.peers[name], rate),
  ])
  return { ours: times(less.ours, more.ours), peers: Object.fromEntries(peers), ratio: {} }
}

/** @param {Row} row */
function memory(row) {
  const program = fileURLToPath(new URL(row.program ?? 'memory.mjs', import.meta.url))
  const child = spawnSync(process.execPath, ['--expose-gc', program, row.name], {
    encoding: 'utf8',
  })
  if (child.status !== 0) {
    const reason = child.stderr.trim() || `its process ended with ${child.signal ?? child.status}`
    throw new Failure(`${row.name}: ${reason}`)
  }
  const { heap, resident } = JSON.parse(child.stdout)
  if (resident !== undefined) return { figures: { heap, resident } }
  return { ours: heap, peers: {}, ratio: {} }
}

/** @param {Task} task */
async function run({ rows, seconds, processor, packages, programs }) {
  if (packages !== undefined) usePackages(packages)
  const peers = await startPeers(programs)
  try {
    for (const name of rows) {
      const row = await load(name)
      const rivals = { peers, others: programs.others, processor }
      const result = { name, unit: row.unit, ...(await runRow(row, rivals, seconds)) }
      console.log(JSON.stringify(result))
    }
  } finally {
    for (const peer of peers) peer.close()
  }
}

await failing(() => run(JSON.parse(process.argv[2])))
