/**
 * EVFILT_SIGNAL under load: four workers and the main thread watch while another process
 * sends as fast as it can and listeners come and go.
 */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { before, describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { Kevent, Kqueue } from 'kqueue'
import { spawn, untilBlocking } from '../patience.js'
import type { Cases } from '../programs/signals.js'
import { casesOf, descriptors, ended, message, program, start } from './processes.js'
import { cleanUp, LONG, queue } from './queues.js'
import { masks, openOnce, SIGNALS, SIGRTMIN, signal, tasks } from './signals.js'

before(openOnce)
cleanUp()

const ROUNDS = 6
const NUMBER = SIGRTMIN + 9
const TIMES = 5000
/** So often a listener of the main thread comes and goes, at least. */
const TOGGLES = 1000
/** By default it would end the process. */
const { SIGHUP } = SIGNALS

const signals = casesOf<Cases>('signals')

/** Queues real-time signals, with another signal in between. */
const sender = (): ChildProcess =>
  spawn(process.execPath, program(signals('sends', process.pid, NUMBER, TIMES, SIGHUP)), {
    stdio: 'inherit',
  })

const sum = (events: readonly Kevent[]): number =>
  events.reduce((total, { ident, data }) => total + (ident === NUMBER ? data : 0), 0)

/** Counts in the main thread while a listener comes and goes. */
async function countAndToggle(kq: Kqueue): Promise<number> {
  const listener = (): void => {}
  const end = performance.now() + LONG
  let counted = 0
  for (let toggles = 0; counted < TIMES || toggles < TOGGLES; toggles++) {
    assert.ok(performance.now() < end, `${counted} of ${TIMES}`)
    process.on('SIGHUP', listener)
    counted += sum(kq.kevent([], 8, 0))
    process.off('SIGHUP', listener)
    if (toggles % 50 === 0) counted += sum(await kq.wait({ timeout: 1 }))
  }
  return counted
}

async function round(): Promise<void> {
  const kq = queue()
  kq.kevent([signal(NUMBER), signal(SIGHUP)])
  const workers = (['blocks', 'waits', 'blocks', 'waits'] as const).map((how) =>
    start(signals('sums', how, TIMES, NUMBER, SIGHUP)),
  )
  await Promise.all(workers.map(message))
  const sums = Promise.all(workers.map(message))
  const exit = once(sender(), 'exit')
  assert.equal(await countAndToggle(kq), TIMES)
  assert.deepEqual(await sums, [TIMES, TIMES, TIMES, TIMES])
  assert.deepEqual(await exit, [0, null])
  assert.equal(sum(kq.kevent([], 8, 0)), 0)
  await Promise.all(workers.map(ended))
  kq.close()
}

/** Masks and descriptors, when no thread is about to end any more: those block all signals. */
function steadyState(): unknown[] {
  const state = () => [masks(), descriptors(), ...tasks().map((tid) => masks(tid).SigBlk)]
  let last = state()
  let times = 0
  const steady = () => {
    const now = state()
    times = isDeepStrictEqual(now, last) ? times + 1 : 0
    last = now
    return times === 20
  }
  untilBlocking(steady, 'the threads have ended')
  return last
}

describe('Four workers and the main thread', () => {
  it(`count ${TIMES} real-time signals exactly, ${ROUNDS} times, and leave nothing behind`, async () => {
    await round()
    const start = steadyState()
    for (let i = 1; i < ROUNDS; i++) await round()
    assert.deepEqual(steadyState(), start)
  })
})
