/** EVFILT_TIMER on a clock that only moves when it is told. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_ONESHOT,
  EV_SET,
  EVFILT_TIMER,
  type Kqueue,
  NOTE_ABSTIME,
  NOTE_MSECONDS,
  NOTE_NSECONDS,
  NOTE_SECONDS,
  NOTE_USECONDS,
} from 'kqueue/core'
import { assertSound, kevent, TinyKernel } from './tiny.js'

const MS = 1e6

function withTimer(data: number, fflags = 0, flags = 0) {
  const kernel = new TinyKernel()
  const kq = kernel.kqueue()
  kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_ADD | flags, fflags, data)])
  return { kernel, kq }
}

/** Expirations since the last time, 0 when nothing is reported. */
const expirations = (kq: Kqueue): number => kevent(kq, [], 1)[0]?.data ?? 0

describe('A timer', () => {
  it('expires when its time has come and not a nanosecond before', () => {
    for (const [unit, ns] of [
      [0, 1e6],
      [NOTE_SECONDS, 1e9],
      [NOTE_MSECONDS, 1e6],
      [NOTE_USECONDS, 1e3],
      [NOTE_NSECONDS, 1],
    ] as const) {
      const { kernel, kq } = withTimer(3, unit)
      kernel.advance(3 * ns - 1)
      assert.equal(expirations(kq), 0)
      kernel.advance(1)
      assert.equal(expirations(kq), 1)
      assert.equal(expirations(kq), 0)
    }
  })

  it('does not drift over a million periods that are looked at one by one', () => {
    const { kernel, kq } = withTimer(1)
    for (let period = 1; period <= 1_000_000; period++) {
      kernel.advance(MS)
      if (expirations(kq) !== 1) assert.fail(`period ${period}`)
    }
    assert.equal(kernel.callouts.next, 1_000_001 * MS)
  })

  it('does not drift when each of a million periods is noticed late', () => {
    const { kernel, kq } = withTimer(1000, NOTE_NSECONDS)
    let sum = 0
    for (let i = 0; i < 1_000_000; i++) {
      kernel.jump(1337)
      sum += expirations(kq)
    }
    assert.equal(sum, 1_337_000)
    assert.equal(kernel.callouts.next, 1_337_001_000)
  })

  it('counts millions of periods that nobody looked at, in one step', () => {
    const { kernel, kq } = withTimer(1, NOTE_USECONDS)
    kernel.patience = 10
    kernel.jump(5_000_000 * 1000 + 500)
    assert.equal(expirations(kq), 5_000_000)
    kernel.jump(499)
    assert.equal(expirations(kq), 0)
    kernel.jump(1)
    assert.equal(expirations(kq), 1)
  })

  it('counts all periods however the clock moves', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.array(fc.nat({ max: 20_000 }), { maxLength: 100 }),
        fc.infiniteStream(fc.boolean()),
        (period, steps, looks) => {
          const { kernel, kq } = withTimer(period, NOTE_NSECONDS)
          let seen = 0
          for (const step of steps) {
            kernel.jump(step)
            if (looks.next().value) seen += expirations(kq)
            assert.ok(kernel.callouts.next > kernel.time)
            assert.equal(kernel.callouts.next % period, 0)
          }
          seen += expirations(kq)
          assert.equal(seen, Math.floor(kernel.time / period))
        },
      ),
      { numRuns: 200 },
    )
  })

  it('of the shortest period ends each look, also when the clock has run for 104 days', () => {
    const { kernel, kq } = withTimer(1000, NOTE_SECONDS)
    kernel.time = 2 ** 53
    kernel.patience = 1000
    kevent(kq, [EV_SET(2, EVFILT_TIMER, EV_ADD, NOTE_NSECONDS, 1)])
    kernel.jump(2)
    assert.ok(kevent(kq, [], 2).length > 0)
  })

  it('expires at times that are exact to 2 ns after 104 days', () => {
    const { kernel, kq } = withTimer(1000, NOTE_NSECONDS)
    const start = 2 ** 53 + 2 ** 40
    kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_DELETE)])
    kernel.time = start
    kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_ADD, NOTE_NSECONDS, 1000)])
    for (let i = 1; i <= 1000; i++) {
      kernel.advance(1000)
      assert.equal(expirations(kq), 1)
    }
    assert.equal(kernel.callouts.next, start + 1001 * 1000)
  })

  it('goes on counting while it is disabled, and says so when it is enabled', () => {
    const { kernel, kq } = withTimer(1, 0, EV_DISABLE)
    kernel.advance(3.5 * MS)
    assert.equal(expirations(kq), 0)
    kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_ENABLE)])
    assert.equal(expirations(kq), 3)
    kernel.advance(0.5 * MS)
    assert.equal(expirations(kq), 1)
  })

  it('that is added again starts anew and forgets', () => {
    const { kernel, kq } = withTimer(10)
    kernel.advance(25 * MS)
    kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 4)])
    assert.equal(expirations(kq), 0)
    kernel.advance(4 * MS - 1)
    assert.equal(expirations(kq), 0)
    kernel.advance(1)
    assert.equal(expirations(kq), 1)
    assert.equal(kernel.callouts.size, 1)
  })

  it('expires once when it is one-shot, and is gone', () => {
    const { kernel, kq } = withTimer(1, 0, EV_ONESHOT)
    kernel.advance(100 * MS)
    assert.equal(kernel.callouts.size, 0)
    assert.equal(expirations(kq), 1)
    assert.equal(kernel.timers, 0)
    assert.deepEqual([...kq.knotes()], [])
  })

  it('for an absolute time expires then, or at once when that is past', () => {
    const kernel = new TinyKernel()
    const kq = kernel.kqueue()
    kernel.advance(10 * MS)
    const at = (ident: number, ms: number) =>
      EV_SET(ident, EVFILT_TIMER, EV_ADD | EV_ONESHOT, NOTE_ABSTIME, kernel.epoch / MS + ms)
    kevent(kq, [at(1, 15), at(2, 5)])
    kernel.advance(0)
    assert.deepEqual(
      kevent(kq, [], 2).map(({ ident }) => ident),
      [2],
    )
    kernel.advance(5 * MS - 1)
    assert.equal(expirations(kq), 0)
    kernel.advance(1)
    assert.equal(expirations(kq), 1)
  })

  it('leaves no callout when it is deleted or its queue is closed', () => {
    const { kernel, kq } = withTimer(1)
    kevent(kq, [EV_SET(2, EVFILT_TIMER, EV_ADD, 0, 1)])
    kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_DELETE)])
    assert.equal(kernel.callouts.size, 1)
    kernel.advance(5 * MS)
    kq.close()
    assert.equal(kernel.callouts.size, 0)
    assert.equal(kernel.timers, 0)
  })

  it('is refused beyond kq_calloutmax until another is gone', () => {
    const kernel = new TinyKernel()
    const kq = kernel.kqueue()
    kernel.sysctl.kq_calloutmax = 2
    const add = (ident: number, data = 1) => EV_SET(ident, EVFILT_TIMER, EV_ADD, 0, data)
    kevent(kq, [add(1), add(2)])
    assert.throws(() => kevent(kq, [add(3)]), { code: 'ENOMEM', message: /kq_calloutmax/ })
    kevent(kq, [add(2)])
    assert.throws(() => kevent(kernel.kqueue(), [add(1)]), { code: 'ENOMEM' })
    kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_DELETE), add(3)])
    assert.equal(kernel.timers, 2)
  })

  it('that is refused takes nothing', () => {
    const kernel = new TinyKernel()
    const kq = kernel.kqueue()
    for (const [fflags, data] of [
      [0, -1],
      [NOTE_SECONDS | NOTE_NSECONDS, 1],
      [0x8000_0000, 1],
      [NOTE_SECONDS, 2 ** 63 / 1e9],
    ] as const) {
      assert.throws(() => kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_ADD, fflags, data)]), {
        code: 'EINVAL',
      })
    }
    assert.deepEqual([kernel.timers, kernel.callouts.size], [0, 0])
    assertSound(kq)
  })

  it('that cannot be set anew goes on as it was', () => {
    const { kernel, kq } = withTimer(10)
    assert.throws(() => kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_ADD, 0, -1)]), { code: 'EINVAL' })
    kernel.advance(10 * MS)
    assert.equal(expirations(kq), 1)
  })

  it('is one of ten thousand that expire in order', () => {
    const kernel = new TinyKernel()
    kernel.sysctl.kq_calloutmax = 10_000
    const kq = kernel.kqueue()
    const times = Array.from({ length: 10_000 }, (_, i) => 1 + ((i * 7919) % 10_007))
    for (const [i, data] of times.entries()) {
      kevent(kq, [EV_SET(i, EVFILT_TIMER, EV_ADD | EV_ONESHOT, NOTE_USECONDS, data)])
    }
    kernel.advance(20_000_000)
    const order = kevent(kq, [], 10_000).map(({ ident }) => times[ident]!)
    assert.equal(order.length, 10_000)
    assert.ok(order.every((time, i) => i === 0 || order[i - 1]! <= time))
  })
})
