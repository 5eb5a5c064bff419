/**
 * EVFILT_TIMER. Times have a lower bound that holds on every machine and an
 * upper one that only a broken timer misses. See kqueue(2), "EVFILT_TIMER",
 * and `filt_timer*` of FreeBSD.
 */
import assert from 'node:assert/strict'
import { EV_CLEAR, EV_DISPATCH, EV_ONESHOT, EVFILT_TIMER } from 'kqueue/core'
import {
  change,
  chapter,
  collect,
  disable,
  enable,
  expectBetween,
  expectEvents,
  expectGone,
  expectNothing,
  idents,
  LONG,
  next,
  pending,
  remove,
  wait,
} from './scenario.js'
import { elapsed, HOUR, timer } from './timing.js'

const scenario = chapter('EVFILT_TIMER', { filters: [EVFILT_TIMER] })

scenario('a timer reports when its time has come, and not before', (w) => {
  const q = w.kqueue()
  const ms = elapsed(w, () => {
    q.kevent([timer(1, 30)])
    expectEvents(wait(q), { ident: 1, filter: EVFILT_TIMER, flags: EV_CLEAR, fflags: 0, data: 1 })
  })
  expectBetween(ms, 30, LONG, 'ms until the timer')
})

scenario('a periodic timer reports again and again', (w) => {
  const q = w.kqueue()
  q.kevent([timer(3, 20)])
  let total = 0
  const ms = elapsed(w, () => {
    for (let i = 0; i < 4; i++) total += next(q).data
  })
  assert.ok(total >= 4)
  expectBetween(ms, 60, LONG, 'ms until the fourth expiration')
})

scenario('a one-shot timer reports once and is gone', (w) => {
  const q = w.kqueue()
  q.kevent([timer(2, 10, EV_ONESHOT)])
  expectEvents(wait(q), { ident: 2, flags: EV_ONESHOT | EV_CLEAR, data: 1 })
  expectGone(q, 2, EVFILT_TIMER)
  expectNothing(q, 30)
})

scenario('a one-shot timer counts one expiration however late it is read', (w) => {
  const q = w.kqueue()
  q.kevent([timer(2, 5, EV_ONESHOT)])
  w.sleep(40)
  expectEvents(wait(q), { ident: 2, data: 1 })
})

scenario('a periodic timer counts the expirations since it was last read', (w) => {
  const q = w.kqueue()
  let slept = 0
  slept += elapsed(w, () => {
    q.kevent([timer(1, 10)])
    w.sleep(105)
  })
  let count = 0
  slept += elapsed(w, () => {
    count = next(q).data
  })
  expectBetween(count, 9, slept / 10 + 1, 'expirations')
})

scenario('the count starts from 0 after it was read', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 50)])
  w.sleep(320)
  assert.ok(next(q).data >= 5)
  let second = 0
  const ms = elapsed(w, () => {
    second = next(q).data
  })
  expectBetween(second, 1, ms / 50 + 2, 'expirations')
})

scenario('a periodic timer does not drift, however late it is read', (w) => {
  const q = w.kqueue()
  let total = 0
  const ms = elapsed(w, () => {
    q.kevent([timer(1, 10)])
    for (let i = 0; i < 30; i++) {
      total += next(q).data
      w.sleep(15)
    }
  })
  expectBetween(total, ms / 10 - 5, ms / 10 + 1, 'expirations read')
})

scenario('many periods do not add up to a delay', (w) => {
  const q = w.kqueue()
  const ms = elapsed(w, () => {
    q.kevent([timer(1, 2)])
    for (let total = 0; total < 100; ) total += next(q).data
  })
  expectBetween(ms, 199, 1500, 'ms for 100 periods of 2')
})

// Order.

scenario('timers expire in the order of their times', (w) => {
  const q = w.kqueue()
  const times = [25, 5, 15, 10, 20, 1]
  q.kevent(times.map((ms) => timer(ms, ms, EV_ONESHOT)))
  w.sleep(40)
  assert.deepEqual(idents(collect(q, 6)), [1, 5, 10, 15, 20, 25])
})

scenario('a thousand timers all expire', (w) => {
  const q = w.kqueue()
  const all = Array.from({ length: 1000 }, (_, i) => i)
  q.kevent(all.map((i) => timer(i, 1 + (i % 50), EV_ONESHOT)))
  const seen = idents(collect(q, 1000))
  assert.deepEqual(
    seen.sort((a, b) => a - b),
    all,
  )
  expectNothing(q)
})

scenario('the shorter of two timers comes first, whichever is added first', (w) => {
  for (const order of [
    [1, 2],
    [2, 1],
  ]) {
    const q = w.kqueue()
    q.kevent(order.map((ident) => timer(ident, ident === 1 ? 5 : HOUR, EV_ONESHOT)))
    expectEvents(wait(q), { ident: 1 })
    q.kevent([remove(2, EVFILT_TIMER)])
  }
})

