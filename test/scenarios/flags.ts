/**
 * What the action flags of a knote do: EV_DISABLE, EV_DELETE, EV_ONESHOT,
 * EV_DISPATCH, EV_CLEAR, EV_RECEIPT, EV_KEEPUDATA, EV_FORCEONESHOT. See
 * kqueue(2), "flags".
 */
import assert from 'node:assert/strict'
import {
  type Change,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ERROR,
  EV_FORCEONESHOT,
  EV_KEEPUDATA,
  EV_ONESHOT,
  EV_RECEIPT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  NOTE_FFOR,
  NOTE_NSECONDS,
  NOTE_TRIGGER,
} from 'kqueue/core'
import {
  add,
  byIdent,
  change,
  chapter,
  disable,
  drain,
  ERRNO,
  enable,
  errorEvent,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  idents,
  pending,
  remove,
  trigger,
} from './scenario.js'

const scenario = chapter('Flags', { filters: [EVFILT_USER] })

scenario('an event carries the lasting flags of its knote and none of the actions', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_ENABLE), add(2, EVFILT_USER, EV_CLEAR)])
  q.kevent([add(3, EVFILT_USER, EV_DISPATCH | EV_CLEAR), add(4, EVFILT_USER, EV_ONESHOT)])
  q.kevent([trigger(1), trigger(2), trigger(3), trigger(4)])
  expectEvents(
    pending(q),
    { ident: 1, flags: 0 },
    { ident: 2, flags: EV_CLEAR },
    { ident: 3, flags: EV_DISPATCH | EV_CLEAR },
    { ident: 4, flags: EV_ONESHOT },
  )
})

scenario('flags that belong to the system are ignored when a caller sets them', (w) => {
  const q = w.kqueue()
  const EV_DROP = 0x1000
  const EV_FLAG1 = 0x2000
  q.kevent([add(1, EVFILT_USER, EV_EOF | EV_ERROR | EV_DROP | EV_FLAG1)])
  expectNothing(q)
  q.kevent([{ ...trigger(1), flags: EV_EOF | EV_ERROR | EV_DROP | EV_FLAG1 }])
  expectEvents(pending(q), { ident: 1, flags: 0 })
})

scenario('adding again changes none of the lasting flags', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), add(2, EVFILT_USER, EV_ONESHOT), add(3, EVFILT_USER, EV_DISPATCH)])
  q.kevent([add(1, EVFILT_USER, EV_ONESHOT | EV_DISPATCH), add(2, EVFILT_USER)])
  q.kevent([add(3, EVFILT_USER, EV_ONESHOT), trigger(1), trigger(2), trigger(3)])
  expectEvents(
    pending(q),
    { ident: 1, flags: 0 },
    { ident: 2, flags: EV_ONESHOT },
    { ident: 3, flags: EV_DISPATCH },
  )
  expectEvents(pending(q), { ident: 1, flags: 0 })
})

scenario('adding again with EV_CLEAR leaves a level-triggered watch level-triggered', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  q.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r, flags: 0 })
  expectEvents(pending(q), { ident: r, flags: 0 })
})

scenario('adding again without EV_CLEAR leaves an edge-triggered watch edge-triggered', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  w.write(wr, 'x')
  q.kevent([add(r, EVFILT_READ)])
  expectEvents(pending(q), { ident: r, flags: EV_CLEAR })
  expectNothing(q)
})

// EV_DISABLE, EV_ENABLE.

scenario('a knote that is added disabled lets nothing through, and tells when enabled', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.write(wr, 'abc')
  assert.deepEqual(q.kevent([add(r, EVFILT_READ, EV_DISABLE)], 8, 0), [])
  expectNothing(q)
  expectEvents(q.kevent([enable(r, EVFILT_READ)], 8, 0), { ident: r, data: 3, flags: 0 })
})

scenario('what happens while a knote is disabled is told when it is enabled', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), disable(1, EVFILT_USER), trigger(1)])
  expectNothing(q)
  q.kevent([enable(1, EVFILT_USER)])
  expectEvents(pending(q), { ident: 1 })
})

scenario('what no longer holds when a knote is enabled is not told', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_DISABLE)])
  w.write(wr, 'abc')
  drain(w, r)
  q.kevent([enable(r, EVFILT_READ)])
  expectNothing(q)
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r, data: 1 })
})

