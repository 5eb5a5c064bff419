/** A process that has no descriptor left. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import {
  aio_read,
  type Change,
  EV_ADD,
  EV_ONESHOT,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_FS,
  EVFILT_NETDEV,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  forkOptions,
  getmntinfo,
  type Kqueue,
  KqueueError,
  kqueue,
  kqueuex,
  NOTE_ATTRIB,
  NOTE_EXIT,
  NOTE_LINKUP,
  NOTE_TRIGGER,
  readable,
  ticks,
  writable,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { runCase, say } from './cases.js'
import { exhaust, give } from './descriptors.js'

/** How many descriptors are open, found without one. */
function open(): number {
  let n = 0
  for (let fd = 0; fd < 64; fd++) {
    try {
      posix.fcntl(fd, posix.constants.F_GETFD)
      n++
    } catch {}
  }
  return n
}

function isEmfile(error: unknown): true {
  assert.ok(error instanceof KqueueError, String(error))
  assert.equal(error.code, 'EMFILE', error.stack)
  assert.equal(error.errno, -24)
  return true
}

/** EMFILE, because a part of the package takes a descriptor to be read. */
function isUnread(syscall: string): (error: unknown) => true {
  return (error) => {
    isEmfile(error)
    const { syscall: call, reason } = error as KqueueError
    assert.equal(call, syscall)
    assert.match(String(reason), /^to read a part of this package takes a descriptor/)
    return true
  }
}

function works(kq: Kqueue): void {
  const change = EV_SET(7, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER)
  assert.equal(kq.kevent([change], 1, 0)[0]?.ident, 7)
}

const add = (ident: number, filter: number, data = 0): Change =>
  EV_SET(ident, filter, EV_ADD | EV_ONESHOT, 0, data)

