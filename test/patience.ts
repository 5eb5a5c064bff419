/**
 * The patience of tests: what a test waits for comes, or the test fails, says what did not
 * come, and takes with it what it has started.
 *
 *     const child = spawn('sh', ['-c', 'read x'])      // killed when the test is over
 *     await until(() => existsSync(path), 'there is a file')
 *     await within(once(worker, 'message'), 'a message')
 *
 * A file that imports this ends, whatever its tests do: what is asynchronous is ended by
 * the test's signal or after TEST ms, and a process that does not come back to its event
 * loop by SIGALRM.
 */
import assert from 'node:assert/strict'
import * as processes from 'node:child_process'
import { once } from 'node:events'
import { after, afterEach, beforeEach } from 'node:test'
import * as posix from './native/posix.js'

/** Long enough for anything that has to happen, on a busy machine, too: ms. */
export const LONG = 30_000
/** A test may take so long, under sanitizers on a busy machine, too: ms. */
const TEST = 300_000
/** For a program that is waited for, blocking; its signals may be handled. */
export const BOUNDED = { timeout: 2 * LONG, killSignal: 'SIGKILL' } as const

type End = () => unknown
const ends = new Set<End>()

/** Calls `end` once: when the test is over, or has taken too long. */
export function whenOver(end: End): void {
  ends.add(end)
}

async function endAll(): Promise<void> {
  const all = [...ends]
  ends.clear()
  await Promise.all(all.map((end) => end()))
}

// Node.js 26 has what `node --test` starts write a report to a file at each SIGUSR2, which tests raise.
if (process.report?.reportOnSignal) process.report.reportOnSignal = false

let deadline: NodeJS.Timeout | undefined

beforeEach((t) => {
  clearTimeout(deadline)
  const late = new AbortController()
  deadline = setTimeout(() => late.abort(new Error(`the test takes more than ${TEST} ms`)), TEST)
  deadline.unref()
  const over = AbortSignal.any([late.signal, ...('signal' in t ? [t.signal] : [])])
  over.addEventListener('abort', endAll, { once: true })
  posix.alarm(TEST + LONG)
})
afterEach(endAll)
after(() => {
  clearTimeout(deadline)
  posix.alarm(0)
})

/** child_process.spawn; the child is killed when the test is over. */
export const spawn = ((...args: Parameters<typeof processes.spawn>) => {
  const child = processes.spawn(...args)
  const exit = once(child, 'exit')
  // That it could not be started is told to who waits for it.
  exit.catch(() => {})
  whenOver(async () => {
    if (child.kill('SIGKILL')) await exit
  })
  return child
}) as typeof processes.spawn

/** Resolves when a child has exited; it may have already. */
export async function exited(child: processes.ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** What a promise comes to; fails when that takes too long. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`in vain: ${what}`)), LONG)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Waits until something is the case that no event tells of. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (const start = performance.now(); !condition(); ) {
    assert.ok(performance.now() - start < LONG, `in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** The same, without a turn of the event loop. */
export function untilBlocking(condition: () => boolean, what: string): void {
  for (const start = performance.now(); !condition(); ) {
    assert.ok(performance.now() - start < LONG, `in vain: ${what}`)
    posix.sleepNs(1e6)
  }
}
