// `npm run soak`: the churn of every filter for as long as one likes, with an exact account.
// See README.md in this directory for the churns, and for how to add one.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArguments, USAGE, UsageError } from './arguments.mjs'
import { apart, equip, load, noNamespaces, workers } from './crew.mjs'
import { Ledger } from './ledger.mjs'
import { Random } from './random.mjs'
import { differences, resources } from './resources.mjs'
import { run } from './run.mjs'
import { inexact, printAccount, printInexact, printProgress, printResources } from './table.mjs'
import { pause } from './take.mjs'

/** The churns: each is churns/NAME.mjs. */
const CHURNS = [
  'bytes',
  'ends',
  'growing',
  'empty',
  'urgent',
  'files',
  'exits',
  'trees',
  'descriptors',
  'signals',
  'raised',
  'timers',
  'user',
  'own',
  'waiters',
  'queues',
  'requests',
  'mounts',
  'links',
]

/** All that opens something for good has done so after this time, in ms. */
const WARM_UP_MS = 8000
const PROGRESS_MS = 60_000
/** Idle threads and the like have gone after this time, in ms. */
const CALM_MS = 15_000

/** @type {import('./table.mjs').Account} */
const account = new Map()
let interrupted = false

/** @param {string} name of the churn and of who ran it */
function ledgerOf(name) {
  let ledger = account.get(name)
  if (ledger === undefined) {
    ledger = new Ledger()
    account.set(name, ledger)
  }
  return ledger
}

/** @param {string} where */
const reporter = (where) => (/** @type {string} */ name, /** @type {any} */ image) => {
  ledgerOf(`${name}, ${where}`).add(image)
  const uneven = image.rows.filter(({ done, seen }) => done !== seen)
  if (uneven.length > 0 || image.faults > 0) printInexact(`${name}, ${where}`, uneven, image.texts)
}

/** @param {string[]} names */
async function sorted(names) {
  const churns = await Promise.all(
    names.map(async (name) => (await import(`./churns/${name}.mjs`)).default),
  )
  const of = (/** @type {(churn: import('./run.mjs').Churn) => boolean} */ chosen) =>
    churns.filter(chosen).map(({ name }) => name)
  return {
    main: of(({ apart }) => !apart),
    anywhere: of(({ apart, mainOnly }) => !apart && !mainOnly),
    apart: of(({ apart }) => apart === true),
  }
}

/**
 * Everybody churns for a while, and then nobody any more.
 * @param {Awaited<ReturnType<typeof sorted>>} names
 * @param {{ directory: string, random: Random, slots: number, ms: number, busy: boolean }} options
 */
async function phase(names, { directory, random, slots, ms, busy }) {
  const start = performance.now()
  const over = () => interrupted || performance.now() - start > ms
  const failed = (/** @type {string} */ text) => ledgerOf('crew').fault(text)
  const equipment = equip(directory, 0)
  const calm = busy ? load() : () => {}
  const progress = setInterval(
    () => printProgress((performance.now() - start) / 1000, account),
    PROGRESS_MS,
  )
  const { means } = equipment
  const crew = Array.from({ length: names.anywhere.length > 0 ? slots : 0 }, async (_, i) => {
    const own = new Random(random.seed())
    const options = { names: names.anywhere, directory, slot: i + 1, random: own, over, failed }
    ledgerOf('crew').turns += await workers({ ...options, report: reporter('workers') })
  })
  if (names.apart.length > 0) {
    const seed = random.seed()
    crew.push(
      apart({ names: names.apart, directory, seed, over, failed, report: reporter('apart') }),
    )
  }
  crew.push(run({ names: names.main, means, seed: random.seed(), over, report: reporter('main') }))
  await Promise.all(crew)
  clearInterval(progress)
  await calm()
  equipment.close()
}

/** Counts, when they are as they were or do not become so. @param {import('./table.mjs').Resources} before */
async function settled(before) {
  const end = performance.now() + CALM_MS
  for (;;) {
    const now = await resources()
    if (differences(before.counts, now.counts).length === 0 || performance.now() > end) return now
    await pause(200)
  }
}

/** @param {ReturnType<typeof parseArguments>} options */
async function soak({ names: chosen, minutes, seed, workers: slots, load: busy }) {
  const names = await sorted(chosen)
  const refused = names.apart.length > 0 ? noNamespaces() : null
  if (refused !== null) {
    console.log(`skipped, for want of namespaces: ${names.apart.join(', ')} (${refused})`)
    names.apart = []
  }
  console.log(`${minutes} minutes, seed ${seed}`)
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-soak-'))
  const random = new Random(seed)
  await phase(names, { directory, random, slots, ms: WARM_UP_MS, busy })
  await pause(2000)
  const before = await resources()
  await phase(names, { directory, random, slots, ms: minutes * 60_000, busy })
  const after = await settled(before)
  rmSync(directory, { recursive: true })
  printAccount(account)
  printResources(before, after)
  const lines = inexact(account, before, after)
  if (lines.length === 0) return console.log('\nexact')
  console.log(`\nnot exact:\n${lines.join('\n')}`)
  process.exitCode = 1
}

process.once('SIGINT', () => {
  interrupted = true
})

try {
  const options = parseArguments(process.argv.slice(2), CHURNS)
  if (options.help) console.log(USAGE)
  else await soak(options)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`soak: ${error.message}`)
  process.exitCode = 2
}
