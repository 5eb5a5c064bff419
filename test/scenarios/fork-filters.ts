/**
 * What each filter does when its knotes are copied on fork: timers, signals, processes,
 * files and filters that the program added. See kqueuex(2), KQUEUE_CPONFORK, and
 * `f_copy` of FreeBSD.
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_EMPTY,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  KQUEUE_CPONFORK,
  NOTE_EXIT,
  NOTE_EXTEND,
  NOTE_FORK,
  NOTE_TRACK,
  NOTE_WRITE,
} from 'kqueue/core'
import { happening, withFilter } from './happening.js'
import {
  add,
  byIdent,
  chapter,
  drain,
  expectBetween,
  expectEvents,
  expectGone,
  expectNothing,
  next,
  pending,
  trigger,
  wait,
} from './scenario.js'
import type { Queue, World } from './world.js'

const scenario = chapter('Fork of each filter', { filters: [EVFILT_USER], needs: ['fork'] })

function copied(w: World): Queue {
  return w.processes!.kqueuex(KQUEUE_CPONFORK)
}

const timers = { filters: [EVFILT_TIMER] }

/**
 * Adds a periodic timer; what it answers checks that a queue has told of every expiration until
 * now, of those that were not handed out before.
 */
function periodic(w: World, q: Queue, period: number): (each: Queue, before?: number) => number {
  const earliest = w.now()
  q.kevent([add(1, EVFILT_TIMER, 0, { data: period })])
  const latest = w.now()
  return (each, before = 0) => {
    const low = Math.floor((w.now() - latest) / period)
    const [event] = pending(each)
    const high = Math.floor((w.now() - earliest) / period)
    const all = before + (event?.data ?? 0)
    expectBetween(all, low, high, 'expirations')
    return all
  }
}

scenario('a timer keeps its next expiration and its period', timers, (w) => {
  const q = copied(w)
  const check = periodic(w, q, 100)
  w.sleep(130)
  const before = check(q)
  const copy = w.processes!.fork().queue(q.fd)
  const told = new Map([q, copy].map((each) => [each, before]))
  for (const ms of [60, 20, 200]) {
    w.sleep(ms)
    for (const [each, so] of told) told.set(each, check(each, so))
  }
})

scenario('a one-shot timer fires once in each', timers, (w) => {
  const q = copied(w)
  q.kevent([add(1, EVFILT_TIMER, EV_ONESHOT, { data: 10 })])
  const copy = w.processes!.fork().queue(q.fd)
  for (const each of [q, copy]) {
    expectEvents(wait(each), { ident: 1, data: 1 })
    expectGone(each, 1, EVFILT_TIMER)
  }
})

scenario('expirations that were not read are in both', timers, (w) => {
  const q = copied(w)
  const check = periodic(w, q, 10)
  w.sleep(35)
  const copy = w.processes!.fork().queue(q.fd)
  w.sleep(10)
  for (const each of [q, copy]) assert.ok(check(each) >= 4)
})

scenario(
  'copied timers count for the limit, and are left out beyond it',
  { filters: [EVFILT_TIMER], needs: ['sysctl', 'common-limits'] },
  (w) => {
    const q = copied(w)
    const { kq_calloutmax } = w.sysctl
    q.kevent([1, 2].map((i) => add(i, EVFILT_TIMER, 0, { data: 60_000 })))
    w.sysctl.kq_calloutmax = 3
    try {
      const child = w.processes!.fork()
      expectGone(child.queue(q.fd), 2, EVFILT_TIMER)
      child.exit(0)
    } finally {
      w.sysctl.kq_calloutmax = kq_calloutmax
    }
    q.kevent([add(3, EVFILT_TIMER, 0, { data: 60_000 })])
  },
)

scenario('a signal is watched in the child for the child', { filters: [EVFILT_SIGNAL] }, (w) => {
  const SIGUSR1 = 10
  const q = copied(w)
  const processes = w.processes!
  processes.sigaction('SIGUSR1', 'ignore')
  q.kevent([add(SIGUSR1, EVFILT_SIGNAL)])
  processes.kill(processes.pid, 'SIGUSR1')
  const child = processes.fork()
  const copy = child.queue(q.fd)
  processes.kill(child.pid, 'SIGUSR1')
  // A signal may take a while to another process.
  let counted = 0
  while (counted < 2) counted += next(copy).data
  assert.equal(counted, 2)
  processes.kill(child.pid, 'SIGUSR1')
  expectEvents(wait(copy), { ident: SIGUSR1, data: 1 })
  expectEvents(pending(q), { ident: SIGUSR1, data: 1 })
})

