/**
 * EVFILT_PROCDESC: what happens to the process behind a descriptor. See kqueue(2),
 * "EVFILT_PROCDESC", and procdesc(4) of FreeBSD; `pidfd_open(2)` of Linux.
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_FORK,
} from 'kqueue/core'
import {
  add,
  chapter,
  enable,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  pending,
  wait,
} from './scenario.js'
import type { World } from './world.js'

const scenario = chapter('EVFILT_PROCDESC', { filters: [EVFILT_PROCDESC], needs: ['processes'] })

const SIGKILL = 9

/** A child and a descriptor for it. */
function spawn(w: World) {
  const child = w.processes!.spawn()
  return { child, fd: w.processes!.pdopen(child.pid) }
}

function watch(fd: number, fflags: number, flags = 0) {
  return add(fd, EVFILT_PROCDESC, flags, { fflags })
}

scenario('an exit is reported with the status, under the descriptor', (w) => {
  const q = w.kqueue()
  const { child, fd } = spawn(w)
  q.kevent([watch(fd, NOTE_EXIT)])
  expectNothing(q)
  child.exit(3)
  expectEvents(wait(q), {
    ident: fd,
    filter: EVFILT_PROCDESC,
    flags: EV_CLEAR | EV_EOF | EV_ONESHOT,
    fflags: NOTE_EXIT,
    data: 3 << 8,
  })
  expectGone(q, fd, EVFILT_PROCDESC)
})

scenario('a signal that ended the process is in the status', (w) => {
  const q = w.kqueue()
  const { child, fd } = spawn(w)
  q.kevent([watch(fd, NOTE_EXIT)])
  w.processes!.kill(child.pid, 'SIGKILL')
  expectEvents(wait(q), { ident: fd, fflags: NOTE_EXIT, data: SIGKILL })
})

scenario('a process that has exited already is reported at once', (w) => {
  const q = w.kqueue()
  const other = w.kqueue()
  const { child, fd } = spawn(w)
  other.kevent([watch(fd, NOTE_EXIT)])
  child.exit(1)
  wait(other)
  q.kevent([watch(fd, NOTE_EXIT)])
  expectEvents(wait(q), { ident: fd, fflags: NOTE_EXIT, data: 1 << 8 })
})

scenario('forks and execs are reported', { needs: ['procdesc-all'] }, (w) => {
  const q = w.kqueue()
  const { child, fd } = spawn(w)
  q.kevent([watch(fd, NOTE_FORK | NOTE_EXEC)])
  child.fork()
  expectEvents(wait(q), { ident: fd, fflags: NOTE_FORK })
  child.exec()
  expectEvents(wait(q), { ident: fd, fflags: NOTE_EXEC })
})

scenario('closing the descriptor removes the knote and leaves the process', (w) => {
  const q = w.kqueue()
  const { child, fd } = spawn(w)
  q.kevent([watch(fd, NOTE_EXIT)])
  w.close(fd)
  assert.equal(w.processes!.waitpid(child.pid), null)
  child.exit(0)
  expectNothing(q, 5)
})

scenario('a duplicate of the descriptor is watched by itself', (w) => {
  const q = w.kqueue()
  const { child, fd } = spawn(w)
  const other = w.dup(fd)
  q.kevent([watch(fd, NOTE_EXIT), watch(other, NOTE_EXIT)])
  w.close(fd)
  child.exit(2)
  expectEvents(wait(q), { ident: other, data: 2 << 8 })
})

scenario('the descriptor and the pid are watched side by side', { filters: [EVFILT_PROC] }, (w) => {
  const q = w.kqueue()
  const byPid = w.kqueue()
  const { child, fd } = spawn(w)
  q.kevent([watch(fd, NOTE_EXIT)])
  byPid.kevent([add(child.pid, EVFILT_PROC, 0, { fflags: NOTE_EXIT })])
  child.exit(0)
  expectEvents(wait(q), { ident: fd, filter: EVFILT_PROCDESC })
  expectEvents(wait(byPid), { ident: child.pid, filter: EVFILT_PROC })
})

scenario('an exit while the knote is disabled is reported when it is enabled', (w) => {
  const q = w.kqueue()
  const { child, fd } = spawn(w)
  q.kevent([watch(fd, NOTE_EXIT, EV_DISABLE)])
  child.exit(0)
  expectNothing(q, 5)
  q.kevent([enable(fd, EVFILT_PROCDESC)])
  expectEvents(wait(q), { ident: fd, fflags: NOTE_EXIT })
})

scenario('a descriptor that is no process is refused with EINVAL', (w) => {
  const q = w.kqueue()
  const [r] = w.pipe()
  expectError('EINVAL', () => q.kevent([watch(r, NOTE_EXIT)]))
  expectGone(q, r, EVFILT_PROCDESC)
})

scenario('a pid that is used again is another process', { needs: ['few-pids'] }, (w) => {
  const q = w.kqueue()
  const processes = w.processes!
  processes.limitPids(processes.pid + 1)
  const { child, fd } = spawn(w)
  child.exit(1)
  processes.waitpid(child.pid)
  const second = spawn(w)
  assert.equal(second.child.pid, child.pid)
  q.kevent([watch(fd, NOTE_EXIT), watch(second.fd, NOTE_EXIT)])
  expectEvents(pending(q), { ident: fd, data: 1 << 8 })
  second.child.exit(2)
  expectEvents(pending(q), { ident: second.fd, data: 2 << 8 })
})
