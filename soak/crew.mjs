// Who runs churns beside the main thread: workers that are terminated at random, a process
// in namespaces of its own, and processes that keep the machine busy.
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { closeChannels, openChannels } from './channels.mjs'
import { pause } from './take.mjs'

/** How long a worker lives once it has loaded its churns, in ms. */
const LIVES = [
  [0, 20],
  [20, 500],
  [500, 6000],
]

/**
 * The share of those that are terminated while they load. They are few because Node.js leaves
 * the files open that a worker reads as modules when it is terminated.
 */
const UNREADY = 0.02
/** Within this time, in ms. */
const LOADING_MS = 200

/** SIGRTMIN + 7; each thread has one of its own. */
const FIRST_SIGNAL = 41

/**
 * What churns work with: a directory and channels that this thread opens and closes.
 * @param {string} above @param {number} slot of the thread, whose signal is its own
 */
export function equip(above, slot) {
  const directory = mkdtempSync(join(above, 'thread-'))
  const sets = ['a', 'b', 'c'].map((name) => {
    mkdirSync(join(directory, name))
    return openChannels(join(directory, name))
  })
  const [channels, spare, others] = sets
  const urgent = others.find(({ kind }) => kind === 'tcp')
  return {
    means: { directory, channels, spare, urgent, signal: FIRST_SIGNAL + slot },
    close() {
      for (const set of sets) closeChannels(set)
      rmSync(directory, { recursive: true })
    },
  }
}

/**
 * Starts and terminates one worker after another; answers how many there were.
 * @param {{ names: string[], directory: string, slot: number, random: import('./random.mjs').Random,
 *   over: () => boolean, report: (name: string, account: any) => void,
 *   failed: (text: string) => void }} options
 */
export async function workers({ names, directory, slot, random, over, report, failed }) {
  let count = 0
  for (; !over(); count++) {
    const equipment = equip(directory, slot)
    const worker = new Worker(new URL('worker.mjs', import.meta.url), {
      workerData: { names: random.some(names), means: equipment.means, seed: random.seed() },
    })
    const unready = random.chance(UNREADY)
    const loaded = once(worker, 'message')
    loaded.catch(() => {}) // told by 'error'
    worker.on('message', ({ name, account }) => name !== undefined && report(name, account))
    worker.on('error', (error) => failed(`a worker failed: ${error.stack}`))
    const exit = once(worker, 'exit').catch(() => {})
    const [least, most] = unready ? [0, LOADING_MS] : random.pick(LIVES)
    if (!unready) await Promise.race([loaded, exit])
    const end = performance.now() + random.from(least, most)
    while (!over() && performance.now() < end) await pause(random.from(1, 20))
    await worker.terminate()
    await exit
    equipment.close()
  }
  return count
}

const NAMESPACES = process.geteuid?.() === 0 ? ['-m', '-n'] : ['-U', '-r', '-m', '-n']

/** Why there can be no namespaces, or null. */
export function noNamespaces() {
  const { status, stderr, error } = spawnSync('unshare', [...NAMESPACES, 'true'], {
    encoding: 'utf8',
  })
  return status === 0 ? null : (error?.message ?? stderr.trim())
}

/**
 * Runs churns in namespaces of their own until it is over.
 * @param {{ names: string[], directory: string, seed: number, over: () => boolean,
 *   report: (name: string, account: any) => void, failed: (text: string) => void }} options
 */
export async function apart({ names, directory, seed, over, report, failed }) {
  const child = fork(new URL('apart.mjs', import.meta.url), [], {
    execPath: 'unshare',
    execArgv: [...NAMESPACES, process.execPath],
  })
  const exit = once(child, 'exit')
  const own = mkdtempSync(join(directory, 'apart-'))
  child.on('message', ({ name, account }) => report(name, account))
  child.send({
    names,
    seed,
    means: { directory: own, channels: [], spare: [], signal: FIRST_SIGNAL },
  })
  while (!over() && child.exitCode === null) await pause(20)
  if (child.connected) child.send('over')
  const [code, signal] = await exit
  if (code !== 0) failed(`the process apart ended with ${code ?? signal}`)
  rmSync(own, { recursive: true })
}

/** Keeps all processors busy; answers what ends that. */
export function load() {
  const children = Array.from({ length: availableParallelism() }, () =>
    fork(new URL('load.mjs', import.meta.url)),
  )
  return () =>
    Promise.all(
      children.map((child) => {
        const exit = once(child, 'exit')
        child.disconnect()
        return exit
      }),
    )
}