scenario('a process is watched in both', { filters: [EVFILT_PROC], needs: ['forks'] }, (w) => {
  const q = copied(w)
  const watched = w.processes!.spawn()
  q.kevent([add(watched.pid, EVFILT_PROC, 0, { fflags: (NOTE_EXIT | NOTE_FORK) >>> 0 })])
  watched.fork()
  const copy = w.processes!.fork().queue(q.fd)
  expectEvents(pending(copy), { ident: watched.pid, fflags: NOTE_FORK })
  watched.exit(3)
  expectEvents(pending(copy), { ident: watched.pid, fflags: NOTE_EXIT, data: 3 << 8 })
  expectEvents(pending(q), { fflags: (NOTE_EXIT | NOTE_FORK) >>> 0, data: 3 << 8 })
})

scenario('an exit that was not read is in both', { filters: [EVFILT_PROC] }, (w) => {
  const q = copied(w)
  const watched = w.processes!.spawn()
  q.kevent([add(watched.pid, EVFILT_PROC, 0, { fflags: NOTE_EXIT })])
  watched.exit(1)
  const copy = w.processes!.fork().queue(q.fd)
  for (const each of [copy, q]) {
    expectEvents(pending(each), { ident: watched.pid, fflags: NOTE_EXIT, data: 1 << 8 })
    expectGone(each, watched.pid, EVFILT_PROC)
  }
})

scenario(
  'a process that is followed is followed by the copy',
  { filters: [EVFILT_PROC], needs: ['forks'] },
  (w) => {
    const q = copied(w)
    const watched = w.processes!.spawn()
    q.kevent([add(watched.pid, EVFILT_PROC, 0, { fflags: NOTE_TRACK })])
    const copy = w.processes!.fork().queue(q.fd)
    const child = watched.fork()
    for (const each of [copy, q]) expectEvents(pending(each), { ident: child.pid })
  },
)

scenario(
  'a child can be watched by its parent, whose queue the child has too',
  { filters: [EVFILT_PROC] },
  (w) => {
    const q = copied(w)
    const child = w.processes!.fork()
    q.kevent([add(child.pid, EVFILT_PROC, 0, { fflags: NOTE_EXIT })])
    child.exit(0)
    expectEvents(wait(q), { ident: child.pid })
  },
)

scenario('a process descriptor is watched in both', { filters: [EVFILT_PROCDESC] }, (w) => {
  const q = copied(w)
  const watched = w.processes!.spawn()
  const fd = w.processes!.pdopen(watched.pid)
  q.kevent([add(fd, EVFILT_PROCDESC, 0, { fflags: NOTE_EXIT })])
  const copy = w.processes!.fork().queue(q.fd)
  watched.exit(2)
  for (const each of [copy, q]) expectEvents(pending(each), { ident: fd, data: 2 << 8 })
})

scenario('a regular file is watched in both', { filters: [EVFILT_VNODE], needs: ['file'] }, (w) => {
  const q = copied(w)
  const fd = w.open('log', 'a')
  q.kevent([add(fd, EVFILT_VNODE, EV_CLEAR, { fflags: NOTE_WRITE })])
  const child = w.processes!.fork()
  child.write(fd, 'grown')
  for (const each of [child.queue(q.fd), q]) {
    expectEvents(pending(each), { ident: fd, fflags: NOTE_WRITE | NOTE_EXTEND })
    expectNothing(each)
  }
})

scenario('a regular file has one offset for both', { needs: ['file'] }, (w) => {
  const q = copied(w)
  w.write(w.open('log', 'a'), 'hello')
  const fd = w.open('log', 'r')
  q.kevent([add(fd, EVFILT_READ)])
  const child = w.processes!.fork()
  child.read(fd, 2)
  for (const each of [child.queue(q.fd), q]) expectEvents(pending(each), { ident: fd, data: 3 })
})

scenario('sockets are watched in both', { needs: ['socketpair'] }, (w) => {
  const q = copied(w)
  const [a, b] = w.socketpair('stream')
  q.kevent([add(a, EVFILT_READ, EV_CLEAR)])
  const child = w.processes!.fork()
  const copy = child.queue(q.fd)
  w.write(b, 'x')
  for (const each of [copy, q]) expectEvents(pending(each), { ident: a, data: 1 })
  w.close(b)
  for (const each of [copy, q]) expectNothing(each)
  child.close(b)
  for (const each of [copy, q]) expectEvents(pending(each), { flags: EV_CLEAR | EV_EOF })
})

scenario(
  'a listening socket is watched in both, who accepts takes from both',
  { needs: ['unix'] },
  (w) => {
    const q = copied(w)
    const listener = w.listen('unix')
    q.kevent([add(listener, EVFILT_READ)])
    const child = w.processes!.fork()
    const copy = child.queue(q.fd)
    w.connect(listener)
    for (const each of [copy, q]) expectEvents(pending(each), { ident: listener, data: 1 })
    child.accept(listener)
    for (const each of [copy, q]) expectNothing(each)
  },
)

scenario('an empty buffer is watched in both', { filters: [EVFILT_EMPTY] }, (w) => {
  const q = copied(w)
  const [r, wr] = w.pipe()
  w.write(wr, 'x')
  q.kevent([add(wr, EVFILT_EMPTY)])
  const copy = w.processes!.fork().queue(q.fd)
  expectNothing(copy)
  drain(w, r)
  for (const each of [copy, q]) expectEvents(pending(each), { ident: wr })
})

