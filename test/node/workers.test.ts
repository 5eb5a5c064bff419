/** Queues in workers: waiting, blocking, and being terminated in the middle of it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Worker } from 'node:worker_threads'
import type { Kevent } from 'kqueue'
import * as posix from '../native/posix.js'
import type { Cases } from '../programs/workers.js'
import { casesOf, descriptors, ended, message, start } from './processes.js'
import { cleanUp, closeRaw, pause, pipe, queue, read, timer } from './queues.js'

cleanUp()

const workers = casesOf<Cases>('workers')

/** The data of the events that a worker says. */
async function amounts(worker: Worker): Promise<number[]> {
  return (await message<Kevent[]>(worker)).map(({ data }) => data)
}

describe('A worker', () => {
  it('waits for what the main thread writes', async () => {
    const [r, w] = pipe()
    const worker = start(workers('waits', [read(r)]))
    assert.equal(await message(worker), 'watching')
    posix.write(w, 'hello')
    assert.deepEqual(await amounts(worker), [5])
    await ended(worker)
  })

  it('blocks in kevent while the main thread goes on, until that writes', async () => {
    const [r, w] = pipe()
    const worker = start(workers('blocks', [read(r)]))
    assert.equal(await message(worker), 'watching')
    await new Promise((resolve) => setTimeout(resolve, 5))
    posix.write(w, 'hello')
    assert.deepEqual(await amounts(worker), [5])
    await ended(worker)
  })

  it('blocks for as long as it is told, to the millisecond at least', async () => {
    const worker = start(workers('blocks for a time', 230))
    const [events, ms] = (await message(worker)) as [number, number]
    assert.equal(events, 0)
    assert.ok(ms >= 230 && ms < 5000, `${ms} ms`)
    await ended(worker)
  })

  it('has a kernel of its own: its filters, timers and limits are not those of others', async () => {
    const worker = start(workers('has its own limits and filter', -100))
    assert.equal(await message(worker), 1)
    await ended(worker)
    const kq = queue()
    assert.throws(() => kq.kevent([{ ident: 1, filter: -100, flags: 1 }]), { code: 'EINVAL' })
    kq.kevent([timer(1, 1), timer(2, 1)])
  })

  it("watches another thread's queue by its descriptor", async () => {
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([read(r)])
    const worker = start(workers('waits', [read(kq.fd)]))
    assert.equal(await message(worker), 'watching')
    posix.write(w, 'x')
    assert.equal((await amounts(worker)).length, 1)
    await ended(worker)
  })

  it('exits by itself with a queue that is not closed', async () => {
    const worker = start(workers('leaves a timer'))
    assert.equal(await ended(worker), 0)
  })
})

describe('Terminating a worker', () => {
  for (const [state, how, ms] of [
    ['that blocks in kevent for ever', 'blocks'],
    ['that blocks in kevent for an hour', 'blocks', 3.6e6],
    ['that waits', 'waits'],
    ['that iterates', 'iterates'],
    ['that never gets to the end of a busy loop', 'is busy'],
    ['whose queue is known by its descriptor', 'blocks in a queue known by its descriptor'],
  ] as const) {
    it(`${state} ends it and leaves no descriptor`, async () => {
      const [r] = pipe()
      const before = descriptors()
      const worker = start(workers(how, [read(r), timer(1, 1_000_000)], ms))
      assert.equal(await message(worker), 'watching')
      const started = performance.now()
      await worker.terminate()
      assert.ok(performance.now() - started < 5000)
      assert.ok(descriptors() <= before)
    })
  }

  it('does not harm the queues of others that watch the same file', async () => {
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([read(r)])
    const worker = start(workers('blocks', [read(r)]))
    await message(worker)
    await worker.terminate()
    posix.write(w, 'x')
    assert.equal(kq.kevent([], 1, 1000).length, 1)
    closeRaw(r)
  })
})

const ENDS = ['waits unref', 'waits', 'exits'] as const

describe('A hundred workers that leave queues unclosed', () => {
  it('leave no descriptor', async () => {
    const [r] = pipe()
    const before = descriptors()
    const one = async (i: number): Promise<void> => {
      const worker = start(workers('leaves two queues', r, ENDS[i % 3]!))
      await ended(worker)
    }
    for (let i = 0; i < 100; i += 4) await Promise.all([0, 1, 2, 3].map((k) => one(i + k)))
    for (let tries = 0; descriptors() !== before && tries < 100; tries++) pause(10)
    assert.ok(descriptors() <= before)
  })
})
