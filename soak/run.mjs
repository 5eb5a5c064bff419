// Runs churns side by side in one thread, each turn after turn until it is told to stop.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Ledger } from './ledger.mjs'
import { Random } from './random.mjs'

/**
 * What a churn works with. In a worker that may be terminated at any moment, what it opens
 * must be closed by Node.js (fs.openSync), by the package, or by the main thread (channels).
 *
 * @typedef {object} Context
 * @property {Random} random its own
 * @property {Ledger} ledger its own; equal at the end of each turn
 * @property {string} directory its own, empty
 * @property {import('./channels.mjs').Channel[]} channels one of each kind
 * @property {import('./channels.mjs').Channel[]} spare one of each kind, for another churn
 * @property {import('./channels.mjs').Channel} urgent a TCP connection
 * @property {number} signal a real-time signal of this thread
 */

/**
 * The default export of a file in churns/.
 *
 * @typedef {object} Churn
 * @property {string} name
 * @property {boolean} [mainOnly] it cannot be left in the middle
 * @property {boolean} [apart] it needs namespaces of its own
 * @property {(context: Context) => Running} start
 */

/**
 * @typedef {object} Running
 * @property {() => unknown} turn does something, and waits until it was seen or is overdue
 * @property {() => unknown} close
 */

/** What the main thread gives to whoever runs churns. @typedef {Omit<Context, 'random' | 'ledger'>} Means */

/** A churn that fails is begun anew, so many times. */
const RESTARTS = 5

/**
 * @param {object} options
 * @param {string[]} options.names of the churns
 * @param {Means} options.means
 * @param {number} options.seed
 * @param {() => boolean} options.over
 * @param {() => void} [options.loaded] is called when no file is to be loaded any more
 * @param {(name: string, account: ReturnType<Ledger['hand']>) => void} options.report is told after each turn
 */
export async function run({ names, means, seed, over, report, loaded = () => {} }) {
  const random = new Random(seed)
  /** @type {Churn[]} */
  const churns = []
  for (const name of names) churns.push((await import(`./churns/${name}.mjs`)).default)
  loaded()
  const runs = churns.map(async (churn) => {
    const { name } = churn
    const ledger = new Ledger()
    const own = new Random(random.seed())
    const directory = join(means.directory, name)
    mkdirSync(directory)
    const context = { ...means, directory, random: own, ledger }
    for (let starts = 0; starts <= RESTARTS && !over(); starts++) {
      const running = churn.start(context)
      try {
        while (!over()) {
          await running.turn()
          ledger.turns++
          report(name, ledger.hand())
          await pause(own.from(0, 5))
        }
      } catch (error) {
        ledger.fault(/** @type {Error} */ (error).stack ?? String(error))
        report(name, ledger.hand())
      }
      await running.close()
    }
  })
  await Promise.all(runs)
}