scenario('disabling holds back an event that is already pending', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  q.kevent([disable(1, EVFILT_USER)])
  expectNothing(q)
  expectNothing(q)
  q.kevent([enable(1, EVFILT_USER)])
  expectEvents(pending(q), { ident: 1 })
  q.kevent([add(1, EVFILT_USER, EV_DISABLE)])
  expectNothing(q)
  q.kevent([enable(1, EVFILT_USER)])
  expectEvents(pending(q), { ident: 1 })
})

scenario('disabling and enabling between two scans reports once', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_CLEAR), trigger(1), disable(1, EVFILT_USER)])
  q.kevent([enable(1, EVFILT_USER)])
  expectEvents(pending(q), { ident: 1 })
  expectNothing(q)
})

scenario('disabling and enabling between two scans leaves an event its place', (w) => {
  const q = w.kqueue()
  q.kevent([1, 2, 3].map((i) => add(i, EVFILT_USER, EV_CLEAR)))
  q.kevent([1, 2, 3].map((i) => trigger(i)))
  q.kevent([disable(1, EVFILT_USER)])
  q.kevent([enable(1, EVFILT_USER)])
  assert.deepEqual(idents(pending(q)), [1, 2, 3])
})

scenario('an event that was looked at while it was disabled goes to the end when enabled', (w) => {
  const q = w.kqueue()
  q.kevent([1, 2, 3].map((i) => add(i, EVFILT_USER)))
  q.kevent([1, 2, 3].map((i) => trigger(i)))
  q.kevent([disable(1, EVFILT_USER)])
  assert.deepEqual(idents(pending(q)), [2, 3])
  q.kevent([enable(1, EVFILT_USER)])
  assert.deepEqual(idents(pending(q)), [2, 3, 1])
})

scenario('disabling or enabling twice is the same as once', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  q.kevent([disable(1, EVFILT_USER), disable(1, EVFILT_USER)])
  expectNothing(q)
  q.kevent([enable(1, EVFILT_USER), enable(1, EVFILT_USER)])
  expectEvents(pending(q), { ident: 1 })
})

scenario('adding and enabling enables a disabled knote', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_DISABLE), trigger(1)])
  q.kevent([add(1, EVFILT_USER, EV_ENABLE)])
  expectEvents(pending(q), { ident: 1 })
})

scenario('adding again does not by itself enable a disabled knote', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_DISABLE), trigger(1)])
  q.kevent([add(1, EVFILT_USER)])
  expectNothing(q)
  q.kevent([enable(1, EVFILT_USER)])
  expectEvents(pending(q), { ident: 1 })
})

// EV_DELETE.

scenario('deleting drops what is pending', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(1, EVFILT_USER), add(r, EVFILT_READ), trigger(1)])
  w.write(wr, 'x')
  q.kevent([remove(1, EVFILT_USER), remove(r, EVFILT_READ)])
  expectNothing(q)
  w.write(wr, 'x')
  expectNothing(q)
})

scenario('a disabled knote can be deleted', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_DISABLE), trigger(1), remove(1, EVFILT_USER)])
  expectGone(q, 1, EVFILT_USER)
})

// EV_ONESHOT.

scenario('a one-shot knote is deleted as it is handed out', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_ONESHOT)])
  expectNothing(q)
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r, data: 1, flags: EV_ONESHOT })
  w.write(wr, 'x')
  expectNothing(q)
  expectGone(q, r, EVFILT_READ)
})

scenario('a one-shot knote that was not handed out for want of room stays', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_ONESHOT), add(2, EVFILT_USER, EV_ONESHOT)])
  q.kevent([trigger(1), trigger(2)])
  expectEvents(pending(q, 1), { ident: 1 })
  expectEvents(pending(q, 1), { ident: 2 })
  expectNothing(q)
})

scenario('a one-shot knote whose condition is gone is not reported and stays', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_ONESHOT)])
  w.write(wr, 'abc')
  drain(w, r)
  expectNothing(q)
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r, data: 1 })
  expectGone(q, r, EVFILT_READ)
})

