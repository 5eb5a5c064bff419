/**
 * EVFILT_TIMER: the units of its time, what is refused, and how many timers
 * there can be. See kqueue(2), "EVFILT_TIMER".
 */
import assert from 'node:assert/strict'
import {
  EV_ONESHOT,
  EVFILT_TIMER,
  NOTE_MSECONDS,
  NOTE_NSECONDS,
  NOTE_SECONDS,
  NOTE_USECONDS,
} from 'kqueue/core'
import {
  chapter,
  expectBetween,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  LONG,
  next,
  remove,
  wait,
} from './scenario.js'
import { elapsed, HOUR, timer } from './timing.js'

const scenario = chapter('EVFILT_TIMER units', { filters: [EVFILT_TIMER] })

const UNITS: [string, number, number][] = [
  ['without a unit, ms', 0, 20],
  ['NOTE_MSECONDS', NOTE_MSECONDS, 20],
  ['NOTE_USECONDS', NOTE_USECONDS, 20_000],
  ['NOTE_NSECONDS', NOTE_NSECONDS, 20_000_000],
]

for (const [name, unit, data] of UNITS) {
  scenario(`the unit of a timer: ${name}`, (w) => {
    const q = w.kqueue()
    const ms = elapsed(w, () => {
      q.kevent([timer(1, data, EV_ONESHOT, unit)])
      expectEvents(wait(q), { ident: 1, fflags: 0, data: 1 })
    })
    expectBetween(ms, 20, 1000, `ms for ${data} of ${name}`)
  })
}

scenario('the unit of a timer: NOTE_SECONDS', (w) => {
  const q = w.kqueue()
  const ms = elapsed(w, () => {
    q.kevent([timer(1, 1, EV_ONESHOT, NOTE_SECONDS)])
    expectEvents(wait(q), { ident: 1, data: 1 })
  })
  expectBetween(ms, 1000, LONG, 'ms for a second')
})

scenario('a timer may be set for less than a µs', (w) => {
  const q = w.kqueue()
  q.kevent([timer(1, 1, EV_ONESHOT, NOTE_NSECONDS)])
  expectEvents(wait(q), { ident: 1, data: 1 })
})

scenario('two units at once are refused with EINVAL', (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([timer(1, 5, 0, NOTE_SECONDS | NOTE_USECONDS)]))
  expectGone(q, 1, EVFILT_TIMER)
})

scenario('fflags that are no unit are refused with EINVAL', (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([timer(1, 5, 0, 0x1000)]))
  expectError('EINVAL', () => q.kevent([timer(1, 5, 0, 0x80000000)]))
  expectGone(q, 1, EVFILT_TIMER)
})

// Limits.

scenario('a negative time is refused with EINVAL', (w) => {
  const q = w.kqueue()
  for (const flags of [0, EV_ONESHOT]) {
    expectError('EINVAL', () => q.kevent([timer(1, -1, flags)]))
  }
  expectGone(q, 1, EVFILT_TIMER)
})

scenario('a time beyond what ns can count is refused with EINVAL, not fired at once', (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([timer(1, Number.MAX_SAFE_INTEGER, 0, NOTE_SECONDS)]))
  expectGone(q, 1, EVFILT_TIMER)
})

scenario('long timers do not fire early', (w) => {
  const q = w.kqueue()
  const long = [HOUR, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1, 2 ** 40]
  q.kevent(long.map((ms, i) => timer(i, ms, EV_ONESHOT)))
  q.kevent([timer(9, 2 ** 53 - 1, EV_ONESHOT, NOTE_NSECONDS)])
  expectNothing(q, 20)
  q.kevent([timer(10, 5, EV_ONESHOT)])
  expectEvents(wait(q), { ident: 10 })
})

scenario('a one-shot timer of 0 fires at once', (w) => {
  const q = w.kqueue()
  const ms = elapsed(w, () => {
    q.kevent([timer(1, 0, EV_ONESHOT)])
    expectEvents(wait(q), { ident: 1, data: 1 })
  })
  assert.ok(ms < 1000)
})

scenario('a periodic timer of 0 has a period of one unit', (w) => {
  const q = w.kqueue()
  let count = 0
  const ms = elapsed(w, () => {
    q.kevent([timer(1, 0)])
    w.sleep(50)
    count = next(q).data
  })
  expectBetween(count, 30, ms + 1, 'expirations')
})

scenario('there are no more timers than kq_calloutmax', { needs: ['sysctl'] }, (w) => {
  const q = w.kqueue()
  const before = w.sysctl.kq_calloutmax
  assert.equal(before, 4096)
  w.sysctl.kq_calloutmax = 3
  try {
    q.kevent([timer(1, HOUR), timer(2, HOUR), timer(3, HOUR)])
    expectError('ENOMEM', () => q.kevent([timer(4, HOUR)]))
    expectGone(q, 4, EVFILT_TIMER)
    q.kevent([timer(2, HOUR)])
    q.kevent([remove(2, EVFILT_TIMER), timer(4, HOUR)])
    expectError('ENOMEM', () => w.kqueue().kevent([timer(1, HOUR)]))
  } finally {
    w.sysctl.kq_calloutmax = before
  }
  q.kevent([timer(5, HOUR)])
})

scenario('a closed queue gives its timers back', { needs: ['sysctl'] }, (w) => {
  const before = w.sysctl.kq_calloutmax
  w.sysctl.kq_calloutmax = 2
  try {
    for (let i = 0; i < 5; i++) {
      const q = w.kqueue()
      q.kevent([timer(1, HOUR), timer(2, HOUR)])
      q.close()
    }
  } finally {
    w.sysctl.kq_calloutmax = before
  }
})

scenario(
  'a one-shot timer gives its place back when it was handed out',
  { needs: ['sysctl'] },
  (w) => {
    const q = w.kqueue()
    const before = w.sysctl.kq_calloutmax
    w.sysctl.kq_calloutmax = 1
    try {
      for (let i = 0; i < 3; i++) {
        q.kevent([timer(i, 1, EV_ONESHOT)])
        expectEvents(wait(q), { ident: i })
      }
    } finally {
      w.sysctl.kq_calloutmax = before
    }
  },
)
