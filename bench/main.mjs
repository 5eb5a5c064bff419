// `npm run bench`: what this package does a second, row by row, beside what
// bare epoll and a C kqueue do with the same work. See README.md in this
// directory for the rows, and for how to add one.
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArguments, USAGE } from './arguments.mjs'
import { measureBursts, measureLatency } from './contest.mjs'
import { drawing } from './drawing.mjs'
import { Failure } from './failure.mjs'
import { usePackages } from './packages.mjs'
import { startPeers } from './peers.mjs'
import { local, measureRow } from './rounds.mjs'
import { printContest, printFigures, printHeader, printRow } from './table.mjs'

/** The rows, in the order of the table: each is rows/NAME.mjs. */
const ROWS = [
  'rotate',
  'rotate-trusted',
  'rotate-100',
  'churn',
  'idle-poll',
  'sparse',
  'level-rescan',
  'level-rescan-trusted',
  'read-scan',
  'scan-9000',
  'growth',
  'register',
  'register-3000',
  'register-9000',
  'unregister',
  'unregister-3000',
  'user-trigger',
  'user-trigger-1000',
  'timer-arm',
  'timer-fire',
  'wake',
  'signal',
  'exit-add-100',
  'exit-add',
  'exit-add-5000',
  'exit-latency',
  'aio-read',
  'aio-list',
  'write-latency',
  'vnode',
  'tree-ready',
  'tree-memory',
  'tree-idle',
  'tree-latency',
  'sim-events',
  'fork-copy',
  'fork-start',
  'fork-image',
  'start',
  'memory',
  'knote-memory-user',
  'machine-memory',
]

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

/** @param {import('./arguments.mjs').Arguments} options */
async function run({ rows: names, seconds, json, svg, peer, packages, processor }) {
  if (packages !== undefined) usePackages(packages)
  if (!existsSync(new URL('../dist/index.js', import.meta.url))) {
    throw new Failure('dist/ is not built: run npm run build, or the benchmark as npm run bench')
  }
  const rivals = { ...(await startPeers(peer)), processor }
  /** @type {(RowResult | ContestResult | FiguresResult)[]} */
  const results = []
  try {
    if (!json) printHeader()
    for (const name of names) {
      const row = await load(name)
      const result = { name, unit: row.unit, ...(await runRow(row, rivals, seconds)) }
      results.push(result)
      if (json) continue
      if ('contest' in result) printContest(result)
      else if ('figures' in result) printFigures(result)
      else printRow(result)
    }
  } finally {
    for (const peer of rivals.peers) peer.close()
  }
  if (svg !== undefined) writeFileSync(svg, drawing(results))
  if (json) console.log(JSON.stringify({ rows: results }, null, 2))
  else console.log('\nratio: ours / peer, above 1 we are faster. bytes: lower is better.')
}

// A signal's default would end the process without the exit listeners that clean up.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143))
}

try {
  const options = parseArguments(process.argv.slice(2), ROWS)
  if (options.help) console.log(USAGE)
  else await run(options)
} catch (error) {
  // What a system call refused says enough in its message; anything else is a bug.
  const { code, message, syscall } = /** @type {NodeJS.ErrnoException} */ (error)
  if (!(error instanceof Failure || (code !== undefined && syscall !== undefined))) throw error
  console.error(`bench: ${message}`)
  process.exitCode = error instanceof Failure ? error.exitCode : 1
}
