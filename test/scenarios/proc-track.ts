/**
 * NOTE_TRACK: a process is followed across its forks. See kqueue(2), "EVFILT_PROC", and
 * `knote_fork` of FreeBSD.
 */
import assert from 'node:assert/strict'
import {
  EVFILT_PROC,
  type Kevent,
  NOTE_CHILD,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from 'kqueue/core'
import {
  add,
  byIdent,
  chapter,
  expectEvents,
  expectGone,
  expectNothing,
  pending,
  remove,
  wait,
} from './scenario.js'
import type { Child, Queue } from './world.js'

const scenario = chapter('NOTE_TRACK', { filters: [EVFILT_PROC], needs: ['processes', 'forks'] })

function track(q: Queue, child: Child, fflags = 0, udata?: unknown): void {
  q.kevent([add(child.pid, EVFILT_PROC, 0, { fflags: (NOTE_TRACK | fflags) >>> 0, udata })])
}

/** The events until `count` have come, by ident and then in the order in which they came. */
function collect(q: Queue, count: number): Kevent[] {
  const events: Kevent[] = []
  while (events.length < count) {
    const more = wait(q)
    assert.notEqual(more.length, 0)
    events.push(...more)
  }
  return byIdent(events)
}

scenario('the child is announced with the pid of its parent', (w) => {
  const q = w.kqueue()
  const parent = w.processes!.spawn()
  track(q, parent, NOTE_FORK, 'mine')
  const child = parent.fork()
  expectEvents(
    collect(q, 2),
    { ident: parent.pid, fflags: NOTE_FORK, data: 0, udata: 'mine' },
    { ident: child.pid, fflags: NOTE_CHILD, data: parent.pid, udata: 'mine' },
  )
  expectNothing(q)
})

scenario('without NOTE_FORK only the child is announced', (w) => {
  const q = w.kqueue()
  const parent = w.processes!.spawn()
  track(q, parent)
  const child = parent.fork()
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_CHILD, data: parent.pid })
})

scenario('the child is watched as its parent is', (w) => {
  const q = w.kqueue()
  const parent = w.processes!.spawn()
  track(q, parent, NOTE_EXIT | NOTE_EXEC)
  const child = parent.fork()
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_CHILD })
  child.exec()
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_EXEC })
  child.exit(8)
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_EXIT, data: 8 << 8 })
  parent.exec()
  expectEvents(wait(q), { ident: parent.pid, fflags: NOTE_EXEC })
})

scenario('grandchildren are followed as well', (w) => {
  const q = w.kqueue()
  const parent = w.processes!.spawn()
  track(q, parent, NOTE_EXIT)
  const child = parent.fork()
  const grandchild = child.fork()
  expectEvents(
    collect(q, 2),
    { ident: child.pid, fflags: NOTE_CHILD, data: parent.pid },
    { ident: grandchild.pid, fflags: NOTE_CHILD, data: child.pid },
  )
  grandchild.exit(1)
  child.exit(2)
  parent.exit(3)
  expectEvents(
    collect(q, 3),
    { ident: parent.pid, fflags: NOTE_EXIT, data: 3 << 8 },
    { ident: child.pid, fflags: NOTE_EXIT, data: 2 << 8 },
    { ident: grandchild.pid, fflags: NOTE_EXIT, data: 1 << 8 },
  )
  expectNothing(q)
})

scenario('a child that exits at once is announced and reported', (w) => {
  const q = w.kqueue()
  const parent = w.processes!.spawn()
  track(q, parent, NOTE_EXIT)
  const child = parent.fork()
  child.exit(4)
  expectEvents(
    collect(q, 2),
    { ident: child.pid, fflags: NOTE_CHILD, data: parent.pid },
    { ident: child.pid, fflags: NOTE_EXIT, data: 4 << 8 },
  )
})

scenario('the watch of a child can be deleted by its pid', (w) => {
  const q = w.kqueue()
  const parent = w.processes!.spawn()
  track(q, parent, NOTE_EXIT)
  const child = parent.fork()
  wait(q)
  q.kevent([remove(child.pid, EVFILT_PROC)])
  child.exit(0)
  expectNothing(q, 5)
  expectGone(q, child.pid, EVFILT_PROC)
})

scenario('a parent that is no longer watched has its next child alone', (w) => {
  const q = w.kqueue()
  const parent = w.processes!.spawn()
  track(q, parent, NOTE_EXIT)
  const first = parent.fork()
  wait(q)
  q.kevent([remove(parent.pid, EVFILT_PROC)])
  const second = parent.fork()
  second.exit(0)
  expectNothing(q, 5)
  first.exit(0)
  expectEvents(wait(q), { ident: first.pid, fflags: NOTE_EXIT })
})

scenario('two queues follow a process side by side', (w) => {
  const queues = [w.kqueue(), w.kqueue()]
  const parent = w.processes!.spawn()
  for (const q of queues) track(q, parent, NOTE_EXIT)
  const child = parent.fork()
  for (const q of queues) expectEvents(wait(q), { ident: child.pid, fflags: NOTE_CHILD })
  child.exit(0)
  for (const q of queues) expectEvents(wait(q), { ident: child.pid, fflags: NOTE_EXIT })
})

scenario('a tree of a hundred processes is followed to its last leaf', (w) => {
  const q = w.kqueue()
  const root = w.processes!.spawn()
  track(q, root, NOTE_EXIT)
  const all = [root]
  const parents = new Map<number, number>()
  for (let i = 0; i < 99; i++) {
    const parent = all[i >> 1]!
    const child = parent.fork()
    parents.set(child.pid, parent.pid)
    all.push(child)
  }
  for (const process of all.reverse()) process.exit(0)
  const events = collect(q, 2 * all.length - 1)
  const children = events.filter(({ fflags }) => fflags === NOTE_CHILD)
  assert.deepEqual(new Map(children.map(({ ident, data }) => [ident, data])), parents)
  assert.equal(events.filter(({ fflags }) => fflags === NOTE_EXIT).length, all.length)
  expectNothing(q)
})

scenario(
  'a child that cannot be followed is reported with NOTE_TRACKERR',
  { needs: ['sysctl'] },
  (w) => {
    const q = w.kqueue()
    const parent = w.processes!.spawn()
    track(q, parent, NOTE_EXIT)
    const { kq_knotemax } = w.sysctl
    w.sysctl.kq_knotemax = 1
    try {
      const child = parent.fork()
      expectEvents(wait(q), { ident: parent.pid, fflags: NOTE_TRACKERR })
      child.exit(0)
      expectNothing(q, 5)
    } finally {
      w.sysctl.kq_knotemax = kq_knotemax
    }
    const followed = parent.fork()
    expectEvents(pending(q), { ident: followed.pid, fflags: NOTE_CHILD })
  },
)
