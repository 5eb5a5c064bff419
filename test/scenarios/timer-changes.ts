/**
 * EVFILT_TIMER: timers that are added again, and timers set for a time of day
 * (NOTE_ABSTIME). See kqueue(2), "EVFILT_TIMER".
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_ONESHOT,
  EVFILT_TIMER,
  EVFILT_USER,
  NOTE_ABSTIME,
  NOTE_NSECONDS,
  NOTE_SECONDS,
  NOTE_TRIGGER,
  NOTE_USECONDS,
} from 'kqueue/core'
import {
  add,
  chapter,
  ERRNO,
  errorEvent,
  expectBetween,
  expectError,
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

const scenario = chapter('EVFILT_TIMER changed', { filters: [EVFILT_TIMER] })

// Adding again.

scenario('adding a timer again starts it anew', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 40, EV_ONESHOT)])
  w.sleep(20)
  const ms = elapsed(w, () => {
    q.kevent([timer(1, 40, EV_ONESHOT)])
    expectEvents(wait(q), { ident: 1, data: 1 })
  })
  expectBetween(ms, 40, LONG, 'ms after adding again')
})

scenario('adding a timer again can make it shorter', (w) => {
  const q = w.kqueue()
  const ms = elapsed(w, () => {
    q.kevent([timer(1, HOUR, EV_ONESHOT)])
    q.kevent([timer(1, 5, EV_ONESHOT)])
    expectEvents(wait(q), { ident: 1, data: 1 })
  })
  expectBetween(ms, 5, LONG, 'ms until the timer')
  expectNothing(q, 10)
})

scenario('adding a timer again can make it longer', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 5, EV_ONESHOT), timer(1, HOUR, EV_ONESHOT)])
  expectNothing(q, 30)
})

scenario('adding a timer again forgets the expirations that were not read', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 5)])
  w.sleep(30)
  q.kevent([timer(1, HOUR)])
  expectNothing(q)
})

scenario(
  'adding a timer again forgets an expiration that is queued already',
  {
    filters: [EVFILT_USER],
  },
  (w) => {
    const q = w.kqueue()
    q.kevent([add(9, EVFILT_USER, 0, { fflags: NOTE_TRIGGER }), timer(1, 5), timer(2, 5)])
    w.sleep(20)
    expectEvents(pending(q, 1), { ident: 9 })
    q.kevent([timer(1, HOUR)])
    const left = pending(q)
    assert.deepEqual(idents(left).sort(), [2, 9])
  },
)

scenario(
  'the count of a timer that is added again starts from 0',
  {
    filters: [EVFILT_USER],
  },
  (w) => {
    const q = w.kqueue()
    q.kevent([add(9, EVFILT_USER, 0, { fflags: NOTE_TRIGGER }), timer(1, 1)])
    w.sleep(50)
    expectEvents(pending(q, 1), { ident: 9 })
    q.kevent([remove(9, EVFILT_USER)])
    let data = 0
    const ms = elapsed(w, () => {
      q.kevent([timer(1, 20)])
      data = next(q).data
    })
    expectBetween(data, 1, ms / 20 + 1, 'expirations')
  },
)

scenario('adding an expired one-shot timer again forgets it and starts anew', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 5, EV_ONESHOT)])
  w.sleep(20)
  const ms = elapsed(w, () => {
    q.kevent([timer(1, 30, EV_ONESHOT)])
    expectNothing(q)
    expectEvents(wait(q), { ident: 1, data: 1 })
  })
  expectBetween(ms, 30, LONG, 'ms after adding again')
  expectNothing(q, 10)
})

scenario('a timer reports once for its adding again, whenever that is', (w) => {
  const q = w.kqueue()
  for (let pause = 0.5; pause < 1.5; pause += 0.1) {
    q.kevent([timer(1, 1000, EV_ONESHOT, NOTE_USECONDS)])
    w.sleep(pause)
    const ms = elapsed(w, () => {
      q.kevent([timer(1, 1000, EV_ONESHOT, NOTE_USECONDS)])
      expectEvents(wait(q), { ident: 1, data: 1 })
    })
    assert.ok(ms >= 1, `${ms} ms after adding again`)
    expectNothing(q, 2)
  }
})

scenario('adding a periodic timer again changes its period', (w) => {
  const q = w.kqueue()
  q.kevent([timer(3, 5)])
  expectEvents(wait(q), { ident: 3 })
  let total = 0
  const ms = elapsed(w, () => {
    q.kevent([timer(3, 40)])
    for (let i = 0; i < 2; i++) total += next(q).data
  })
  expectBetween(ms, 79, LONG, 'ms for two periods of 40')
  expectBetween(total, 2, ms / 40 + 1, 'expirations')
})

scenario('adding a timer again replaces its unit', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, HOUR, EV_ONESHOT, NOTE_SECONDS)])
  const ms = elapsed(w, () => {
    q.kevent([timer(1, 20, EV_ONESHOT)])
    expectEvents(wait(q), { ident: 1 })
  })
  expectBetween(ms, 20, LONG, 'ms until the timer')
})

scenario('adding a timer again replaces its udata', (w) => {
  const q = w.kqueue()
  q.kevent([{ ...timer(1, HOUR, EV_ONESHOT), udata: 'old' }])
  q.kevent([timer(1, 1, EV_ONESHOT)])
  assert.notEqual(next(q).udata, 'old')
})

scenario('adding a periodic timer again does not make it one-shot', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 5), timer(1, 5, EV_ONESHOT)])
  for (let i = 0; i < 3; i++) expectEvents(wait(q, 1), { ident: 1, flags: EV_CLEAR })
  q.kevent([remove(1, EVFILT_TIMER)])
})

scenario('adding again with a bad time fails with EINVAL and leaves the timer', (w) => {
  const q = w.kqueue()
  const ms = elapsed(w, () => {
    q.kevent([{ ...timer(1, 30), udata: 'mine' }])
    expectError('EINVAL', () => q.kevent([timer(1, -1)]))
    expectError('EINVAL', () => q.kevent([timer(1, 5, 0, NOTE_SECONDS | NOTE_NSECONDS)]))
    expectEvents(q.kevent([timer(1, -1)], 8, 0), errorEvent(1, EVFILT_TIMER, ERRNO.EINVAL))
    expectEvents(wait(q), { ident: 1, flags: EV_CLEAR, udata: 'mine' })
  })
  expectBetween(ms, 30, LONG, 'ms until the timer')
  expectEvents(wait(q), { ident: 1 })
})

scenario('adding again with a bad time keeps expirations that were not read', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 5, EV_ONESHOT)])
  w.sleep(20)
  expectError('EINVAL', () => q.kevent([timer(1, -1, EV_ONESHOT)]))
  expectEvents(pending(q), { ident: 1, data: 1 })
})

scenario('a deleted timer that is added again starts from nothing', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 5)])
  w.sleep(20)
  q.kevent([remove(1, EVFILT_TIMER), timer(1, 30, EV_ONESHOT)])
  expectNothing(q)
  expectEvents(wait(q), { ident: 1, flags: EV_CLEAR | EV_ONESHOT, data: 1 })
})

// A time of day.

scenario('NOTE_ABSTIME fires at a time since 1970, and not before', (w) => {
  const q = w.kqueue()
  const end = w.time() + 40
  q.kevent([timer(1, Math.ceil(end), EV_ONESHOT, NOTE_ABSTIME)])
  expectNothing(q)
  expectEvents(wait(q), { ident: 1, flags: EV_ONESHOT, fflags: 0, data: 1 })
  expectBetween(w.time(), end - 1, end + LONG, 'ms since 1970')
  expectNothing(q, 10)
})

const EPOCH: [string, number, number][] = [
  ['seconds', NOTE_SECONDS, 1e-3],
  ['ms', 0, 1],
  ['µs', NOTE_USECONDS, 1e3],
  ['ns', NOTE_NSECONDS, 1e6],
]

for (const [name, unit, perMs] of EPOCH) {
  scenario(`a time of day in ${name} that has passed fires at once`, (w) => {
    const q = w.kqueue()
    const past = Math.floor((w.time() - 5000) * perMs)
    q.kevent([timer(1, past, EV_ONESHOT, NOTE_ABSTIME | unit)])
    const ms = elapsed(w, () => expectEvents(wait(q), { ident: 1, data: 1 }))
    assert.ok(ms < 1000)
  })

  scenario(`a time of day in ${name} that is to come does not fire yet`, (w) => {
    const q = w.kqueue()
    const future = Math.floor((w.time() + HOUR) * perMs)
    q.kevent([timer(1, future, EV_ONESHOT, NOTE_ABSTIME | unit)])
    expectNothing(q, 10)
  })
}

scenario('the beginning of 1970 fires at once', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 0, 0, NOTE_ABSTIME)])
  expectEvents(wait(q), { ident: 1, flags: 0, fflags: 0, data: 1 })
  q.kevent([remove(1, EVFILT_TIMER)])
})

scenario('a time of day without EV_CLEAR is reported on, with one expiration', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 1, 0, NOTE_ABSTIME)])
  expectEvents(wait(q), { ident: 1, flags: 0, data: 1 })
  w.sleep(10)
  expectEvents(pending(q), { ident: 1, flags: 0, data: 1 })
  q.kevent([remove(1, EVFILT_TIMER)])
  expectNothing(q)
})

scenario('a time of day with EV_CLEAR is reported once', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 1, EV_CLEAR, NOTE_ABSTIME)])
  expectEvents(wait(q), { ident: 1, flags: EV_CLEAR, data: 1 })
  expectNothing(q, 10)
  q.kevent([remove(1, EVFILT_TIMER)])
})

scenario('a time before 1970 is refused with EINVAL', (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([timer(1, -1, EV_ONESHOT, NOTE_ABSTIME)]))
  expectGone(q, 1, EVFILT_TIMER)
})

scenario('an interval can be changed to a time of day', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, HOUR, EV_ONESHOT)])
  const end = w.time() + 30
  q.kevent([timer(1, Math.ceil(end), EV_ONESHOT, NOTE_ABSTIME)])
  expectEvents(wait(q), { ident: 1, data: 1 })
  expectBetween(w.time(), end - 1, end + LONG, 'ms since 1970')
})

scenario('a time of day can be changed to an interval', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, Math.ceil(w.time() + HOUR), EV_ONESHOT, NOTE_ABSTIME)])
  const ms = elapsed(w, () => {
    q.kevent([timer(1, 20, EV_ONESHOT)])
    expectEvents(wait(q), { ident: 1, data: 1 })
  })
  expectBetween(ms, 20, LONG, 'ms until the timer')
})
