/** Queues in workers: waiting, blocking, and being terminated in the middle of it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as posix from '../native/posix.js'
import { descriptors, ended, message, start } from './processes.js'
import { cleanUp, closeRaw, pause, pipe, queue, read, timer } from './queues.js'

cleanUp()

/** What a worker says; the first message is what it has prepared. */
const READ = `
  const kq = K.kqueue()
  const add = K.EV_SET(shared, K.EVFILT_READ, K.EV_ADD)
`

describe('A worker', () => {
  it('waits for what the main thread writes', async () => {
    const [r, w] = pipe()
    const worker = start(
      `${READ}
      const waiting = kq.wait({ changelist: [add] })
      parentPort.postMessage('waiting')
      parentPort.postMessage((await waiting).map(({ data }) => data))`,
      r,
    )
    assert.equal(await message(worker), 'waiting')
    posix.write(w, 'hello')
    assert.deepEqual(await message(worker), [5])
    await ended(worker)
  })

  it('blocks in kevent while the main thread goes on, until that writes', async () => {
    const [r, w] = pipe()
    const worker = start(
      `${READ}
      kq.kevent([add])
      parentPort.postMessage('blocking')
      parentPort.postMessage(kq.kevent([], 1).map(({ data }) => data))`,
      r,
    )
    assert.equal(await message(worker), 'blocking')
    await new Promise((resolve) => setTimeout(resolve, 5))
    posix.write(w, 'hello')
    assert.deepEqual(await message(worker), [5])
    await ended(worker)
  })

  it('blocks for as long as it is told, to the millisecond at least', async () => {
    const worker = start(`
      const kq = K.kqueue()
      const start = performance.now()
      const events = kq.kevent([], 1, 230)
      parentPort.postMessage([events.length, performance.now() - start])`)
    const [events, ms] = (await message(worker)) as [number, number]
    assert.equal(events, 0)
    assert.ok(ms >= 230 && ms < 5000, `${ms} ms`)
    await ended(worker)
  })

  it('has a kernel of its own: its filters, timers and limits are not those of others', async () => {
    const worker = start(`
      K.sysctl.kq_calloutmax = 1
      K.kqueue_add_filteropts(-100, { isFd: false, attach: () => 0, detach() {}, event: () => true })
      parentPort.postMessage(K.kqueue().kevent([K.EV_SET(1, -100, K.EV_ADD)], 1).length)`)
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
    const worker = start(
      `${READ}
      const waiting = kq.wait({ changelist: [add] })
      parentPort.postMessage('waiting')
      parentPort.postMessage((await waiting).length)`,
      kq.fd,
    )
    assert.equal(await message(worker), 'waiting')
    posix.write(w, 'x')
    assert.equal(await message(worker), 1)
    await ended(worker)
  })

  it('exits by itself with a queue that is not closed', async () => {
    const worker = start(`
      K.kqueue().kevent([K.EV_SET(1, K.EVFILT_TIMER, K.EV_ADD, 0, 1)])`)
    assert.equal(await ended(worker), 0)
  })
})

describe('Terminating a worker', () => {
  for (const [state, code] of [
    ['that blocks in kevent for ever', 'kq.kevent([], 1)'],
    ['that blocks in kevent for an hour', 'kq.kevent([], 1, 3.6e6)'],
    ['that waits', 'await kq.wait()'],
    ['that iterates', 'for await (const _ of kq);'],
    ['that never gets to the end of a busy loop', 'for (;;) kq.kevent([], 1, 0)'],
    ['whose queue is known by its descriptor', 'kq.fd; kq.kevent([], 1)'],
  ] as const) {
    it(`${state} ends it and leaves no descriptor`, async () => {
      const [r] = pipe()
      const before = descriptors()
      const worker = start(
        `${READ}
        kq.kevent([add, K.EV_SET(1, K.EVFILT_TIMER, K.EV_ADD, 0, 1000000)])
        parentPort.postMessage('ready')
        ${code}`,
        r,
      )
      assert.equal(await message(worker), 'ready')
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
    const worker = start(
      `${READ}
      kq.kevent([add])
      parentPort.postMessage('ready')
      kq.kevent([], 1)`,
      r,
    )
    await message(worker)
    await worker.terminate()
    posix.write(w, 'x')
    assert.equal(kq.kevent([], 1, 1000).length, 1)
    closeRaw(r)
  })
})

describe('A hundred workers that leave queues unclosed', () => {
  it('leave no descriptor', async () => {
    const [r] = pipe()
    const before = descriptors()
    const one = async (i: number): Promise<void> => {
      const worker = start(
        `${READ}
        const other = K.kqueue()
        other.fd
        kq.kevent([add, K.EV_SET(1, K.EVFILT_TIMER, K.EV_ADD, 0, 5)])
        other.kevent([K.EV_SET(kq.fd, K.EVFILT_READ, K.EV_ADD)])
        if (${i % 3} === 0) kq.unref().wait()
        if (${i % 3} === 1) await kq.wait()
        if (${i % 3} === 2) process.exit()`,
        r,
      )
      await ended(worker)
    }
    for (let i = 0; i < 100; i += 4) await Promise.all([0, 1, 2, 3].map((k) => one(i + k)))
    for (let tries = 0; descriptors() !== before && tries < 100; tries++) pause(10)
    assert.ok(descriptors() <= before)
  })
})