scenario('a disabled one-shot knote waits until it is enabled', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_ONESHOT | EV_DISABLE), trigger(1)])
  expectNothing(q)
  q.kevent([enable(1, EVFILT_USER)])
  expectEvents(pending(q), { ident: 1, flags: EV_ONESHOT })
  expectGone(q, 1, EVFILT_USER)
})

// EV_DISPATCH.

scenario('EV_DISPATCH disables the knote as it is handed out', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_DISPATCH)])
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r, data: 1, flags: EV_DISPATCH })
  w.write(wr, 'x')
  expectNothing(q)
  q.kevent([enable(r, EVFILT_READ)])
  expectEvents(pending(q), { ident: r, data: 2, flags: EV_DISPATCH })
  expectNothing(q)
  q.kevent([remove(r, EVFILT_READ)])
})

scenario('a dispatched knote that is enabled without need reports nothing', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_DISPATCH)])
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r })
  drain(w, r)
  q.kevent([enable(r, EVFILT_READ, EV_DISPATCH)])
  expectNothing(q)
})

// EV_CLEAR.

scenario('EV_CLEAR reports again only when something new happens', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  w.write(wr, 'ab')
  expectEvents(pending(q), { ident: r, data: 2, flags: EV_CLEAR })
  w.read(r, 1)
  expectNothing(q)
  w.write(wr, 'cde')
  expectEvents(pending(q), { ident: r, data: 4 })
  expectNothing(q)
})

scenario('EV_CLEAR reports what was there before the knote', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.write(wr, 'ab')
  q.kevent([add(r, EVFILT_READ, EV_CLEAR)])
  expectEvents(pending(q), { ident: r, data: 2 })
  expectNothing(q)
})

// EV_RECEIPT.

scenario('EV_RECEIPT answers a change that succeeded with data 0', (w) => {
  const q = w.kqueue()
  const events = q.kevent([add(1, EVFILT_USER, EV_RECEIPT, { udata: 'mine' })], 8, null)
  expectEvents(events, { ...errorEvent(1, EVFILT_USER, 0), udata: 'mine' })
  q.kevent([remove(1, EVFILT_USER)])
})

scenario('receipts come one a change, in order, failures among them', (w) => {
  const q = w.kqueue()
  const events = q.kevent(
    [
      add(1, EVFILT_USER, EV_RECEIPT),
      change(9, EVFILT_USER, EV_RECEIPT),
      add(2, EVFILT_USER),
      change(1, EVFILT_USER, EV_ENABLE | EV_RECEIPT),
    ],
    8,
    0,
  )
  expectEvents(
    events,
    errorEvent(1, EVFILT_USER, 0),
    errorEvent(9, EVFILT_USER, ERRNO.ENOENT),
    errorEvent(1, EVFILT_USER, 0),
  )
})

scenario(
  'a receipt has fflags 0 for a new event, 24 bits for a user event, or what was given',
  (w) => {
    const q = w.kqueue()
    const receipt = (given: Change): Change => ({ ...given, flags: given.flags | EV_RECEIPT })
    const fflags = (NOTE_FFOR | NOTE_TRIGGER | 2) >>> 0
    const nsec = NOTE_NSECONDS
    const events = q.kevent(
      [
        receipt(add(1, EVFILT_USER, 0, { fflags: 7, data: 3 })),
        receipt(change(1, EVFILT_USER, 0, { fflags })),
        receipt(add(1, EVFILT_USER, 0, { fflags })),
        receipt(change(1, EVFILT_USER, EV_DELETE, { fflags })),
        receipt(add(2, EVFILT_TIMER, 0, { fflags: nsec, data: 1e15 })),
        receipt(add(2, EVFILT_TIMER, 0, { fflags: nsec, data: 1e15 })),
      ],
      8,
      0,
    )
    const answer = { flags: EV_ERROR, data: 0 }
    expectEvents(
      events,
      ...[0, 2, 2, fflags].map((fflags) => ({ ident: 1, ...answer, fflags })),
      ...[0, nsec].map((fflags) => ({ ident: 2, ...answer, fflags })),
    )
  },
)

scenario('a call that answers with receipts drains no events', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  const events = q.kevent([add(2, EVFILT_USER, EV_RECEIPT)], 8, 0)
  expectEvents(events, errorEvent(2, EVFILT_USER, 0))
  expectEvents(pending(q), { ident: 1 })
})

