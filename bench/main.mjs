// `npm run bench`: what this package does a second, row by row, beside what
// bare epoll and a C kqueue do with the same work. See README.md in this
// directory for the rows, and for how to add one.
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArguments, USAGE } from './arguments.mjs'
import { drawing } from './drawing.mjs'
import { Failure, failing } from './failure.mjs'
import { compilePeers } from './peers.mjs'
import { printContest, printFigures, printHeader, printRow } from './table.mjs'

const MEASURE = fileURLToPath(new URL('measure.mjs', import.meta.url))

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

/** @typedef {import('./measure.mjs').RowResult} RowResult */
/** @typedef {import('./measure.mjs').ContestResult} ContestResult */
/** @typedef {import('./measure.mjs').FiguresResult} FiguresResult */

/**
 * A process that measures, and each of its results as it comes. It says itself what it fails at.
 *
 * @param {import('./measure.mjs').Task} task
 * @returns {AsyncGenerator<RowResult | ContestResult | FiguresResult>}
 */
async function* measured(task) {
  const child = spawn(process.execPath, [MEASURE, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const kill = () => child.kill()
  process.once('exit', kill)
  /** @type {Promise<number | NodeJS.Signals>} */
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(signal ?? code ?? 0))
  })
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line)
  const how = await ended
  process.off('exit', kill)
  if (how !== 0) throw new Failure(`what measures ${task.rows.join(', ')} ended with ${how}`)
}

/** @param {import('./arguments.mjs').Arguments} options */
async function run({ rows, together, json, svg, peer, ...how }) {
  if (!existsSync(new URL('../dist/index.js', import.meta.url))) {
    throw new Failure('dist/ is not built: run npm run build, or the benchmark as npm run bench')
  }
  const programs = compilePeers(peer)
  /** @type {(RowResult | ContestResult | FiguresResult)[]} */
  const results = []
  if (!json) printHeader()
  for (const some of together ? [rows] : rows.map((row) => [row])) {
    for await (const result of measured({ rows: some, programs, ...how })) {
      results.push(result)
      if (!json) print(result)
    }
  }
  if (svg !== undefined) writeFileSync(svg, drawing(results))
  if (json) console.log(JSON.stringify({ rows: results }, null, 2))
  else console.log('\nratio: ours / peer, above 1 we are faster. bytes: lower is better.')
}

/** @param {RowResult | ContestResult | FiguresResult} result */
function print(result) {
  if ('contest' in result) printContest(result)
  else if ('figures' in result) printFigures(result)
  else printRow(result)
}

await failing(async () => {
  const options = parseArguments(process.argv.slice(2), ROWS)
  if (options.help) console.log(USAGE)
  else await run(options)
})
