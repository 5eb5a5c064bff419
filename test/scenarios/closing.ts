/**
 * Closing a descriptor removes its knotes, kqueue(2): whoever closes it,
 * whatever keeps the file itself alive, and whatever gets its number next.
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_DISPATCH,
  EV_FORCEONESHOT,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
} from 'kqueue/core'
import {
  add,
  byIdent,
  change,
  chapter,
  drain,
  enable,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  idents,
  pending,
  pipeAt,
  remove,
  trigger,
} from './scenario.js'

const scenario = chapter('Closing descriptors', { filters: [EVFILT_READ, EVFILT_WRITE] })

scenario('closing a descriptor removes its knotes', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r })
  w.close(r)
  expectNothing(q)
  expectError('EBADF', () => q.kevent([remove(r, EVFILT_READ)]))
  pipeAt(w, r)
  expectGone(q, r, EVFILT_READ)
})

scenario('closing a descriptor drops the event that is pending for it', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'x')
  w.close(r)
  expectNothing(q)
})

scenario('closing a descriptor drops its end of file as well', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  w.close(wr)
  w.close(r)
  expectNothing(q)
})

scenario('both ends of a watched pipe can be closed, the read end first', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ), add(wr, EVFILT_WRITE)])
  w.close(r)
  w.close(wr)
  expectNothing(q)
})

scenario('closing a descriptor drops the event that EV_FORCEONESHOT has forced', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ), add(wr, EVFILT_WRITE)])
  q.kevent([change(r, EVFILT_READ, EV_FORCEONESHOT), change(wr, EVFILT_WRITE, EV_FORCEONESHOT)])
  w.close(r)
  pipeAt(w, r)
  w.close(wr)
  expectNothing(q)
})

scenario('closing one descriptor leaves the knotes of the others', (w) => {
  const q = w.kqueue()
  const [r1, w1] = w.pipe()
  const [r2, w2] = w.pipe()
  q.kevent([add(r1, EVFILT_READ), add(r2, EVFILT_READ)])
  w.write(w1, 'x')
  w.write(w2, 'x')
  w.close(r1)
  expectEvents(pending(q), { ident: r2 })
})

scenario(
  'closing a descriptor leaves user events and timers of the same number',
  {
    filters: [EVFILT_USER, EVFILT_TIMER],
  },
  (w) => {
    const q = w.kqueue()
    const [r] = w.pipe()
    q.kevent([add(r, EVFILT_READ), add(r, EVFILT_USER), add(r, EVFILT_TIMER, 0, { data: 60_000 })])
    w.close(r)
    expectNothing(q)
    q.kevent([trigger(r)])
    expectEvents(pending(q), { ident: r, filter: EVFILT_USER })
    q.kevent([remove(r, EVFILT_USER), remove(r, EVFILT_TIMER)])
  },
)

scenario(
  'closing a socket removes the knotes of both its filters',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a, b] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_READ), add(a, EVFILT_WRITE)])
    w.write(b, 'x')
    w.close(a)
    expectNothing(q)
    pipeAt(w, a)
    expectGone(q, a, EVFILT_READ)
    expectGone(q, a, EVFILT_WRITE)
  },
)

scenario('closing removes the knotes from every queue', (w) => {
  const queues = [w.kqueue(), w.kqueue(), w.kqueue()]
  const [r, wr] = w.pipe()
  for (const q of queues) q.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'x')
  w.close(r)
  const again = pipeAt(w, r)
  w.write(again, 'y')
  for (const q of queues) {
    expectNothing(q)
    expectGone(q, r, EVFILT_READ)
  }
})

scenario('closing removes knotes whatever their flags', (w) => {
  for (const flags of [EV_CLEAR, EV_ONESHOT, EV_DISPATCH, EV_DISABLE]) {
    const q = w.kqueue()
    const [r, wr] = w.pipe()
    q.kevent([add(r, EVFILT_READ, flags)])
    w.write(wr, 'x')
    w.close(r)
    w.write(pipeAt(w, r), 'y')
    expectNothing(q)
    expectError('ENOENT', () => q.kevent([enable(r, EVFILT_READ)]))
    expectNothing(q)
  }
})

scenario('a file that gets the number is not reported for the one that had it', (w) => {
  const q = w.kqueue()
  const [r] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  w.close(r)
  w.write(pipeAt(w, r), 'new')
  expectNothing(q)
  expectError('ENOENT', () => q.kevent([change(r, EVFILT_READ, 0)]))
})

scenario('a file that gets the number while an event is pending is not reported', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'old')
  expectEvents(pending(q), { ident: r })
  w.close(r)
  w.write(pipeAt(w, r), 'new')
  expectNothing(q)
})

scenario('the number can be watched anew, and tells of the new file only', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, 0, { udata: 'old' })])
  w.write(wr, 'old data')
  w.close(r)
  const again = pipeAt(w, r)
  q.kevent([add(r, EVFILT_READ, 0, { udata: 'new' })])
  expectNothing(q)
  w.write(again, 'x')
  expectEvents(pending(q), { ident: r, data: 1, udata: 'new' })
})

scenario('a knote on a reused number has the flags of its own adding', (w) => {
  const q = w.kqueue()
  const [r] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_DISABLE | EV_CLEAR)])
  w.close(r)
  w.write(pipeAt(w, r), 'x')
  q.kevent([add(r, EVFILT_READ)])
  expectEvents(pending(q), { ident: r, flags: 0 })
  expectEvents(pending(q), { ident: r, flags: 0 })
})

// Duplicates.

scenario('a duplicate that keeps the file alive does not keep the knote', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  const other = w.dup(r)
  q.kevent([add(r, EVFILT_READ)])
  w.close(r)
  w.write(wr, 'x')
  expectNothing(q)
  assert.equal(drain(w, other), 1)
})

scenario('a wait is not disturbed by a closed descriptor whose file is ready for ever', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.dup(r)
  q.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'x')
  w.close(r)
  for (let i = 0; i < 3; i++) {
    const start = w.now()
    expectNothing(q, 20)
    assert.ok(w.now() - start >= 19)
  }
})

scenario(
  'a queue is not readable for a closed descriptor whose file is ready for ever',
  {
    needs: ['poll'],
  },
  (w) => {
    const q = w.kqueue()
    const [r, wr] = w.pipe()
    w.dup(r)
    q.kevent([add(r, EVFILT_READ)])
    w.write(wr, 'x')
    w.close(r)
    expectNothing(q)
    assert.equal(w.readable(q.fd), false)
  },
)

scenario('duplicates are watched each under its own number', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  const other = w.dup(r)
  q.kevent([add(r, EVFILT_READ, 0, { udata: 'r' }), add(other, EVFILT_READ, 0, { udata: 'other' })])
  w.write(wr, 'x')
  assert.deepEqual(idents(byIdent(pending(q))), [r, other])
  w.close(r)
  expectEvents(pending(q), { ident: other, udata: 'other', data: 1 })
  w.write(pipeAt(w, r), 'new')
  expectEvents(pending(q), { ident: other, udata: 'other', data: 1 })
})

scenario('a reused number and a duplicate of the old file tell of their own files', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  const other = w.dup(r)
  q.kevent([add(r, EVFILT_READ), add(other, EVFILT_READ)])
  w.close(r)
  const again = pipeAt(w, r)
  q.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'old')
  expectEvents(pending(q), { ident: other, data: 3 })
  w.write(again, 'x')
  expectEvents(byIdent(pending(q)), { ident: r, data: 1 }, { ident: other, data: 3 })
})

scenario('dup2 over a watched descriptor removes its knotes', (w) => {
  const q = w.kqueue()
  const [r1, w1] = w.pipe()
  const [r2, w2] = w.pipe()
  q.kevent([add(r1, EVFILT_READ)])
  w.write(w1, 'old')
  w.dup2(r2, r1)
  w.write(w2, 'new')
  expectNothing(q)
  expectGone(q, r1, EVFILT_READ)
})

scenario('dup2 over a descriptor leaves the knotes of the one that is copied', (w) => {
  const q = w.kqueue()
  const [r1] = w.pipe()
  const [r2, w2] = w.pipe()
  q.kevent([add(r1, EVFILT_READ), add(r2, EVFILT_READ)])
  w.dup2(r2, r1)
  w.write(w2, 'xy')
  expectEvents(pending(q), { ident: r2, data: 2 })
})

scenario('dup2 of a descriptor onto itself changes nothing', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  w.dup2(r, r)
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r })
  q.kevent([remove(r, EVFILT_READ)])
})

scenario(
  'the same file put back under its number is not watched',
  {
    needs: ['told-of-close'],
  },
  (w) => {
    const q = w.kqueue()
    const [r, wr] = w.pipe()
    const other = w.dup(r)
    q.kevent([add(r, EVFILT_READ)])
    w.close(r)
    w.dup2(other, r)
    w.write(wr, 'x')
    expectNothing(q)
    expectGone(q, r, EVFILT_READ)
  },
)

scenario(
  'a file that comes back to its number is not taken for the one that had it in between',
  {
    needs: ['told-of-close'],
  },
  (w) => {
    const q = w.kqueue()
    const [r, wr] = w.pipe()
    const other = w.dup(r)
    q.kevent([add(r, EVFILT_READ)])
    const [between] = w.pipe()
    w.dup2(between, r)
    q.kevent([add(r, EVFILT_READ)])
    w.dup2(other, r)
    w.write(wr, 'x')
    expectNothing(q)
    expectGone(q, r, EVFILT_READ)
  },
)