scenario('a pipe that nobody reads any more is at its end in both', (w) => {
  const q = copied(w)
  const [r, wr] = w.pipe()
  q.kevent([add(wr, EVFILT_EMPTY)])
  w.close(r)
  const copy = w.processes!.fork().queue(q.fd)
  for (const each of [copy, q]) expectEvents(pending(each), { ident: wr, flags: EV_EOF })
})

// Filters of the program.

const added = { needs: ['filters'] } as const
/** `copy` is called by who has the child's queue. */
const both = { needs: ['filters', 'filters-after-fork'] } as const

scenario('a filter without copy is left out', added, (w) => {
  const { filter, list, ops, calls } = happening(w)
  withFilter(w, filter, ops, () => {
    const q = copied(w)
    q.kevent([add(1, filter, 0, { fflags: 1 })])
    const child = w.processes!.fork()
    list.note(1)
    expectNothing(child.queue(q.fd))
    expectEvents(pending(q), { ident: 1 })
    child.exit(0)
    q.close()
    assert.deepEqual(calls, ['attach 1', 'detach 1'])
  })
})

scenario('a filter with copy is asked, and may refuse', both, (w) => {
  const { filter, list, ops, calls } = happening(w, {
    copy(kn, from) {
      calls.push(`copy ${from.ident}`)
      if (kn.ident === 2) return 12
      list.add(kn)
      return 0
    },
  })
  withFilter(w, filter, ops, () => {
    const q = copied(w)
    q.kevent([1, 2].map((i) => add(i, filter, EV_CLEAR, { fflags: 1 })))
    const child = w.processes!.fork()
    list.note(1)
    expectEvents(pending(child.queue(q.fd)), { ident: 1, fflags: 1 })
    assert.equal(pending(q).length, 2)
    child.exit(0)
    q.close()
    assert.deepEqual(calls.slice(0, 4), ['attach 1', 'attach 2', 'copy 1', 'copy 2'])
    assert.deepEqual(calls.slice(4), ['detach 1', 'detach 1', 'detach 2'])
  })
})

scenario('events that are added and deleted while the queue is copied', both, (w) => {
  const q = copied(w)
  const { filter, list, ops } = happening(w, {
    copy(kn) {
      if (kn.ident === 1) {
        q.kevent([add(9, EVFILT_USER), trigger(9), { ident: 2, filter, flags: 2 }])
      }
      list.add(kn)
      return 0
    },
  })
  withFilter(w, filter, ops, () => {
    q.kevent([1, 2, 3].map((i) => add(i, filter, 0, { fflags: 1 })))
    const child = w.processes!.fork()
    const copy = child.queue(q.fd)
    list.note(1)
    expectEvents(byIdent(pending(q)), { ident: 1 }, { ident: 3 }, { ident: 9 })
    expectEvents(byIdent(pending(copy)), { ident: 1 }, { ident: 3 })
    child.exit(0)
    q.close()
  })
})

scenario('what happens while the queue is copied is in both once, or in one', both, (w) => {
  const q = copied(w)
  const { filter, list, ops } = happening(w, {
    copy(kn) {
      list.note(1)
      list.add(kn)
      return 0
    },
  })
  withFilter(w, filter, ops, () => {
    q.kevent([1, 2, 3].map((i) => add(i, filter, EV_CLEAR, { fflags: 3 })))
    const child = w.processes!.fork()
    const copy = child.queue(q.fd)
    expectEvents(byIdent(pending(q)), { ident: 1 }, { ident: 2 }, { ident: 3 })
    expectNothing(q)
    pending(copy)
    expectNothing(copy)
    list.note(2)
    expectEvents(byIdent(pending(copy)), { ident: 1 }, { ident: 2 }, { ident: 3 })
    child.exit(0)
    q.close()
  })
})

scenario('a child that ends while the queue is copied leaves nothing', both, (w) => {
  const processes = w.processes!
  const q = copied(w)
  let child = 0
  const { filter, list, ops, calls } = happening(w, {
    attach(kn) {
      calls.push(`attach ${kn.ident}`)
      list.add(kn)
      return 0
    },
    copy(kn) {
      calls.push(`copy ${kn.ident}`)
      list.add(kn)
      if (kn.ident === 2 && child !== 0) processes.kill(child, 'SIGKILL')
      return 0
    },
  })
  withFilter(w, filter, ops, () => {
    q.kevent([1, 2, 3].map((i) => add(i, filter, 0, { fflags: 1 })))
    child = processes.fork().pid + 1
    processes.fork()
    assert.equal(processes.waitpid(child), 9)
    list.note(1)
    assert.equal(pending(q).length, 3)
    processes.kill(child - 1, 'SIGKILL')
    q.close()
    const attached = calls.filter((call) => !call.startsWith('detach')).length
    assert.equal(calls.length, 2 * attached)
  })
})
