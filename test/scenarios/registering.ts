/**
 * How a change is registered: kqueue(2) "kevent() system call", and
 * `kqueue_register` of FreeBSD. The flags have a chapter of their own.
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_ONESHOT,
  EV_RECEIPT,
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
  disable,
  enable,
  errorEvent,
  expectEvents,
  expectGone,
  expectNothing,
  LONG,
  pending,
  remove,
  trigger,
} from './scenario.js'

const scenario = chapter('Registering', { filters: [EVFILT_USER] })

scenario('a new queue has nothing to report', (w) => {
  expectNothing(w.kqueue())
})

scenario('an added knote reports nothing until its condition holds', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER)])
  expectNothing(q)
})

scenario('a call without changes and without room for events gives nothing', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  assert.deepEqual(q.kevent(), [])
  assert.deepEqual(q.kevent([]), [])
})

scenario('without room for events a call returns at once, whatever the timeout', (w) => {
  const q = w.kqueue()
  const start = w.now()
  assert.deepEqual(q.kevent([add(1, EVFILT_USER)], 0, LONG), [])
  assert.deepEqual(q.kevent([trigger(1)], 0, null), [])
  assert.ok(w.now() - start < LONG)
  expectEvents(pending(q), { ident: 1 })
})

scenario('all changes are applied, in order, before any event is read', (w) => {
  const q = w.kqueue()
  const events = q.kevent(
    [add(1, EVFILT_USER), add(2, EVFILT_USER), trigger(1), trigger(2), remove(1, EVFILT_USER)],
    8,
    0,
  )
  expectEvents(events, { ident: 2 })
})

scenario('a knote added and deleted by one changelist is gone', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1), remove(1, EVFILT_USER)])
  expectNothing(q)
  expectGone(q, 1, EVFILT_USER)
})

scenario('a change with filter 0 is skipped', (w) => {
  const q = w.kqueue()
  const events = q.kevent([add(7, 0), change(8, 0, EV_DELETE), add(1, EVFILT_USER), trigger(1)], 8)
  expectEvents(events, { ident: 1 })
})

scenario('a skipped change is not even given a receipt', (w) => {
  const q = w.kqueue()
  const events = q.kevent([add(7, 0, EV_RECEIPT), add(1, EVFILT_USER, EV_RECEIPT)], 8)
  expectEvents(events, errorEvent(1, EVFILT_USER, 0))
})

scenario('adding again keeps one knote', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), add(1, EVFILT_USER), trigger(1)])
  expectEvents(pending(q), { ident: 1 })
  q.kevent([remove(1, EVFILT_USER)])
  expectGone(q, 1, EVFILT_USER)
})

scenario('one ident under two filters is two knotes', { filters: [EVFILT_TIMER] }, (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), add(1, EVFILT_TIMER, 0, { data: LONG }), trigger(1)])
  expectEvents(pending(q), { ident: 1, filter: EVFILT_USER })
  q.kevent([remove(1, EVFILT_USER)])
  expectGone(q, 1, EVFILT_USER)
  q.kevent([remove(1, EVFILT_TIMER)])
})

scenario('two filters on one descriptor are two knotes', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_READ), add(a, EVFILT_WRITE)])
  w.write(b, 'x')
  assert.deepEqual(
    byIdent(pending(q)).map((event) => event.filter),
    [EVFILT_WRITE, EVFILT_READ],
  )
  q.kevent([remove(a, EVFILT_WRITE)])
  expectEvents(pending(q), { ident: a, filter: EVFILT_READ })
})

scenario(
  'a watch for writing can be turned into one for reading',
  { needs: ['socketpair'] },
  (w) => {
    const q = w.kqueue()
    const [a, b] = w.socketpair('stream')
    q.kevent([add(a, EVFILT_WRITE)])
    q.kevent([add(a, EVFILT_READ), remove(a, EVFILT_WRITE)])
    expectNothing(q)
    w.write(b, 'x')
    expectEvents(pending(q), { ident: a, filter: EVFILT_READ, data: 1 })
  },
)

scenario('queues do not share knotes', (w) => {
  const one = w.kqueue()
  const two = w.kqueue()
  one.kevent([add(1, EVFILT_USER)])
  two.kevent([add(1, EVFILT_USER)])
  one.kevent([trigger(1)])
  expectEvents(pending(one), { ident: 1 })
  expectNothing(two)
  one.kevent([remove(1, EVFILT_USER)])
  two.kevent([trigger(1)])
  expectEvents(pending(two), { ident: 1 })
})

scenario('adding again replaces the udata', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, 0, { udata: 'first' })])
  q.kevent([add(1, EVFILT_USER, 0, { udata: 'second' })])
  q.kevent([trigger(1, 0, { udata: 'third' })])
  expectEvents(pending(q), { udata: 'third' })
})

scenario('a change without udata forgets the old one', { needs: ['socketpair'] }, (w) => {
  const q = w.kqueue()
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_READ, EV_CLEAR, { udata: 'old' })])
  q.kevent([add(a, EVFILT_READ, EV_CLEAR)])
  w.write(b, 'x')
  const [event] = pending(q)
  assert.equal(event?.ident, a)
  assert.notEqual(event?.udata, 'old')
})

scenario('the udata may be any value and comes back the same', (w) => {
  const q = w.kqueue()
  const values = [0, '', null, false, Symbol('s'), { deep: {} }, () => 1, 2n ** 64n]
  q.kevent(values.map((udata, i) => add(i, EVFILT_USER, 0, { udata })))
  q.kevent(values.map((udata, i) => trigger(i, 0, { udata })))
  const events = byIdent(pending(q))
  assert.equal(events.length, values.length)
  for (const [i, event] of events.entries()) assert.ok(Object.is(event.udata, values[i]))
})

scenario('adding again keeps what has already happened', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  q.kevent([add(1, EVFILT_USER)])
  expectEvents(pending(q), { ident: 1 })
})

scenario('after deleting, the ident can be added anew with other flags', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER, EV_ONESHOT, { udata: 'old' }), trigger(1)])
  q.kevent([remove(1, EVFILT_USER), add(1, EVFILT_USER, EV_CLEAR)])
  expectNothing(q)
  q.kevent([trigger(1)])
  expectEvents(pending(q), { ident: 1, flags: EV_CLEAR })
  q.kevent([remove(1, EVFILT_USER)])
})

scenario('idents of user events reach from 0 to the largest safe integer', (w) => {
  const q = w.kqueue()
  const all = [0, 1, 2 ** 31, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]
  q.kevent(all.map((ident) => add(ident, EVFILT_USER)))
  q.kevent([trigger(2 ** 32)])
  expectEvents(pending(q), { ident: 2 ** 32 })
  q.kevent(all.filter((ident) => ident !== 2 ** 32).map((ident) => trigger(ident)))
  assert.deepEqual(
    byIdent(pending(q)).map((event) => event.ident),
    all,
  )
})

scenario('thousands of knotes are registered, reported and deleted', (w) => {
  const q = w.kqueue()
  const all = Array.from({ length: 8192 }, (_, i) => i)
  q.kevent(all.map((ident) => add(ident, EVFILT_USER, EV_CLEAR)))
  q.kevent(all.map((ident) => trigger(ident)))
  assert.equal(q.kevent([], 10000, 0).length, all.length)
  q.kevent(all.map((ident) => remove(ident, EVFILT_USER)))
  expectGone(q, 8191, EVFILT_USER)
  expectNothing(q)
})

scenario('the changes are only read', (w) => {
  const q = w.kqueue()
  const first = Object.freeze(add(1, EVFILT_USER, EV_CLEAR, { fflags: 5, data: 6 }))
  const list = Object.freeze([first, Object.freeze(trigger(1, 0, { data: 7 }))])
  expectEvents(q.kevent(list, 8, 0), { ident: 1, data: 7 })
  expectEvents(q.kevent(list, 8, 0), { ident: 1, data: 7 })
})

scenario('an added descriptor that is ready already is reported at once', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.write(wr, 'abc')
  expectEvents(q.kevent([add(r, EVFILT_READ)], 8, 0), { ident: r, data: 3, flags: 0 })
})

scenario('adding enables, unless it says otherwise', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), add(2, EVFILT_USER, EV_ENABLE), add(3, EVFILT_USER, EV_DISABLE)])
  q.kevent([trigger(1), trigger(2), trigger(3)])
  expectEvents(pending(q), { ident: 1, flags: 0 }, { ident: 2, flags: 0 })
  q.kevent([enable(3, EVFILT_USER), disable(1, EVFILT_USER)])
  expectEvents(byIdent(pending(q)), { ident: 2 }, { ident: 3, flags: 0 })
})
