/**
 * Programs that run elsewhere: in another process, with what the shell can limit,
 * or in a worker. In both `K` is the package and `posix` the raw system calls.
 *
 *     const { stdout } = run('console.log(K.kqueue().fd)')
 *     const worker = start('parentPort.postMessage(K.kqueue().fd)')
 */
import { type SpawnSyncReturns, type StdioOptions, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { BOUNDED, whenOver, within } from '../patience.js'

const KQUEUE = import.meta.resolve('kqueue')
const POSIX = new URL('../native/posix.js', import.meta.url).href

const PRELUDE = `
import assert from 'node:assert/strict'
import fs from 'node:fs'
import * as K from '${KQUEUE}'
import * as posix from '${POSIX}'
const descriptors = () => fs.readdirSync('/proc/self/fd').length
`

/** The arguments for node that run `code` as a module. */
export const program = (code: string): string[] => ['--input-type=module', '-e', PRELUDE + code]

export interface RunOptions {
  stdio?: StdioOptions
  /** RLIMIT_NOFILE. */
  files?: number
}

/** Runs a program to its end, blocking this thread. */
export function run(code: string, options?: RunOptions): SpawnSyncReturns<string> {
  return runNode(program(code), options)
}

/** The same with a file of `test/programs`. */
export function runFile(
  name: string,
  words: readonly (string | number)[],
  options?: RunOptions,
): SpawnSyncReturns<string> {
  const path = fileURLToPath(new URL(`../programs/${name}.js`, import.meta.url))
  return runNode([path, ...words.map(String)], options)
}

function runNode(
  words: readonly string[],
  { stdio = 'pipe', files }: RunOptions = {},
): SpawnSyncReturns<string> {
  const options = { stdio, encoding: 'utf8', ...BOUNDED } as const
  if (files === undefined) return spawnSync(process.execPath, words, options)
  const limited = `ulimit -n ${files} && exec "$@"`
  return spawnSync('sh', ['-c', limited, 'sh', process.execPath, ...words], options)
}

/** Starts a worker, until the test is over; `workerData.shared` is what `data` is. */
export function start(code: string, shared?: unknown): Worker {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { shared } = workerData
    Promise.all([import(workerData.kqueue), import(workerData.posix)]).then(
      async ([K, posix]) => { ${code} },
    )`
  const worker = new Worker(source, {
    eval: true,
    workerData: { kqueue: KQUEUE, posix: POSIX, shared },
  })
  const exit = once(worker, 'exit').then(([status]) => status as number)
  exit.catch(() => {})
  exits.set(worker, exit)
  whenOver(() => worker.terminate())
  return worker
}

// The last message and the exit come together: who awaits one misses the other.
const exits = new WeakMap<Worker, Promise<number>>()

/** The exit status of a worker, now or when it ends; rejects when it fails. */
export const ended = (worker: Worker): Promise<number> =>
  within(exits.get(worker)!, 'a worker ends')

/** The next message of a worker; fails when it fails. */
export async function message(worker: Worker): Promise<unknown> {
  const [value] = (await within(once(worker, 'message'), 'a worker says something')) as [unknown]
  return value
}

/** Open descriptors of this process, with the one that lists them. */
export const descriptors = (): number => readdirSync('/proc/self/fd').length
