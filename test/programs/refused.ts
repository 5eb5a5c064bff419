/**
 * Processes that are not given what they ask for: calls that a filter of seccomp(2) refuses, as
 * a sandbox has it, descriptors, /proc.
 */
import assert from 'node:assert/strict'
import { closeSync, linkSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import {
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_FS,
  EVFILT_NETDEV,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_USER,
  EVFILT_VNODE,
  getmntinfo,
  type KqueueError,
  kqueue,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXIT,
  NOTE_EXTEND,
  NOTE_FORK,
  NOTE_LINK,
  NOTE_OOB,
  NOTE_REAP,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { LONG, runCase } from './cases.js'
import { descriptors, exhaust, give, links } from './descriptors.js'
import { readParts } from './parts.js'

const { AF_UNIX, SOCK_STREAM, SIGUSR1 } = posix.constants
const EPERM = 1
const ENOSPC = 28
const ENOSYS = 38

const read = (fd: number): Change => EV_SET(fd, EVFILT_READ, EV_ADD)
const watch = (notes: number): Change => EV_SET(process.ppid, EVFILT_PROC, EV_ADD, notes)

/** The changes that are tried, by what they need. */
const CHANGES = {
  regular: () => read(openSync(process.execPath, 'r')),
  vnode: () => EV_SET(openSync('/tmp', 'r'), EVFILT_VNODE, EV_ADD, NOTE_WRITE),
  except: () => EV_SET(posix.socketpair(AF_UNIX, SOCK_STREAM)[0], EVFILT_EXCEPT, EV_ADD, NOTE_OOB),
  exit: () => watch(NOTE_EXIT),
  reap: () => watch(NOTE_REAP),
  fork: () => watch(NOTE_FORK),
  procdesc: () => EV_SET(posix.pidfdOpen(process.ppid), EVFILT_PROCDESC, EV_ADD, NOTE_EXIT),
  signal: () => EV_SET(SIGUSR1, EVFILT_SIGNAL, EV_ADD),
  fs: () => EV_SET(0, EVFILT_FS, EV_ADD),
  netdev: () => EV_SET(0, EVFILT_NETDEV, EV_ADD),
  drained: () => EV_SET(posix.pipe2()[1], EVFILT_EMPTY, EV_ADD),
}
export type What = keyof typeof CHANGES

/** What is printed of a change: what `kevent` answers with room and throws without. */
export interface Report {
  answer?: number
  code?: string
  syscall?: string
  message?: string
  reason?: string
  knotes: number
  left: number
}

/** What a call throws. */
function thrown(call: () => unknown): Partial<KqueueError> {
  try {
    call()
  } catch (error) {
    return error as KqueueError
  }
  return {}
}

/** Tries a change when it has been made that something is refused, which may take descriptors. */
function report(what: What, refuse: () => number[]): void {
  const kq = kqueue()
  readParts(kq)
  const change = CHANGES[what]()
  const open = descriptors()
  const taken = refuse()
  const answer = kq.kevent([change], 1, 0)[0]?.data
  const { code, syscall, message, reason } = thrown(() => kq.kevent([change]))
  give(taken)
  let left = 0
  try {
    left = descriptors() - open
  } catch {
    // They cannot be listed.
  }
  const knotes = kq.knotes().length
  writeSync(1, JSON.stringify({ answer, code, syscall, message, reason, knotes, left }))
  // Without fstat(2) Node.js fails as it ends.
  process.kill(process.pid, 'SIGKILL')
}

const cases = {
  /** Prints the report of a change where calls fail. */
  'may not call'(what: What, errno: number, ...calls: number[]) {
    report(what, () => {
      for (const call of calls) posix.forbid(call, errno)
      return []
    })
  },

  /** Prints the report of a change where no descriptor is free. */
  'has no descriptor'(what: What) {
    report(what, exhaust)
  },

  'may not call statx(2)'(errno: number) {
    posix.forbid(posix.constants.SYS_statx, errno)
    const { reap: _, fork: __, ...others } = CHANGES
    const all = Object.values(others).map((change) => change())
    const kq = kqueue()
    kq.kevent(all)
    assert.equal(kq.knotes().length, all.length)

    const path = mkdtempSync('/tmp/kqueue-statx-')
    const write = openSync(`${path}/file`, 'w')
    const file = openSync(`${path}/file`, 'r')
    const notes = NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_LINK | NOTE_DELETE
    const other = kqueue()
    other.kevent([EV_SET(file, EVFILT_VNODE, EV_ADD | EV_CLEAR, notes), read(file)])
    writeSync(write, 'four')
    const come = () =>
      other
        .kevent([], 8, LONG)
        .map(({ filter, fflags, data }) => [filter, fflags || data] as const)
        .sort(([a], [b]) => a - b)
    assert.deepEqual(come(), [
      [EVFILT_VNODE, NOTE_WRITE | NOTE_EXTEND],
      [EVFILT_READ, 4],
    ])
    linkSync(`${path}/file`, `${path}/second`)
    assert.deepEqual(come()[0], [EVFILT_VNODE, NOTE_LINK])
    closeSync(file)
    openSync('/dev/null', 'r')
    other.kevent([], 8, 0)
    assert.equal(other.knotes().length, 0)
    rmSync(path, { recursive: true })
    console.log('whole')
  },

  /** Prints whether a pipe is seen to drain. */
  'may not call inotify_init1(2)'() {
    posix.forbid(posix.constants.SYS_inotify_init1, EPERM)
    const [r, w] = posix.pipe2()
    posix.write(w, 'x')
    const kq = kqueue()
    kq.kevent([EV_SET(w, EVFILT_EMPTY, EV_ADD)])
    posix.read(r)
    console.log(kq.kevent([], 1, LONG)[0]?.ident === w)
  },

  /** Watches a pseudo-file that tells of itself, and one that does not. */
  'may not call io_setup(2)'(path: string) {
    posix.forbid(posix.constants.SYS_io_setup, ENOSYS)
    const kq = kqueue()
    const quiet = openSync('/proc/loadavg', 'r')
    const loud = openSync(path, 'r')
    kq.kevent([read(quiet), read(loud)])
    assert.deepEqual(kq.kevent([], 8, 20), [])
    posix.sethostname('kqueue-test')
    assert.equal(kq.kevent([], 8, LONG)[0]?.ident, loud)
  },

  /**
   * Writes again and again after `many` looks in vain. Prints how often that was seen, and how
   * many rings there are.
   */
  'may not look in memory'(call: number, errno: number, many: number) {
    const rings = () =>
      Object.values(links()).filter((link) => link === 'anon_inode:[io_uring]').length
    const others = rings()
    posix.forbid(call, errno)
    const kq = kqueue()
    const [r, w] = posix.pipe2(posix.constants.O_CLOEXEC)
    kq.kevent([read(r)])
    let seen = 0
    for (let i = 0; i < 200; i++) {
      for (let j = 0; j < many; j++) assert.equal(kq.kevent([], 1, 0).length, 0)
      posix.write(w, 'hello')
      const [event] = kq.kevent([], 1, 0)
      if (event?.ident === r && event.data === 5) seen++
      posix.read(r)
    }
    writeSync(1, JSON.stringify({ seen, rings: rings() - others }))
    // Node.js itself may not go on without the call.
    process.kill(process.pid, 'SIGKILL')
  },

  /** Prints how many events there are after a wait that could not begin. */
  async 'may not call epoll_ctl(2)'(call: number) {
    const kq = kqueue()
    kq.kevent([EV_SET(1, EVFILT_USER, EV_ADD)])
    posix.forbid(call, ENOSPC)
    await assert.rejects(kq.wait(), { code: 'ENOSPC', message: /fs.epoll.max_user_watches/ })
    kq.kevent([EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER)])
    await new Promise((resolve) => setImmediate(resolve))
    writeSync(1, `${kq.kevent([], 1, 0).length}\n`)
    // Node.js itself cannot end without the call.
    process.kill(process.pid, 'SIGKILL')
  },

  /** Prints, twice, what kqueue() fails with, and how many descriptors are left of it. */
  'may make no queue'(call: number, errno: number) {
    const open = descriptors()
    posix.forbid(call, errno)
    for (let i = 0; i < 2; i++) {
      const { code, syscall, reason } = thrown(kqueue)
      console.log(JSON.stringify([code, syscall, reason, descriptors() - open]))
    }
  },

  /** Prints what kqueue() fails with. */
  'has no descriptor for a queue'() {
    const taken = exhaust()
    const { code, syscall, reason } = thrown(kqueue)
    give(taken)
    console.log(code, syscall, reason)
  },

  /** Prints what the calls that read the table of mounts fail with. */
  'has no /proc'() {
    const kq = kqueue()
    for (const call of [() => kq.kevent([CHANGES.fs()]), getmntinfo]) {
      const { message, syscall } = thrown(call)
      console.log(message, syscall)
    }
  },
}

export type Cases = typeof cases
await runCase(cases)
