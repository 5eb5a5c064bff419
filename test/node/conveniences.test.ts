/** readable, writable, ticks, userEvent. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import {
  EVFILT_USER,
  type Kqueue,
  NOTE_FFCOPY,
  NOTE_FFOR,
  readable,
  ticks,
  userEvent,
  writable,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { descriptors } from './processes.js'
import { assertWorks, cleanUp, closeRaw, idents, pending, pipe, queue } from './queues.js'

cleanUp()

describe('readable', () => {
  it('resolves with the bytes that there are, or come', async () => {
    const [r, w] = pipe()
    const later = readable(r)
    posix.write(w, 'hello')
    assert.deepEqual(await later, { bytes: 5, eof: false })
    assert.deepEqual(await readable(r), { bytes: 5, eof: false })
  })

  it('says when it is the end, with what is left', async () => {
    const [r, w] = pipe()
    posix.write(w, 'abc')
    closeRaw(w)
    assert.deepEqual(await readable(r), { bytes: 3, eof: true })
    posix.read(r)
    assert.deepEqual(await readable(r), { bytes: 0, eof: true })
  })

  it('rejects for what is no open descriptor', async () => {
    const [r] = pipe()
    closeRaw(r)
    await assert.rejects(readable(r), { code: 'EBADF' })
    await assert.rejects(readable(-1), { code: 'EBADF' })
  })
})

describe('writable', () => {
  it('resolves with the room that there is, or comes', async () => {
    const [r, w] = pipe()
    const { space, eof } = await writable(w)
    assert.ok(space >= 4096)
    assert.equal(eof, false)
    posix.write(w, new Uint8Array(space))
    const later = writable(w)
    let done = false
    void later.then(() => (done = true))
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(done, false)
    posix.read(r)
    assert.ok((await later).space > 0)
  })

  it('says when nobody will read', async () => {
    const [r, w] = pipe()
    closeRaw(r)
    assert.equal((await writable(w)).eof, true)
  })
})

describe('ticks', () => {
  it('counts periods without drift, also those that nobody waited for', async () => {
    const start = performance.now()
    let sum = 0
    for await (const { expirations } of ticks(2)) {
      assert.ok(expirations >= 1)
      sum += expirations
      if (sum === 1 || sum > 12) {
        const spent = performance.now() - start
        if (sum > 12) {
          assert.ok(sum * 2 <= spent + 1, `${sum} ticks in ${spent} ms`)
          break
        }
        const busy = performance.now() + 12
        while (performance.now() < busy);
      }
    }
    assert.ok(sum > 12)
  })

  it('takes fractions and timespecs', async () => {
    for (const period of [0.5, { sec: 0, nsec: 500_000 }]) {
      for await (const { expirations } of ticks(period)) {
        assert.ok(expirations >= 1)
        break
      }
    }
  })

  it('rejects a period that is not more than 0', async () => {
    for (const period of [0, -1, Number.NaN, { sec: 0, nsec: 0 }, { sec: -1, nsec: 0 }]) {
      const all = ticks(period)
      await assert.rejects(
        all.next().finally(() => all.return()),
        { code: 'EINVAL', message: /./ },
      )
    }
  })

  it('rejects periods that are no numbers, or for ever', async () => {
    for (const period of [null, undefined, 'x', {}, [], 5n, Number.POSITIVE_INFINITY]) {
      await assert.rejects(ticks(period as number).next(), { name: /Error$/, message: /./ })
    }
  })
})

describe('userEvent', () => {
  it('triggers, with flags, and is taken away', () => {
    const kq = queue()
    const event = userEvent(kq, 7)
    assert.deepEqual(pending(kq), [])
    event.trigger()
    event.trigger()
    assert.deepEqual(pending(kq), [7])
    assert.deepEqual(pending(kq), [])
    event.trigger(NOTE_FFCOPY + 5)
    event.trigger(NOTE_FFOR + 2)
    assert.equal(kq.kevent([], 1, 0)[0]!.fflags, 7)
    event.trigger()
    event.close()
    assert.deepEqual(pending(kq), [])
    assert.throws(() => event.trigger(), { code: 'ENOENT' })
  })

  it('wakes who waits', async () => {
    const kq = queue()
    const event = userEvent(kq, 1)
    const waiting = kq.wait()
    event.trigger()
    assert.deepEqual(idents(await waiting), [1])
  })

  it('refuses flags that are no flags', () => {
    const kq = queue()
    const event = userEvent(kq, 1)
    for (const fflags of ['x', {}, Number.NaN, 1.5, 2 ** 40, 1n, Symbol('s')]) {
      assert.throws(() => event.trigger(fflags as number), { name: /Error$/, message: /./ })
    }
    assert.deepEqual(pending(kq), [])
    assertWorks(kq)
  })

  it('needs a queue that is open', () => {
    const kq = queue()
    kq.close()
    assert.throws(() => userEvent(kq, 1), { code: 'EBADF' })
    for (const value of [undefined, null, {}, 5, 'kq']) {
      assert.throws(() => userEvent(value as Kqueue, 1), { code: 'ERR_INVALID_ARG_TYPE' })
    }
  })

  it('is a registration like any other', () => {
    const kq = queue()
    userEvent(kq, 3)
    assert.deepEqual(
      kq.knotes().map(({ ident, filter }) => [ident, filter]),
      [[3, EVFILT_USER]],
    )
  })
})

describe('Giving up', () => {
  const uses = {
    readable: (signal: AbortSignal) => readable(pipe()[0], { signal }),
    writable: (signal: AbortSignal) => {
      const w = pipe()[1]
      posix.write(w, new Uint8Array(65536))
      return writable(w, { signal })
    },
    ticks: (signal: AbortSignal) => ticks(60_000, { signal }).next(),
  }
  for (const [name, use] of Object.entries(uses)) {
    it(`rejects ${name} with the reason, and leaves neither descriptor nor listener`, async () => {
      const reason = new Error('enough')
      const isReason = (error: unknown): boolean => error === reason
      await assert.rejects(use(AbortSignal.abort(reason)), isReason)
      const before = descriptors()
      await assert.rejects(use(AbortSignal.abort(reason)), isReason)
      const abort = new AbortController()
      const waiting = use(abort.signal)
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(getEventListeners(abort.signal, 'abort').length, 1)
      abort.abort(reason)
      await assert.rejects(waiting, isReason)
      assert.equal(getEventListeners(abort.signal, 'abort').length, 0)
      assert.equal(descriptors() - before, name === 'ticks' ? 0 : 4, 'only pipes are left')
    })

    it(`of ${name} needs a signal that is one`, async () => {
      for (const signal of [{}, 5, 'abort', true]) {
        await assert.rejects(use(signal as AbortSignal), { code: 'ERR_INVALID_ARG_TYPE' })
      }
    })
  }

  it('by leaving the loop closes the queue of ticks', async () => {
    const before = descriptors()
    for await (const _ of ticks(1)) break
    assert.ok(descriptors() <= before)
  })

  it('a thousand times leaves nothing', async () => {
    const [r, w] = pipe()
    posix.write(w, 'x')
    const before = descriptors()
    await Promise.all(Array.from({ length: 1000 }, () => readable(r)))
    assert.ok(descriptors() <= before)
  })
})
