/**
 * A program of tests: a table of cases of one subject, of which a process or a worker runs
 * one. What a test gives a case goes as JSON, or as the data of the worker; see casesOf of
 * `test/node/processes.ts`.
 *
 *     const cases = {
 *       opens: (path: string) => console.log(openSync(path)),
 *     }
 *     export type Cases = typeof cases
 *     await runCase(cases)
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'

export type Table = Readonly<Record<string, (...given: never[]) => unknown>>

/** The name of a case, and what it is given. */
export type Call = readonly [name: string, ...given: unknown[]]

/** As in `test/patience.ts`, which is for the processes that run tests: ms. */
export const LONG = 30_000

function called(): Call {
  if (!isMainThread) return workerData as Call
  const [name, ...given] = process.argv.slice(2)
  return [name!, ...given.map((word) => JSON.parse(word) as unknown)]
}

/** Runs the case that this process or worker was started for, to its end. */
export async function runCase(cases: Table): Promise<void> {
  const [name, ...given] = called()
  const run = cases[name]
  if (run === undefined) throw new Error(`the program has no case '${name}'`)
  await run(...(given as never[]))
}

/** Tells something to who has started this worker. */
export const say = (what: unknown): void => parentPort!.postMessage(what)
