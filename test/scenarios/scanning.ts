/**
 * Which events are handed out, how many, and in which order. kqueue(2) and
 * `kqueue_scan` of FreeBSD.
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
} from 'kqueue/core'
import {
  add,
  byIdent,
  chapter,
  disable,
  drain,
  expectError,
  expectEvents,
  expectNothing,
  idents,
  pending,
  trigger,
} from './scenario.js'
import type { World } from './world.js'

const scenario = chapter('Scanning', { filters: [EVFILT_USER, EVFILT_TIMER] })

/** `count` pipes, each with a byte in it, watched by `filter` EVFILT_READ. */
function readyPipes(w: World, count: number): number[] {
  return Array.from({ length: count }, () => {
    const [r, wr] = w.pipe()
    w.write(wr, 'x')
    return r
  })
}

// How many and in which order.

scenario('no more events are handed out than there is room for', (w) => {
  const q = w.kqueue()
  q.kevent([1, 2, 3, 4, 5].map((i) => add(i, EVFILT_USER, EV_CLEAR)))
  q.kevent([1, 2, 3, 4, 5].map((i) => trigger(i)))
  assert.deepEqual(idents(pending(q, 2)), [1, 2])
  assert.deepEqual(idents(pending(q, 2)), [3, 4])
  assert.deepEqual(idents(pending(q, 2)), [5])
  expectNothing(q)
})

scenario('a negative number of events is refused with EINVAL', (w) => {
  const q = w.kqueue()
  expectError('EINVAL', () => q.kevent([], -1, 0))
})

scenario('more room than events is no harm', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  expectEvents(q.kevent([], 100000, 0), { ident: 1 })
})

scenario('events come in the order in which they happened', (w) => {
  const q = w.kqueue()
  q.kevent([1, 2, 3].map((i) => add(i, EVFILT_USER, EV_CLEAR)))
  for (const i of [3, 1, 2]) q.kevent([trigger(i)])
  assert.deepEqual(idents(pending(q)), [3, 1, 2])
})

scenario('an event that happens again before it is handed out keeps its place', (w) => {
  const q = w.kqueue()
  q.kevent([1, 2].map((i) => add(i, EVFILT_USER, EV_CLEAR)))
  q.kevent([trigger(1), trigger(2), trigger(1)])
  assert.deepEqual(idents(pending(q)), [1, 2])
})

scenario('each knote is reported at most once a call, though its condition holds on', (w) => {
  const q = w.kqueue()
  const ready = readyPipes(w, 3)
  q.kevent(ready.map((r) => add(r, EVFILT_READ)))
  assert.deepEqual(idents(byIdent(pending(q, 64))), ready)
  assert.deepEqual(idents(byIdent(pending(q, 64))), ready)
})

scenario('with room for one, ready descriptors take turns', (w) => {
  const q = w.kqueue()
  const ready = readyPipes(w, 3)
  q.kevent(ready.map((r) => add(r, EVFILT_READ)))
  const turns = Array.from({ length: 6 }, () => pending(q, 1)[0]!.ident)
  assert.deepEqual(turns.slice(0, 3).sort(), [...ready].sort())
  assert.deepEqual(turns.slice(3), turns.slice(0, 3))
})

scenario(
  'with room for two of three, every ready descriptor gets two turns in three calls',
  (w) => {
    const q = w.kqueue()
    const ready = readyPipes(w, 3)
    q.kevent(ready.map((r) => add(r, EVFILT_READ)))
    const turns = [1, 2, 3].flatMap(() => idents(pending(q, 2)))
    for (const r of ready) assert.equal(turns.filter((ident) => ident === r).length, 2)
  },
)

scenario('a descriptor that becomes ready later is not starved by one that always is', (w) => {
  const q = w.kqueue()
  const [busy] = readyPipes(w, 1)
  const [r, wr] = w.pipe()
  q.kevent([add(busy!, EVFILT_READ), add(r, EVFILT_READ)])
  for (let i = 0; i < 5; i++) assert.deepEqual(idents(pending(q, 1)), [busy])
  w.write(wr, 'x')
  const turns = [1, 2].flatMap(() => idents(pending(q, 1)))
  assert.ok(turns.includes(r), `${r} is among ${turns}`)
})

scenario('a user event is not starved by a ready descriptor', (w) => {
  const q = w.kqueue()
  const [busy] = readyPipes(w, 1)
  q.kevent([add(busy!, EVFILT_READ), add(1e6, EVFILT_USER, EV_CLEAR)])
  assert.deepEqual(idents(pending(q, 1)), [busy])
  q.kevent([trigger(1e6)])
  const turns = [1, 2].flatMap(() => idents(pending(q, 1)))
  assert.ok(turns.includes(1e6))
})

scenario('events of every filter come out of one call', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  w.write(wr, 'ab')
  const late = { data: 1 }
  q.kevent([add(1, EVFILT_TIMER, EV_ONESHOT, late), add(1, EVFILT_USER), trigger(1)])
  q.kevent([add(r, EVFILT_READ, EV_CLEAR), add(wr, EVFILT_WRITE, EV_CLEAR)])
  w.sleep(20)
  const filters = pending(q).map((event) => event.filter)
  assert.deepEqual(
    filters.sort((a, b) => a - b),
    [EVFILT_USER, EVFILT_TIMER, EVFILT_WRITE, EVFILT_READ],
  )
})

scenario('hundreds of ready descriptors are handed out whole', (w) => {
  const q = w.kqueue()
  const ready = readyPipes(w, 700)
  q.kevent(ready.map((r) => add(r, EVFILT_READ)))
  assert.deepEqual(idents(byIdent(pending(q, 1000))), ready)
  const parts = [1, 2, 3, 4, 5].flatMap(() => idents(pending(q, 140)))
  assert.deepEqual(
    parts.sort((a, b) => a - b),
    ready,
  )
})

scenario('events of an earlier call are not changed by a later one', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'a')
  const [first] = pending(q)
  w.write(wr, 'bc')
  const [second] = pending(q)
  assert.equal(first?.data, 1)
  assert.equal(second?.data, 3)
})

// What is not reported.

scenario('disabled knotes are passed over, the others are reported', (w) => {
  const q = w.kqueue()
  q.kevent([1, 2, 3].map((i) => add(i, EVFILT_USER, EV_CLEAR)))
  q.kevent([trigger(1), trigger(2), trigger(3), disable(1, EVFILT_USER), disable(3, EVFILT_USER)])
  expectEvents(pending(q, 3), { ident: 2 })
})

scenario('a condition that is gone before the scan is not reported', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'x')
  drain(w, r)
  expectNothing(q)
  w.write(wr, 'yz')
  expectEvents(pending(q), { ident: r, data: 2 })
})

scenario('a condition that goes away after being reported is not reported again', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'x')
  expectEvents(pending(q), { ident: r })
  drain(w, r)
  expectNothing(q)
})

scenario('conditions that are gone do not use up the room for events', (w) => {
  const q = w.kqueue()
  const pipes = [1, 2, 3].map(() => w.pipe())
  q.kevent(pipes.map(([r]) => add(r, EVFILT_READ)))
  for (const [, wr] of pipes) w.write(wr, 'x')
  drain(w, pipes[0]![0])
  drain(w, pipes[1]![0])
  expectEvents(pending(q, 1), { ident: pipes[2]![0] })
})

scenario('a wait that is woken for nothing goes on for the rest of its time', (w) => {
  const q = w.kqueue()
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  w.write(wr, 'x')
  drain(w, r)
  const start = w.now()
  expectNothing(q, 30)
  assert.ok(w.now() - start >= 29)
})
