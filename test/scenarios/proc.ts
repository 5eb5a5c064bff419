/**
 * EVFILT_PROC: what happens to a process, whoever's child it is. Following it across
 * forks is a chapter of its own. See kqueue(2), "EVFILT_PROC", and `filt_proc` of FreeBSD.
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_DISPATCH,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_PROC,
  EVFILT_TIMER,
  EVFILT_USER,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_REAP,
} from 'kqueue/core'
import {
  add,
  byIdent,
  chapter,
  collect,
  enable,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  idents,
  LONG,
  pending,
  remove,
  trigger,
  until,
  wait,
} from './scenario.js'
import type { Child, World } from './world.js'

const scenario = chapter('EVFILT_PROC', { filters: [EVFILT_PROC], needs: ['processes'] })
const forks = { needs: ['forks'] } as const
const late = { needs: ['late-status'] } as const

const SIGTERM = 15
const EXITED = EV_CLEAR | EV_EOF | EV_ONESHOT

function spawn(w: World): Child {
  return w.processes!.spawn()
}

/** A child that has exited, and that nobody watches any more. */
function zombie(w: World): Child {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_EXIT)])
  child.exit(9)
  wait(q)
  q.close()
  return child
}

function watch(child: Child, fflags: number, flags = 0) {
  return add(child.pid, EVFILT_PROC, flags, { fflags })
}

// Exit.

scenario('an exit is reported with the status that wait tells', (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([{ ...watch(child, NOTE_EXIT), udata: 'mine' }])
  expectNothing(q)
  child.exit(7)
  const status = 7 << 8
  expectEvents(wait(q), {
    ident: child.pid,
    filter: EVFILT_PROC,
    flags: EXITED,
    fflags: NOTE_EXIT,
    data: status,
    udata: 'mine',
  })
  assert.equal(w.processes!.waitpid(child.pid), status)
})

scenario('the exit ends the knote', (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_EXIT)])
  child.exit(0)
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_EXIT, data: 0 })
  expectGone(q, child.pid, EVFILT_PROC)
  w.processes!.waitpid(child.pid)
  expectNothing(q)
})

scenario('a process that a signal ended is reported with the signal', (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_EXIT)])
  w.processes!.kill(child.pid, 'SIGTERM')
  expectEvents(wait(q), { ident: child.pid, flags: EXITED, fflags: NOTE_EXIT, data: SIGTERM })
})

scenario('waiting for a process does not take its exit away', late, (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_EXIT)])
  child.exit(3)
  until(w, () => w.processes!.waitpid(child.pid) !== null, 'the process is waited for')
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_EXIT, data: 3 << 8 })
})

scenario('a process that has exited but was not waited for is reported at once', (w) => {
  const q = w.kqueue()
  const other = w.kqueue()
  const child = spawn(w)
  other.kevent([watch(child, NOTE_EXIT)])
  child.exit(9)
  wait(other)
  q.kevent([watch(child, NOTE_EXIT)])
  expectEvents(wait(q), { ident: child.pid, flags: EXITED, fflags: NOTE_EXIT, data: 9 << 8 })
})

scenario('what a process has done when it is watched is not taken away by the next change', (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  child.exit(9)
  q.kevent([watch(child, NOTE_EXIT), add(child.pid, EVFILT_PROC, 0, { fflags: 0 })])
  expectEvents(wait(q), { ident: child.pid, flags: EXITED, fflags: NOTE_EXIT, data: 9 << 8 })
})

scenario('processes that have exited come in their order among what one changelist adds', (w) => {
  const q = w.kqueue()
  const [first, second, third] = [zombie(w), zombie(w), zombie(w)]
  q.kevent([
    add(1, EVFILT_USER, EV_CLEAR),
    trigger(1),
    watch(first, NOTE_EXIT),
    watch(second, NOTE_EXIT),
    add(2, EVFILT_USER, EV_CLEAR),
    trigger(2),
    watch(third, NOTE_EXIT),
  ])
  assert.deepEqual(idents(pending(q)), [1, first.pid, second.pid, 2, third.pid])
})

