/** EVFILT_SIGNAL in workers, and in several threads at once. */
import assert from 'node:assert/strict'
import type { EventEmitter } from 'node:events'
import { before, describe, it } from 'node:test'
import * as posix from '../native/posix.js'
import { until, whenOver } from '../patience.js'
import type { Cases } from '../programs/signals.js'
import type { Cases as Workers } from '../programs/workers.js'
import { casesOf, descriptors, ended, message, start } from './processes.js'
import { cleanUp, LONG, queue } from './queues.js'
import { counts, masks, openOnce, SIGNALS, SIGRTMIN, signal, total } from './signals.js'

before(openOnce)
cleanUp()

const { SIGPWR, SIGPIPE, SIGTERM } = SIGNALS
const NUMBER = SIGRTMIN + 7
const TIMES = 10_000

const workers = casesOf<Workers>('workers')
const signals = casesOf<Cases>('signals')

describe('A worker', () => {
  for (const how of ['blocks', 'waits'] as const) {
    it(`that ${how === 'blocks' ? 'blocks in kevent' : 'awaits'} counts the signals of the process`, async () => {
      const worker = start(signals('sums', how, TIMES, NUMBER))
      assert.equal(await message(worker), 'watching')
      posix.sigqueue(process.pid, NUMBER, TIMES)
      assert.equal(await message(worker), TIMES)
      await ended(worker)
    })
  }

  it('counts those directed at itself', async () => {
    const worker = start(signals('raises', NUMBER, 5))
    assert.equal(await message(worker), 5)
    await ended(worker)
  })

  it('goes on counting while the main thread listens and stops listening', async () => {
    const worker = start(signals('sums', 'blocks', TIMES, SIGTERM))
    assert.equal(await message(worker), 'watching')
    const listener = () => {}
    posix.storm(SIGTERM, 2, TIMES / 2)
    for (let i = 0; i < 500; i++) process.on('SIGTERM', listener).off('SIGTERM', listener)
    posix.calm()
    assert.equal(await message(worker), TIMES)
    await ended(worker)
  })

  it('counts on when the main thread begins to listen to what was ignored', async () => {
    posix.sigaction(SIGPIPE, 'ignore')
    const worker = start(signals('sums', 'blocks', TIMES, SIGPIPE))
    assert.equal(await message(worker), 'watching')
    const listener = () => {}
    for (let i = 0; i < TIMES; i++) {
      if (i === TIMES / 4) process.on('SIGPIPE', listener)
      if (i === TIMES / 2) process.off('SIGPIPE', listener)
      posix.raise(SIGPIPE)
    }
    assert.equal(await message(worker), TIMES)
    await ended(worker)
    posix.sigaction(SIGPIPE, 'ignore')
  })

  it('finds out within 100 ms where the main thread does not know the package', async () => {
    posix.sigaction(SIGPIPE, 'ignore')
    const emitter: EventEmitter = process
    const [hook] = emitter.listeners('newListener') as [() => void]
    emitter.off('newListener', hook)
    const worker = start(signals('tells', SIGPIPE))
    assert.equal(await message(worker), 'watching')
    let heard = 0
    const listener = () => {
      heard++
    }
    process.on('SIGPIPE', listener)
    const found = message(worker)
    const sending = setInterval(() => posix.raise(SIGPIPE), 10)
    whenOver(() => clearInterval(sending))
    assert.ok(((await found) as number) >= 1)
    await until(() => heard > 0, 'the listener is called')
    clearInterval(sending)
    await worker.terminate()
    process.off('SIGPIPE', listener)
    posix.sigaction(SIGPIPE, 'ignore')
    emitter.prependListener('newListener', hook)
  })
})

describe('Several threads that watch one signal', () => {
  it('all count it, each for itself', async () => {
    const kq = queue()
    kq.kevent([signal(NUMBER)])
    const workers = (['blocks', 'blocks', 'waits'] as const).map((how) =>
      start(signals('sums', how, TIMES, NUMBER)),
    )
    await Promise.all(workers.map(message))
    const sums = workers.map(message)
    posix.storm(NUMBER, 4, TIMES / 4)
    assert.equal(total(kq, TIMES), TIMES)
    posix.calm()
    assert.deepEqual(await Promise.all(sums), [TIMES, TIMES, TIMES])
    await Promise.all(workers.map(ended))
  })

  it('keep counting when the others end', async () => {
    const kq = queue()
    kq.kevent([signal(SIGPWR)])
    const worker = start(signals('goes on', SIGPWR))
    await message(worker)
    await worker.terminate()
    posix.raise(SIGPWR)
    assert.deepEqual(counts(kq.kevent([], 1, LONG)), [[SIGPWR, 1]])
  })
})

describe('A worker that is terminated while it watches', () => {
  for (const [state, how] of [
    ['and blocks', 'blocks'],
    ['and waits', 'waits'],
    ['and is busy', 'is busy'],
  ] as const) {
    it(`${state} leaves nothing behind`, async () => {
      const [before, open, handler] = [masks(), descriptors(), posix.handler(SIGPWR)]
      const worker = start(workers(how, [signal(SIGPWR)]))
      await message(worker)
      assert.notDeepEqual(masks(), before)
      await worker.terminate()
      assert.deepEqual([masks(), descriptors(), posix.handler(SIGPWR)], [before, open, handler])
    })
  }

  it('takes with it the signals that are directed at it and pending', async () => {
    const kq = queue()
    kq.kevent([signal(NUMBER)])
    const worker = start(signals('has signals pending', NUMBER))
    const tid = (await message(worker)) as number
    for (let i = 0; i < 12; i++) posix.tgkill(NUMBER, tid)
    await worker.terminate()
    posix.raise(NUMBER)
    assert.deepEqual(counts(kq.kevent([], 1, LONG)), [[NUMBER, 1]])
  })

  it('in a storm of signals harms nobody', async () => {
    const [before, open] = [masks(), descriptors()]
    const kq = queue()
    kq.kevent([signal(NUMBER)])
    for (let round = 0; round < 10; round++) {
      const workers = [1, 2].map(() => start(signals('blocks twice', NUMBER)))
      await Promise.all(workers.map(message))
      posix.storm(NUMBER, 3, 5000)
      await Promise.all(workers.map((worker) => worker.terminate()))
      posix.calm()
      assert.equal(total(kq, 15_000), 15_000)
    }
    kq.close()
    assert.deepEqual([masks(), descriptors()], [before, open])
  })
})
