/** Processes where a queue cannot have all the descriptors that it would like. */
import assert from 'node:assert/strict'
import { openSync, readFileSync } from 'node:fs'
import {
  aio_read,
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_SIGNAL,
  EVFILT_WRITE,
  type KqueueError,
  kqueue,
  lio_listio,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { LONG, runCase } from './cases.js'
import { descriptors, exhaust, give } from './descriptors.js'
import { readParts } from './parts.js'

const cases = {
  /**
   * Adds an event while no descriptor is free, while one is, and while two are; prints what
   * each came to, and how many events there are then.
   */
  'adds an event'(change: Change) {
    const kq = kqueue()
    readParts(kq)
    const attempt = (): string => {
      try {
        kq.kevent([change])
        return 'added'
      } catch (error) {
        return (error as KqueueError).code
      }
    }
    const taken = exhaust()
    const answers = [attempt()]
    for (let free = 1; free <= 2; free++) {
      give(taken, 1)
      answers.push(attempt())
    }
    console.log(answers.join(' '), kq.knotes().length)
  },

  /** Drains a pipe, twice, and fills it again; prints how many events each look found. */
  'watches a pipe without inotify'() {
    const [r, w] = posix.pipe2(posix.constants.O_NONBLOCK)
    const kq = kqueue()
    kq.kevent([EV_SET(w, EVFILT_WRITE, EV_ADD), EV_SET(w, EVFILT_WRITE, EV_DELETE)])
    readParts(kq)
    exhaust()
    posix.write(w, 'x')
    kq.kevent([EV_SET(w, EVFILT_EMPTY, EV_ADD | EV_CLEAR)])
    const found = [kq.kevent([], 8, 10).length]
    for (let i = 0; i < 2; i++) {
      posix.read(r)
      found.push(kq.kevent([], 8, LONG).length)
      posix.write(w, 'x')
      found.push(kq.kevent([], 8, 100).length)
    }
    console.log(found.join(' '))
  },

  /** Prints what one request of a list fails with, and how many are done when there is room. */
  'asks for I/O'() {
    const kq = kqueue()
    const fd = openSync(process.execPath, 'r')
    readParts(kq)
    const taken = exhaust()
    const ask = () => aio_read({ fd, buffer: Buffer.alloc(4), kq })
    assert.throws(ask, { code: 'EMFILE', syscall: 'aio_read' })
    assert.deepEqual(kq.knotes(), [])
    const list = lio_listio([{ op: 'read', fd, buffer: Buffer.alloc(4) }], { kq })
    assert.equal(kq.kevent([], 1, 0)[0]?.udata, list)
    console.log(list.requests[0]?.error)
    give(taken, 3)
    ask()
    console.log(kq.kevent([], 1, 5000).length)
  },

  /** Prints how many descriptors the first watch of a signal takes, and how often that was counted. */
  'watches a signal'(number: number) {
    const caught = () => /SigCgt.*/.exec(readFileSync('/proc/self/status', 'utf8'))?.[0]
    const kq = kqueue()
    const start = [caught(), descriptors()]
    let free = 0
    for (let added = false; !added; ) {
      const taken = exhaust()
      give(taken, free)
      try {
        kq.kevent([EV_SET(number, EVFILT_SIGNAL, EV_ADD)])
        added = true
      } catch (error) {
        const { code, message } = error as KqueueError
        assert.equal(code, 'EMFILE')
        assert.match(message, /takes descriptors/)
        free++
      }
      give(taken)
      if (!added) assert.deepEqual([caught(), descriptors()], start)
    }
    posix.raise(number)
    console.log(free, kq.kevent([], 1)[0]?.data)
  },
}

export type Cases = typeof cases
await runCase(cases)