scenario('a process that has exited reports nothing to who did not ask for it', forks, (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_FORK)])
  child.exit(0)
  expectNothing(q, 5)
  expectGone(q, child.pid, EVFILT_PROC)
})

scenario('a process that was waited for is unknown', (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_EXIT)])
  child.exit(0)
  wait(q)
  w.processes!.waitpid(child.pid)
  expectError('ESRCH', () => q.kevent([watch(child, NOTE_EXIT)]))
  expectGone(q, child.pid, EVFILT_PROC)
})

scenario('a pid that nobody can have is unknown', (w) => {
  const q = w.kqueue()
  for (const pid of [0, -1, 2 ** 31]) {
    expectError('ESRCH', () => q.kevent([add(pid, EVFILT_PROC, 0, { fflags: NOTE_EXIT })]))
  }
})

scenario('the exit of a process that is not a child carries its status', (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  const grandchild = child.fork()
  q.kevent([watch(grandchild, NOTE_EXIT)])
  grandchild.exit(5)
  expectEvents(wait(q), { ident: grandchild.pid, fflags: NOTE_EXIT, data: 5 << 8 })
})

scenario('a process whose parent is gone is reported on', (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  const grandchild = child.fork()
  q.kevent([watch(grandchild, NOTE_EXIT)])
  child.exit(0)
  expectNothing(q)
  grandchild.exit(1)
  expectEvents(wait(q), { ident: grandchild.pid, fflags: NOTE_EXIT })
})

scenario('an exit ends a wait', { filters: [EVFILT_TIMER] }, (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_EXIT), add(1, EVFILT_TIMER, EV_ONESHOT, { data: 10 })])
  expectEvents(wait(q), { ident: 1 })
  child.exit(0)
  expectEvents(q.kevent([], 8, LONG), { ident: child.pid })
})

scenario('many processes that exit are all reported, once each', (w) => {
  const q = w.kqueue()
  const children = Array.from({ length: 50 }, () => spawn(w))
  q.kevent(children.map((child) => watch(child, NOTE_EXIT)))
  for (const [i, child] of children.entries()) child.exit(i)
  const events = collect(q, children.length)
  const expected = children.map(({ pid }, i) => ({ ident: pid, data: i << 8 }))
  expectEvents(byIdent(events), ...expected.sort((a, b) => a.ident - b.ident))
  expectNothing(q)
})

scenario('two queues are both told of an exit', (w) => {
  const queues = [w.kqueue(), w.kqueue()]
  const child = spawn(w)
  for (const q of queues) q.kevent([watch(child, NOTE_EXIT)])
  child.exit(4)
  for (const q of queues) expectEvents(wait(q), { ident: child.pid, data: 4 << 8 })
})

// A pid that is used again.

scenario(
  'a pid that is used again is not reported for the process that had it',
  { needs: ['few-pids'] },
  (w) => {
    const q = w.kqueue()
    const processes = w.processes!
    processes.limitPids(processes.pid + 1)
    const first = spawn(w)
    q.kevent([watch(first, NOTE_EXIT | NOTE_FORK | NOTE_EXEC)])
    first.exit(1)
    processes.waitpid(first.pid)
    const second = spawn(w)
    assert.equal(second.pid, first.pid)
    second.exec()
    second.exit(2)
    expectEvents(wait(q), { ident: first.pid, fflags: NOTE_EXIT, data: 1 << 8 })
    expectNothing(q)
    q.kevent([watch(second, NOTE_EXIT)])
    expectEvents(wait(q), { ident: first.pid, data: 2 << 8 })
  },
)

// Fork, exec, reap.

