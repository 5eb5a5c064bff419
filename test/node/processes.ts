/**
 * Programs that run elsewhere: in another process, with what the shell can limit, or in a
 * worker. They are cases of the programs in `test/programs`.
 *
 *     import type { Cases } from '../programs/files.js'
 *     const files = casesOf<Cases>('files')
 *
 *     const { stdout } = run(files('opens', '/tmp'))
 *     const worker = start(files('waits', fd))
 */
import { type SpawnSyncReturns, type StdioOptions, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { BOUNDED, whenOver, within } from '../patience.js'
import type { Call, Table } from '../programs/cases.js'

export { descriptors } from '../programs/descriptors.js'

/** A case of a program, with what it is given. */
export interface Case {
  readonly program: URL
  readonly call: Call
}

/** What names the cases of a file of `test/programs`. */
export function casesOf<Cases extends Table>(name: string) {
  const program = new URL(`../programs/${name}.js`, import.meta.url)
  return <Name extends keyof Cases & string>(
    what: Name,
    ...given: Parameters<Cases[Name]>
  ): Case => ({ program, call: [what, ...given] })
}

/** The arguments for node that run a case. */
export function program({ program, call: [name, ...given] }: Case): string[] {
  return [fileURLToPath(program), name, ...given.map((each) => JSON.stringify(each))]
}

export interface RunOptions {
  stdio?: StdioOptions
  /** RLIMIT_NOFILE. */
  files?: number
}

/** Runs a program to its end, blocking this thread. */
export function run(
  what: Case,
  { stdio = 'pipe', files }: RunOptions = {},
): SpawnSyncReturns<string> {
  const words = program(what)
  const options = { stdio, encoding: 'utf8', ...BOUNDED } as const
  if (files === undefined) return spawnSync(process.execPath, words, options)
  const limited = `ulimit -n ${files} && exec "$@"`
  return spawnSync('sh', ['-c', limited, 'sh', process.execPath, ...words], options)
}

/** Starts a worker, until the test is over. */
export function start({ program, call }: Case): Worker {
  const worker = new Worker(program, { workerData: call })
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
export async function message<What = unknown>(worker: Worker): Promise<What> {
  const [what] = (await within(once(worker, 'message'), 'a worker says something')) as [What]
  return what
}
