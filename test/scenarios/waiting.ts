/**
 * How long a call waits for the first event, and the queue as a descriptor that
 * poll(2) can wait for. kqueue(2), "timeout".
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_ERROR,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
} from 'kqueue/core'
import {
  add,
  byIdent,
  chapter,
  drain,
  expectBetween,
  expectError,
  expectEvents,
  expectNothing,
  idents,
  LONG,
  pending,
  remove,
  trigger,
  wait,
} from './scenario.js'

const scenario = chapter('Waiting', { filters: [EVFILT_USER, EVFILT_TIMER] })

scenario('a negative timeout is refused with EINVAL', (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([], 1, -1))
  expectError('EINVAL', () => q.kevent([], 1, -0.001))
  expectError('EINVAL', () => q.kevent([], 1, { sec: -1, nsec: 0 }))
})

scenario('a timeout whose nsec is out of range is refused with EINVAL', (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([], 1, { sec: 0, nsec: -1 }))
  expectError('EINVAL', () => q.kevent([], 1, { sec: 0, nsec: 1_000_000_000 }))
})

scenario('a bad timeout is refused though an event is pending, and takes nothing', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR), trigger(1)])
  expectError('EINVAL', () => q.kevent([], 1, { sec: 0, nsec: 1e9 }))
  expectEvents(pending(q), { ident: 1 })
})

scenario('a bad timeout is refused after the changes have been applied', (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([add(1, EVFILT_USER, EV_CLEAR), trigger(1)], 1, -1))
  expectEvents(pending(q), { ident: 1 })
})

scenario('a bad timeout is not looked at when nothing is waited for', (w) => {
  const q = w.kqueue()
  assert.deepEqual(q.kevent([add(1, EVFILT_USER)], 0, -1), [])
  assert.deepEqual(q.kevent([trigger(1)], 0, { sec: 0, nsec: 1e9 }), [])
  expectEvents(q.kevent([remove(2, EVFILT_USER)], 1, -1), { ident: 2, flags: EV_ERROR })
  expectEvents(pending(q), { ident: 1 })
})

scenario('an error of a change comes before that of the timeout', (w) => {
  const q = w.kqueue()
  expectError('ENOENT', () => q.kevent([remove(2, EVFILT_USER)], 0, -1))
})

scenario('a timeout of 0 polls', (w) => {
  const q = w.kqueue()
  const start = w.now()
  for (let i = 0; i < 10; i++) {
    assert.deepEqual(q.kevent([], 1, 0), [])
    assert.deepEqual(q.kevent([], 1, { sec: 0, nsec: 0 }), [])
  }
  assert.ok(w.now() - start < 1000)
})

scenario('a timeout in ms is waited for', (w) => {
  const q = w.kqueue()
  const start = w.now()
  expectNothing(q, 40)
  expectBetween(w.now() - start, 40, 2000, 'ms waited')
})

scenario('a timeout of sec and nsec is waited for', (w) => {
  const q = w.kqueue()
  const start = w.now()
  assert.deepEqual(q.kevent([], 1, { sec: 0, nsec: 40_000_000 }), [])
  expectBetween(w.now() - start, 40, 2000, 'ms waited')
})

scenario('fractions of a ms are waited for', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER)])
  for (const timeout of [0.5, 0.9, 1.7]) {
    const start = w.now()
    expectNothing(q, timeout)
    // Less a picosecond, for what subtracting two floats can lose.
    expectBetween(w.now() - start, timeout - 1e-9, 1000, 'ms waited')
  }
})

scenario('a single ns may be waited for', (w) => {
  const q = w.kqueue()
  assert.deepEqual(q.kevent([], 1, { sec: 0, nsec: 1 }), [])
})

scenario('very long timeouts are taken as they are', (w) => {
  const q = w.kqueue()
  for (const timeout of [2 ** 31, 2 ** 53, { sec: 2 ** 31, nsec: 0 }, { sec: 2 ** 40, nsec: 1 }]) {
    q.kevent([add(1, EVFILT_TIMER, EV_ONESHOT, { data: 5 })])
    expectEvents(q.kevent([], 1, timeout), { ident: 1, data: 1 })
  }
})

scenario('a wait ends with the first event, not with the timeout', (w) => {
  const q = w.kqueue()
  const start = w.now()
  q.kevent([add(1, EVFILT_TIMER, EV_ONESHOT, { data: 20 })])
  expectEvents(q.kevent([], 1, 60_000), { ident: 1 })
  expectBetween(w.now() - start, 19, LONG, 'ms waited')
})

scenario('null and no timeout wait for as long as it takes', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_TIMER, EV_ONESHOT, { data: 20 })])
  expectEvents(q.kevent([], 1, null), { ident: 1 })
  q.kevent([add(2, EVFILT_TIMER, EV_ONESHOT, { data: 20 })])
  expectEvents(q.kevent([], 1), { ident: 2 })
})

scenario('an event that is pending ends every wait at once', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  const start = w.now()
  for (const timeout of [0, 60_000, null]) expectEvents(q.kevent([], 1, timeout), { ident: 1 })
  assert.ok(w.now() - start < LONG)
})

scenario('an event of a change made in the same call ends the wait', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR)])
  expectEvents(q.kevent([trigger(1)], 1, null), { ident: 1 })
})

scenario('a change stays applied though the wait after it ends with nothing', (w) => {
  const q = w.kqueue()
  assert.deepEqual(q.kevent([add(1, EVFILT_USER)], 1, 5), [])
  q.kevent([trigger(1)])
  expectEvents(pending(q), { ident: 1 })
})

scenario('an event after a wait that ended with nothing is reported', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  expectNothing(q, 5)
  w.write(wr, 'x')
  expectEvents(wait(q), { ident: r })
})

scenario('a wait hands out all that is pending, not only the first', (w) => {
  const q = w.kqueue()
  q.kevent([1, 2, 3].map((i) => add(i, EVFILT_TIMER, EV_ONESHOT, { data: 5 })))
  w.sleep(30)
  assert.deepEqual(idents(byIdent(q.kevent([], 8, 1000))), [1, 2, 3])
})

scenario('a wait is not ended by what happens in another queue', (w) => {
  const q = w.kqueue()
  const other = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR)])
  other.kevent([add(r, EVFILT_READ, EV_CLEAR), add(2, EVFILT_TIMER, EV_ONESHOT, { data: 5 })])
  w.write(wr, 'x')
  const start = w.now()
  expectNothing(q, 30)
  assert.ok(w.now() - start >= 29)
  expectEvents(byIdent(pending(other)), { ident: 2, data: 1 }, { ident: r, data: 1 })
})

scenario('asking one queue takes nothing from another', (w) => {
  const q = w.kqueue()
  const other = w.kqueue()
  const [r, wr] = w.pipe()
  other.kevent([add(r, EVFILT_READ, EV_ONESHOT)])
  w.write(wr, 'x')
  for (let i = 0; i < 3; i++) expectNothing(q)
  expectEvents(pending(other), { ident: r, data: 1 })
})

// The queue as a descriptor.

scenario(
  'a queue is readable by poll exactly while something is pending',
  { needs: ['poll'] },
  (w) => {
    const q = w.kqueue()
    assert.equal(w.readable(q.fd), false)
    q.kevent([add(1, EVFILT_USER, EV_CLEAR)])
    assert.equal(w.readable(q.fd), false)
    q.kevent([trigger(1)])
    assert.equal(w.readable(q.fd), true)
    expectEvents(pending(q), { ident: 1 })
    assert.equal(w.readable(q.fd), false)
  },
)

scenario('a queue becomes readable by itself when a descriptor does', { needs: ['poll'] }, (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  assert.equal(w.readable(q.fd), false)
  w.write(wr, 'x')
  assert.equal(w.readable(q.fd, LONG), true)
  expectEvents(pending(q), { ident: r })
  assert.equal(w.readable(q.fd), true)
  drain(w, r)
  expectNothing(q)
  assert.equal(w.readable(q.fd), false)
})

scenario('a queue becomes readable by itself when a timer expires', { needs: ['poll'] }, (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_TIMER, EV_ONESHOT, { data: 10 })])
  assert.equal(w.readable(q.fd, LONG), true)
  expectEvents(pending(q), { ident: 1 })
  assert.equal(w.readable(q.fd), false)
})

scenario(
  'a queue of which only disabled knotes have something is not readable',
  { needs: ['poll'] },
  (w) => {
    const q = w.kqueue()
    const [r, wr] = w.pipe()
    q.kevent([add(1, EVFILT_USER, EV_DISABLE), add(r, EVFILT_READ, EV_DISABLE), trigger(1)])
    w.write(wr, 'x')
    expectNothing(q)
    assert.equal(w.readable(q.fd), false)
  },
)

scenario('events that did not fit leave the queue readable', { needs: ['poll'] }, (w) => {
  const q = w.kqueue()
  q.kevent([1, 2].map((i) => add(i, EVFILT_USER, EV_CLEAR)))
  q.kevent([trigger(1), trigger(2)])
  pending(q, 1)
  assert.equal(w.readable(q.fd), true)
  pending(q, 1)
  assert.equal(w.readable(q.fd), false)
})

scenario('deleting the last pending knote makes the queue unreadable', { needs: ['poll'] }, (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  q.kevent([remove(1, EVFILT_USER)])
  assert.equal(w.readable(q.fd), false)
  expectNothing(q)
})

scenario('a queue stays readable though another queue is asked', { needs: ['poll'] }, (w) => {
  const q = w.kqueue()
  const other = w.kqueue()
  const [r, wr] = w.pipe()
  other.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  w.write(wr, 'x')
  expectNothing(q)
  assert.equal(w.readable(q.fd), false)
  assert.equal(w.readable(other.fd), true)
  expectEvents(pending(other), { ident: r })
  assert.equal(w.readable(other.fd), false)
})