scenario('a fork is reported, again and again', forks, (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_FORK)])
  expectNothing(q)
  for (let i = 0; i < 2; i++) {
    child.fork()
    expectEvents(wait(q), {
      ident: child.pid,
      flags: EV_CLEAR,
      fflags: NOTE_FORK,
      data: 0,
    })
    expectNothing(q)
  }
})

scenario('an exec is reported', forks, (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_EXEC)])
  child.exec()
  expectEvents(wait(q), { ident: child.pid, flags: EV_CLEAR, fflags: NOTE_EXEC, data: 0 })
  child.exec()
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_EXEC })
})

scenario('what happened until it is read is reported as one event', forks, (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_FORK | NOTE_EXEC | NOTE_EXIT, EV_DISABLE)])
  child.fork()
  child.exec()
  child.exit(0)
  expectNothing(q)
  q.kevent([enable(child.pid, EVFILT_PROC)])
  expectEvents(wait(q), { ident: child.pid, fflags: (NOTE_FORK | NOTE_EXEC | NOTE_EXIT) >>> 0 })
  expectNothing(q)
})

scenario('only what was asked for is reported', forks, (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_EXEC)])
  child.fork()
  expectNothing(q, 5)
  child.exec()
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_EXEC })
})

scenario('that a process was waited for is reported with NOTE_REAP, after its exit', (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, (NOTE_EXIT | NOTE_REAP) >>> 0)])
  child.exit(2)
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_EXIT, data: 2 << 8 })
  expectNothing(q)
  w.processes!.waitpid(child.pid)
  expectEvents(wait(q), { ident: child.pid, flags: EXITED, fflags: NOTE_REAP })
  expectGone(q, child.pid, EVFILT_PROC)
})

scenario(
  'a process that has exited is watched anew by who asks for the exit after all',
  forks,
  (w) => {
    const q = w.kqueue()
    const child = zombie(w)
    q.kevent([watch(child, NOTE_EXEC), watch(child, NOTE_EXIT)])
    expectEvents(wait(q), { ident: child.pid, fflags: NOTE_EXIT })
    expectNothing(q)
  },
)

scenario('a process that has exited can be watched for NOTE_REAP', (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  child.exit(0)
  q.kevent([watch(child, NOTE_REAP)])
  expectNothing(q)
  until(w, () => w.processes!.waitpid(child.pid) !== null, 'the process is waited for')
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_REAP })
})

// Flags and changes.

scenario('adding again changes what is reported', forks, (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_FORK)])
  q.kevent([watch(child, NOTE_EXEC)])
  child.fork()
  expectNothing(q, 5)
  child.exec()
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_EXEC })
})

scenario('a one-shot watch of a process is gone after its event', forks, (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_FORK, EV_ONESHOT)])
  child.fork()
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_FORK, flags: EV_CLEAR | EV_ONESHOT })
  expectGone(q, child.pid, EVFILT_PROC)
})

scenario('a dispatched watch of a process keeps what happens until it is enabled', forks, (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, (NOTE_FORK | NOTE_EXIT) >>> 0, EV_DISPATCH)])
  child.fork()
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_FORK })
  child.exit(6)
  expectNothing(q, 5)
  q.kevent([enable(child.pid, EVFILT_PROC, EV_DISPATCH)])
  expectEvents(wait(q), { ident: child.pid, fflags: NOTE_EXIT, data: 6 << 8 })
})

scenario('a watch that was deleted reports no exit', (w) => {
  const q = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_EXIT)])
  q.kevent([remove(child.pid, EVFILT_PROC)])
  child.exit(0)
  expectNothing(q, 5)
})

scenario('closing the queue leaves the process alone', (w) => {
  const q = w.kqueue()
  const other = w.kqueue()
  const child = spawn(w)
  q.kevent([watch(child, NOTE_EXIT)])
  other.kevent([watch(child, NOTE_EXIT)])
  q.close()
  expectEvents(pending(other))
  child.exit(0)
  expectEvents(wait(other), { ident: child.pid })
})
