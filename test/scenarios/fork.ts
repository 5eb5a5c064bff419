/**
 * What fork does to queues: left out of the child, or copied (kqueuex(2),
 * KQUEUE_CPONFORK). See `kqueue_fork` and tests/sys/kqueue/kqueue_fork.c of FreeBSD.
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_DISPATCH,
  EV_NOCPONFORK,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  KQUEUE_CLOEXEC,
  KQUEUE_CPONFORK,
  KQUEUE_CPONFORKFD,
  KQUEUE_CPONFORKNONFD,
} from 'kqueue/core'
import {
  add,
  byIdent,
  chapter,
  drain,
  enable,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  fill,
  idents,
  pending,
  remove,
  trigger,
  wait,
} from './scenario.js'
import type { Queue, World } from './world.js'

const scenario = chapter('Fork', {
  filters: [EVFILT_READ, EVFILT_WRITE, EVFILT_USER],
  needs: ['fork'],
})

function copied(w: World, flags = KQUEUE_CPONFORK): Queue {
  return w.processes!.kqueuex(flags)
}

// The queue.

scenario('a queue without KQUEUE_CPONFORK is not in the child', (w) => {
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  const child = w.processes!.fork()
  expectError('EBADF', () => child.queue(q.fd).kevent([], 8, 0))
  expectError('EBADF', () => child.close(q.fd))
  expectEvents(pending(q), { ident: 1 })
})

scenario('its number is free in the child', { needs: ['lowest-number'] }, (w) => {
  const q = w.kqueue()
  const child = w.processes!.fork()
  assert.equal(child.kqueue().fd, q.fd)
})

scenario('a queue with KQUEUE_CPONFORK is in the child under the same number', (w) => {
  const q = copied(w)
  q.kevent([add(1, EVFILT_USER, EV_CLEAR, { udata: 'mine', data: 7, fflags: 5 })])
  const child = w.processes!.fork()
  const copy = child.queue(q.fd)
  expectNothing(copy)
  copy.kevent([trigger(1, 0, { udata: 'mine', data: 7 })])
  expectEvents(pending(copy), { ident: 1, flags: EV_CLEAR, fflags: 5, data: 7, udata: 'mine' })
  expectNothing(q)
})

scenario('what one takes the other still has', (w) => {
  const q = copied(w)
  q.kevent([1, 2, 3].map((i) => add(i, EVFILT_USER, EV_CLEAR)))
  q.kevent([trigger(2), trigger(1)])
  const copy = w.processes!.fork().queue(q.fd)
  assert.deepEqual(idents(pending(copy)), [2, 1])
  expectNothing(copy)
  assert.deepEqual(idents(pending(q)), [2, 1])
  expectNothing(q)
})

scenario('what is pending is pending in the copy, in the same order, once each', (w) => {
  const q = copied(w)
  const order = [5, 3, 9, 1, 7]
  q.kevent([1, 3, 5, 7, 9].map((i) => add(i, EVFILT_USER, EV_ONESHOT)))
  q.kevent(order.map((i) => trigger(i)))
  const copy = w.processes!.fork().queue(q.fd)
  assert.deepEqual(idents(pending(copy, 2)), [5, 3])
  assert.deepEqual(idents(pending(copy)), [9, 1, 7])
  expectNothing(copy)
  assert.deepEqual(idents(pending(q)), order)
})

scenario('adding, changing and deleting in one leaves the other', (w) => {
  const q = copied(w)
  q.kevent([add(1, EVFILT_USER, 0, { udata: 'both' })])
  const copy = w.processes!.fork().queue(q.fd)
  copy.kevent([add(1, EVFILT_USER, 0, { udata: 'child' }), add(2, EVFILT_USER)])
  expectGone(q, 2, EVFILT_USER)
  q.kevent([trigger(1)])
  expectEvents(pending(q), { ident: 1 })
  expectNothing(copy)
  q.kevent([remove(1, EVFILT_USER)])
  copy.kevent([trigger(1, 0, { udata: 'child' })])
  expectEvents(pending(copy), { ident: 1, udata: 'child' })
})

scenario('a copy is copied again by a fork of the child', (w) => {
  const q = copied(w)
  q.kevent([add(1, EVFILT_USER, EV_CLEAR), trigger(1)])
  const grandchild = w.processes!.fork().fork()
  expectEvents(pending(grandchild.queue(q.fd)), { ident: 1 })
  expectEvents(pending(q), { ident: 1 })
})

scenario('closing one leaves the other', (w) => {
  const q = copied(w)
  q.kevent([add(1, EVFILT_USER)])
  const child = w.processes!.fork()
  const copy = child.queue(q.fd)
  q.close()
  copy.kevent([trigger(1)])
  expectEvents(pending(copy), { ident: 1 })
  const other = copied(w)
  other.kevent([add(2, EVFILT_USER), trigger(2)])
  const second = w.processes!.fork()
  second.exit(0)
  expectEvents(pending(other), { ident: 2 })
})

const duplicates = { needs: ['queue-duplicates'] } as const

scenario('two numbers of one queue are two numbers of one copy', duplicates, (w) => {
  const q = copied(w)
  const other = w.dup(q.fd)
  q.kevent([add(1, EVFILT_USER, EV_CLEAR), trigger(1)])
  const child = w.processes!.fork()
  expectEvents(pending(child.queue(other)), { ident: 1 })
  expectNothing(child.queue(q.fd))
  expectEvents(pending(q), { ident: 1 })
})

scenario('an empty queue is copied empty', (w) => {
  const q = copied(w)
  const copy = w.processes!.fork().queue(q.fd)
  expectNothing(copy)
  expectGone(copy, 1, EVFILT_USER)
})

// States.

scenario('disabled stays disabled, and what has happened is kept', (w) => {
  const q = copied(w)
  q.kevent([add(1, EVFILT_USER, EV_DISABLE), trigger(1), add(2, EVFILT_USER, EV_DISABLE)])
  const copy = w.processes!.fork().queue(q.fd)
  expectNothing(copy)
  copy.kevent([enable(1, EVFILT_USER), enable(2, EVFILT_USER)])
  expectEvents(pending(copy), { ident: 1 })
  expectNothing(q)
})

scenario('a dispatched event is disabled in the copy', (w) => {
  const q = copied(w)
  q.kevent([add(1, EVFILT_USER, EV_DISPATCH), trigger(1)])
  expectEvents(pending(q), { ident: 1 })
  const copy = w.processes!.fork().queue(q.fd)
  expectNothing(copy)
  copy.kevent([enable(1, EVFILT_USER)])
  expectEvents(pending(copy), { ident: 1, flags: EV_DISPATCH })
})

scenario('a one-shot event is handed out once in each', (w) => {
  const q = copied(w)
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ, EV_ONESHOT)])
  const copy = w.processes!.fork().queue(q.fd)
  w.write(wr, 'x')
  for (const each of [q, copy]) {
    expectEvents(pending(each), { ident: r, data: 1 })
    expectGone(each, r, EVFILT_READ)
  }
})

// Descriptors.

scenario('descriptors are watched in both, for the file that they share', (w) => {
  const q = copied(w)
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ), add(wr, EVFILT_WRITE, EV_CLEAR)])
  expectEvents(pending(q), { ident: wr })
  const child = w.processes!.fork()
  const copy = child.queue(q.fd)
  child.write(wr, 'from the child')
  expectEvents(pending(q), { ident: r, data: 14 })
  expectEvents(pending(copy), { ident: r, data: 14 })
  w.read(r, 4)
  for (const each of [q, copy])
    expectEvents(byIdent(pending(each)).slice(0, 1), { ident: r, data: 10 })
  pending(q)
  pending(copy)
  fill(w, wr)
  drain(w, r)
  for (const each of [q, copy]) expectEvents(pending(each), { ident: wr })
})

scenario('closing a descriptor in one leaves the knote of the other', (w) => {
  const q = copied(w)
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  const child = w.processes!.fork()
  const copy = child.queue(q.fd)
  child.close(r)
  w.write(wr, 'x')
  expectNothing(copy)
  expectEvents(pending(q), { ident: r, data: 1 })
})

scenario('a pipe ends when parent and child have closed its other end', (w) => {
  const q = copied(w)
  const [r, wr] = w.pipe()
  q.kevent([add(r, EVFILT_READ)])
  const child = w.processes!.fork()
  w.close(wr)
  expectNothing(q)
  child.exit(0)
  expectEvents(wait(q), { ident: r, data: 0 })
})

scenario('a descriptor that is closed on fork is not in the copy', (w) => {
  const q = copied(w)
  const [r, wr] = w.pipe()
  const [kept, keptWriter] = w.pipe()
  q.kevent([add(r, EVFILT_READ), add(kept, EVFILT_READ)])
  w.processes!.setClofork(r, true)
  const child = w.processes!.fork()
  const copy = child.queue(q.fd)
  w.write(wr, 'x')
  w.write(keptWriter, 'x')
  expectEvents(pending(copy), { ident: kept })
  expectError('EBADF', () => copy.kevent([remove(r, EVFILT_READ)]))
  assert.deepEqual(idents(byIdent(pending(q))), [r, kept])
})

scenario('a queue that is closed on fork is not in the child', (w) => {
  const q = copied(w)
  w.processes!.setClofork(q.fd, true)
  const child = w.processes!.fork()
  expectError('EBADF', () => child.queue(q.fd).kevent())
})

const executed = { needs: ['exec-after-fork'] } as const

scenario('a queue with KQUEUE_CLOEXEC is in the child until it executes', executed, (w) => {
  const q = copied(w, KQUEUE_CPONFORK | KQUEUE_CLOEXEC)
  const kept = copied(w)
  q.kevent([add(1, EVFILT_USER), trigger(1)])
  const child = w.processes!.fork()
  expectEvents(pending(child.queue(q.fd)), { ident: 1 })
  child.exec()
  expectError('EBADF', () => child.queue(q.fd).kevent())
  expectNothing(child.queue(kept.fd))
})

scenario('exec drops the knotes of descriptors that it closes', executed, (w) => {
  const q = copied(w)
  const [r, wr] = w.pipe()
  w.processes!.setCloexec(r, true)
  q.kevent([add(r, EVFILT_READ)])
  const child = w.processes!.fork()
  const copy = child.queue(q.fd)
  w.write(wr, 'x')
  expectEvents(pending(copy), { ident: r })
  child.exec()
  expectNothing(child.queue(q.fd))
  expectEvents(pending(q), { ident: r })
})

// Queues in queues.

scenario('a queue that watches another watches the copy of it in the child', (w) => {
  const outer = copied(w)
  const inner = copied(w)
  inner.kevent([add(1, EVFILT_USER)])
  outer.kevent([add(inner.fd, EVFILT_READ)])
  const child = w.processes!.fork()
  child.queue(inner.fd).kevent([trigger(1)])
  expectEvents(pending(child.queue(outer.fd)), { ident: inner.fd, data: 1 })
  expectNothing(outer)
  inner.kevent([trigger(1)])
  expectEvents(pending(outer), { ident: inner.fd, data: 1 })
})

scenario('the watch of a queue that is left out is left out', (w) => {
  const outer = copied(w)
  const inner = w.kqueue()
  inner.kevent([add(1, EVFILT_USER), trigger(1)])
  outer.kevent([add(inner.fd, EVFILT_READ)])
  const child = w.processes!.fork()
  expectNothing(child.queue(outer.fd))
  expectEvents(pending(outer), { ident: inner.fd })
})

// What is left out.

scenario('events with EV_NOCPONFORK stay behind', (w) => {
  const q = copied(w)
  const [r, wr] = w.pipe()
  w.write(wr, 'x')
  q.kevent([
    add(1, EVFILT_USER, EV_NOCPONFORK),
    add(2, EVFILT_USER),
    add(r, EVFILT_READ, EV_NOCPONFORK),
    trigger(1),
    trigger(2),
  ])
  const copy = w.processes!.fork().queue(q.fd)
  expectEvents(pending(copy), { ident: 2 })
  expectGone(copy, 1, EVFILT_USER)
  expectGone(copy, r, EVFILT_READ)
  assert.equal(pending(q).length, 3)
})

scenario('KQUEUE_CPONFORKFD copies the events of descriptors only', (w) => {
  const q = copied(w, KQUEUE_CPONFORKFD)
  const [r, wr] = w.pipe()
  w.write(wr, 'x')
  q.kevent([add(r, EVFILT_READ), add(1, EVFILT_USER), trigger(1)])
  const copy = w.processes!.fork().queue(q.fd)
  expectEvents(pending(copy), { ident: r })
  expectGone(copy, 1, EVFILT_USER)
})

scenario('KQUEUE_CPONFORKNONFD copies the others only', { filters: [EVFILT_TIMER] }, (w) => {
  const q = copied(w, KQUEUE_CPONFORKNONFD)
  const [r, wr] = w.pipe()
  w.write(wr, 'x')
  q.kevent([add(r, EVFILT_READ), add(1, EVFILT_USER), trigger(1)])
  q.kevent([add(2, EVFILT_TIMER, 0, { data: 60_000 })])
  const copy = w.processes!.fork().queue(q.fd)
  expectEvents(pending(copy), { ident: 1 })
  expectGone(copy, r, EVFILT_READ)
  copy.kevent([remove(2, EVFILT_TIMER)])
})

scenario('both flags together are KQUEUE_CPONFORK', (w) => {
  const q = copied(w, KQUEUE_CPONFORKFD | KQUEUE_CPONFORKNONFD)
  const [r, wr] = w.pipe()
  w.write(wr, 'x')
  q.kevent([add(r, EVFILT_READ), add(1, EVFILT_USER), trigger(1)])
  assert.equal(pending(w.processes!.fork().queue(q.fd)).length, 2)
})

scenario('other flags are refused with EINVAL', (w) => {
  for (const flags of [4, 0x8000, -1]) {
    expectError('EINVAL', () => w.processes!.kqueuex(flags))
  }
})