scenario('a receipt without room for it is no error', (w) => {
  const q = w.kqueue()
  assert.deepEqual(q.kevent([add(1, EVFILT_USER, EV_RECEIPT), trigger(1)]), [])
  expectEvents(pending(q), { ident: 1 })
})

scenario('EV_RECEIPT is a lasting flag', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_RECEIPT | EV_CLEAR)], 1, 0)
  q.kevent([trigger(1)])
  expectEvents(pending(q), { ident: 1, flags: EV_RECEIPT | EV_CLEAR })
})

// EV_KEEPUDATA.

scenario('EV_KEEPUDATA leaves the udata through every kind of change', (w) => {
  const q = w.kqueue()
  const mine = {}
  q.kevent([add(1, EVFILT_USER, EV_CLEAR, { udata: mine })])
  q.kevent([disable(1, EVFILT_USER, EV_KEEPUDATA)])
  q.kevent([{ ...trigger(1), flags: EV_KEEPUDATA, udata: 'other' }])
  expectNothing(q)
  q.kevent([enable(1, EVFILT_USER, EV_KEEPUDATA)])
  const [event] = pending(q)
  assert.equal(event?.udata, mine)
  assert.equal(event?.flags, EV_CLEAR)
})

// EV_FORCEONESHOT.

scenario('EV_FORCEONESHOT reports once, whatever the filter says, and deletes', (w) => {
  const q = w.kqueue()
  const [r] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  q.kevent([change(r, EVFILT_READ, EV_FORCEONESHOT)])
  expectEvents(pending(q), { ident: r, filter: EVFILT_READ, flags: EV_ONESHOT })
  expectNothing(q)
  expectGone(q, r, EVFILT_READ)
})

scenario('EV_FORCEONESHOT of what is not registered fails with ENOENT', (w) => {
  const q = w.kqueue()
  expectError('ENOENT', () => q.kevent([change(1, EVFILT_USER, EV_FORCEONESHOT)]))
  expectNothing(q)
})

scenario('EV_FORCEONESHOT of a disabled knote waits until it is enabled', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_DISABLE), change(1, EVFILT_USER, EV_FORCEONESHOT)])
  expectNothing(q)
  q.kevent([enable(1, EVFILT_USER)])
  expectEvents(pending(q), { ident: 1 })
  expectGone(q, 1, EVFILT_USER)
})

scenario('EV_FORCEONESHOT with EV_DISABLE waits until the knote is enabled', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), change(1, EVFILT_USER, EV_FORCEONESHOT | EV_DISABLE)])
  expectNothing(q)
  q.kevent([enable(1, EVFILT_USER)])
  expectEvents(pending(q), { ident: 1, flags: EV_ONESHOT })
  expectGone(q, 1, EVFILT_USER)
})

scenario('EV_FORCEONESHOT of a knote that is pending reports it once', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  q.kevent([change(1, EVFILT_USER, EV_FORCEONESHOT)])
  expectEvents(pending(q), { ident: 1 })
  expectNothing(q)
  expectError('ENOENT', () => q.kevent([change(1, EVFILT_USER, 0)]))
})

scenario('EV_FORCEONESHOT of a knote that is being added reports it once', (w) => {
  const q = w.kqueue()
  const [r] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_FORCEONESHOT)])
  expectEvents(pending(q), { ident: r, flags: EV_ONESHOT })
  expectGone(q, r, EVFILT_READ)
})

scenario('EV_FORCEONESHOT says what holds beside, such as the end of a file', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.write(wr, 'foo')
  w.close(wr)
  q.kevent([add(r, EVFILT_READ, EV_FORCEONESHOT)])
  expectEvents(pending(q), { ident: r, flags: EV_ONESHOT | EV_EOF, data: 3 })
})

scenario('EV_FORCEONESHOT of the wrong end of a pipe has nothing to count', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.write(wr, 'x')
  q.kevent([add(wr, EVFILT_READ, EV_FORCEONESHOT), add(r, EVFILT_WRITE, EV_FORCEONESHOT)])
  expectEvents(
    byIdent(pending(q)),
    { ident: r, filter: EVFILT_WRITE, data: 0 },
    { ident: wr, filter: EVFILT_READ, data: 0 },
  )
})