const cases = {
  'one queue, then none'() {
    kqueue().close()
    const taken = exhaust()
    for (let i = 0; i < 10; i++) assert.throws(() => kqueue(), isEmfile)
    assert.throws(() => kqueuex(0), isEmfile)
    give(taken, 1)
    const kq = kqueue()
    works(kq)
    assert.throws(() => kqueue(), isEmfile)
    kq.close()
    works(kqueue())
  },

  'no first queue'() {
    const taken = exhaust()
    assert.throws(() => kqueue(), isEmfile)
    assert.throws(() => kqueue(), isEmfile)
    give(taken, 20)
    works(kqueue())
  },

  'no first copy'() {
    const kq = kqueue()
    const taken = exhaust()
    assert.throws(() => forkOptions(), isEmfile)
    assert.throws(() => forkOptions(), isEmfile)
    give(taken, 1)
    forkOptions().close()
    works(kq)
  },

  'no first file, process, mount, link, request or image'() {
    const kq = kqueue()
    const [, w] = posix.pipe2()
    const fd = openSync('/proc/self/exe', 'r')
    const changes = [
      EV_SET(fd, EVFILT_READ, EV_ADD),
      EV_SET(fd, EVFILT_WRITE, EV_ADD),
      EV_SET(fd, EVFILT_VNODE, EV_ADD, NOTE_ATTRIB),
      EV_SET(w, EVFILT_EMPTY, EV_ADD),
      EV_SET(process.ppid, EVFILT_PROC, EV_ADD, NOTE_EXIT),
      EV_SET(0, EVFILT_FS, EV_ADD),
      EV_SET(0, EVFILT_NETDEV, EV_ADD, NOTE_LINKUP),
    ]
    const request = { fd, buffer: new Uint8Array(1), kq }
    const taken = exhaust()
    const full = open()
    for (let round = 0; round < 2; round++) {
      for (const change of changes) assert.throws(() => kq.kevent([change]), isUnread('kevent'))
      assert.throws(() => aio_read(request), isUnread('aio_read'))
      assert.throws(() => kq.image(), isUnread('image'))
      assert.throws(() => getmntinfo(), isUnread('getmntinfo'))
      assert.deepEqual(kq.knotes(), [])
      assert.equal(open(), full)
    }
    works(kq)
    give(taken, 20)
    assert.deepEqual(kq.kevent(changes, 0), [])
    assert.equal(kq.knotes().length, changes.length)
    aio_read(request)
    assert.ok(getmntinfo().length > 0)
    kq.close()
  },

  'half of a first queue'() {
    const taken = exhaust()
    const full = open()
    let made = false
    for (let free = 0; free < 12 && !made; free++) {
      try {
        const kq = kqueue()
        works(kq)
        made = true
      } catch (error) {
        if (free > 0) isEmfile(error)
        // The kernel of the thread takes four and keeps them; the queue needs one more.
        if (free < 4) assert.equal(open(), full - free, `${free} free`)
        give(taken, 1)
      }
    }
    assert.ok(made)
  },

  async 'none in a worker'() {
    const call = ['says what the first queue fails with']
    const worker = new Worker(new URL(import.meta.url), { execArgv: [], workerData: call })
    assert.deepEqual(await once(worker, 'message'), ['EMFILE'])
  },

  'says what the first queue fails with'() {
    const taken = exhaust()
    let code: string | undefined
    try {
      kqueue()
    } catch (error) {
      code = (error as KqueueError).code
    }
    give(taken)
    say(code)
  },

  async 'queues that are there'() {
    const kq = kqueue()
    const [r, w] = posix.pipe2()
    const counter = posix.eventfd(3)
    const file = openSync('/proc/self/exe', 'r')
    const [silent] = posix.pipe2()
    exhaust()
    posix.write(w, 'hello')
    assert.equal(kq.kevent([add(r, EVFILT_READ)], 4, 0)[0]?.data, 5)
    assert.ok(kq.kevent([add(w, EVFILT_WRITE)], 4, 0)[0]!.data > 0)
    assert.equal(kq.kevent([add(1, EVFILT_TIMER, 1)], 4, 1000).length, 1)
    assert.equal(kq.kevent([add(counter, EVFILT_READ)], 4, 0).length, 1)
    kq.kevent([EV_SET(silent, EVFILT_READ, EV_ADD)])
    assert.equal(kq.knotes().length, 1)
    assert.equal((await kq.wait({ timeout: 1 })).length, 0)
    works(kq)
    try {
      kq.kevent([add(file, EVFILT_READ)])
    } catch (error) {
      isEmfile(error)
    }
  },

  'no fresh set of descriptors'() {
    const kq = kqueue()
    const [r, w] = posix.pipe2()
    kq.kevent([EV_SET(r, EVFILT_READ, EV_ADD)])
    let taken: number[] = []
    const kept: number[] = []
    // Watched, kept alive by a duplicate, closed: such files cannot be taken out of epoll.
    for (let i = 0; i < 300; i++) {
      if (i === 250) taken = exhaust()
      if (i >= 250) give(taken, 2)
      const fd = posix.eventfd(1)
      kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD)])
      kept.push(posix.dup(fd))
      posix.close(fd)
      if (i >= 250) taken.push(posix.eventfd())
      kq.kevent([], 8, 0)
      kq.knotes()
    }
    for (const fd of kept) posix.write(fd, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]))
    for (let i = 0; i < 5; i++) assert.equal(kq.kevent([], 8, 0).length, 0)
    posix.write(w, 'x')
    assert.deepEqual(
      kq.kevent([], 8, 1000).map(({ ident }) => ident),
      [r],
    )
    posix.read(r, 1)
    works(kq)
  },

  async 'the conveniences'() {
    kqueue().close()
    const [r, w] = posix.pipe2()
    const taken = exhaust()
    await assert.rejects(readable(r), isEmfile)
    await assert.rejects(writable(w), isEmfile)
    await assert.rejects(ticks(1).next(), isEmfile)
    give(taken, 1)
    assert.ok((await writable(w)).space > 0)
  },
}

export type Cases = typeof cases
await runCase(cases)