scenario('timers of two queues with one ident run each for itself', (w) => {
  const one = w.kqueue()
  const two = w.kqueue()
  one.kevent([timer(1, 5, EV_ONESHOT)])
  two.kevent([timer(1, 15, EV_ONESHOT)])
  expectEvents(wait(two), { ident: 1, data: 1 })
  expectEvents(wait(one), { ident: 1, data: 1 })
})

// Flags.

scenario('the udata of a timer comes back, for a one-shot timer too', (w) => {
  const q = w.kqueue()
  const mine = {}
  q.kevent([{ ...timer(1, 1, EV_ONESHOT), udata: mine }])
  assert.equal(next(q).udata, mine)
})

scenario('a disabled timer runs on and is reported when enabled', (w) => {
  const q = w.kqueue()
  q.kevent([timer(4, 10), disable(4, EVFILT_TIMER)])
  expectNothing(q, 55)
  q.kevent([enable(4, EVFILT_TIMER)])
  const [event] = pending(q)
  assert.equal(event?.ident, 4)
  assert.ok(event.data >= 4, `${event.data} expirations`)
})

scenario('a disabled one-shot timer that expired is reported when enabled', (w) => {
  const q = w.kqueue()
  q.kevent([timer(4, 5, EV_ONESHOT), disable(4, EVFILT_TIMER)])
  expectNothing(q, 20)
  q.kevent([enable(4, EVFILT_TIMER)])
  expectEvents(pending(q), { ident: 4, data: 1 })
  expectGone(q, 4, EVFILT_TIMER)
})

scenario('a timer that is enabled before its time fires at its time', (w) => {
  const q = w.kqueue()
  const ms = elapsed(w, () => {
    q.kevent([timer(4, 30, EV_ONESHOT), disable(4, EVFILT_TIMER), enable(4, EVFILT_TIMER)])
    expectEvents(wait(q), { ident: 4, data: 1 })
  })
  expectBetween(ms, 30, LONG, 'ms until the timer')
})

scenario('disabling and deleting drop an expiration that was not read', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 5, EV_ONESHOT), timer(2, 5, EV_ONESHOT)])
  w.sleep(20)
  q.kevent([disable(1, EVFILT_TIMER), remove(2, EVFILT_TIMER)])
  expectNothing(q)
  q.kevent([remove(1, EVFILT_TIMER)])
  expectNothing(q, 10)
})

scenario('a deleted timer does not fire', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 10), remove(1, EVFILT_TIMER)])
  expectNothing(q, 30)
})

scenario('a dispatched timer counts on until it is enabled again', (w) => {
  const q = w.kqueue()
  q.kevent([timer(4, 10, EV_DISPATCH)])
  expectEvents(wait(q), { ident: 4, flags: EV_CLEAR | EV_DISPATCH })
  expectNothing(q, 55)
  q.kevent([enable(4, EVFILT_TIMER, EV_DISPATCH)])
  assert.ok(next(q).data >= 4)
  expectNothing(q)
})

scenario('a change that does not add leaves the time of a timer', (w) => {
  const q = w.kqueue()
  const ms = elapsed(w, () => {
    q.kevent([timer(1, 40, EV_ONESHOT)])
    q.kevent([change(1, EVFILT_TIMER, 0, { data: 1 })])
    q.kevent([{ ...enable(1, EVFILT_TIMER), data: -5, fflags: 0x1000 }])
    expectEvents(wait(q), { ident: 1, data: 1 })
  })
  expectBetween(ms, 40, LONG, 'ms until the timer')
})

scenario('a timer needs no descriptor of its number', (w) => {
  const q = w.kqueue()
  q.kevent([timer(0, 1, EV_ONESHOT), timer(2 ** 40, 1, EV_ONESHOT)])
  assert.deepEqual(
    idents(collect(q, 2)).sort((a, b) => a - b),
    [0, 2 ** 40],
  )
})

scenario('timers can be added and deleted over and over while they expire', (w) => {
  const q = w.kqueue()
  for (let i = 0; i < 2000; i++) {
    q.kevent([timer(i % 32, i % 3, i % 2 ? EV_ONESHOT : 0)])
    if (i % 64 === 0) w.sleep(1)
    const due = pending(q)
    assert.ok(due.every((event) => event.data >= 1))
    if (!due.some((event) => event.ident === i % 32 && event.flags & EV_ONESHOT)) {
      q.kevent([remove(i % 32, EVFILT_TIMER)])
    }
  }
  expectNothing(q, 10)
})
