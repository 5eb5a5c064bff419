/**
 * The descriptor of a queue: readable for whoever polls it, also another process
 * while this thread is busy; and closed behind the queue's back.
 */
import assert from 'node:assert/strict'
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_DELETE,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  KQUEUE_TRUSTFD,
  type Kqueue,
  kqueue,
  kqueuex,
} from 'kqueue'
import * as posix from '../native/posix.js'
import type { Cases } from '../programs/polling.js'
import { type Case, casesOf, descriptors, run } from './processes.js'
import {
  assertWorks,
  cleanUp,
  clear,
  closeRaw,
  fired,
  keep,
  pending,
  pipe,
  queue,
  read,
  timer,
  trigger,
} from './queues.js'

cleanUp()

const { POLLIN } = posix.constants

const readable = (kq: Kqueue, ms = 0): boolean => posix.poll(kq.fd, POLLIN, ms) === POLLIN

const polling = casesOf<Cases>('polling')

/** What another process sees that has the queue as descriptor 3; blocks this thread. */
function elsewhere(kq: Kqueue, what: Case, more: readonly number[] = []): string {
  const { stdout, stderr } = run(what, { stdio: ['ignore', 'pipe', 'pipe', kq.fd, ...more] })
  assert.equal(stderr, '')
  return stdout.trim()
}

const polledElsewhere = (kq: Kqueue, ms: number): string => elsewhere(kq, polling('polls', ms))

describe('The descriptor of a queue', () => {
  it('is readable exactly while events are pending', () => {
    const kq = queue()
    assert.equal(readable(kq), false)
    kq.kevent([clear(1)])
    assert.equal(readable(kq), false)
    kq.kevent([trigger(1)])
    assert.equal(readable(kq), true)
    pending(kq)
    assert.equal(readable(kq), false)
  })

  it('is readable when events were pending before it was asked for', () => {
    const kq = queue()
    kq.kevent([fired(1)])
    assert.equal(readable(kq), true)
  })

  it('becomes readable for a watched descriptor, without a call', () => {
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([read(r)])
    assert.equal(readable(kq), false)
    posix.write(w, 'x')
    assert.equal(readable(kq, 5000), true)
    posix.read(r)
    assert.deepEqual(pending(kq), [])
    assert.equal(readable(kq), false)
  })

  it('becomes readable for a timer, without a call', () => {
    const kq = queue()
    assert.equal(readable(kq), false)
    kq.kevent([timer(1, 10)])
    assert.equal(readable(kq, 5000), true)
    assert.deepEqual(pending(kq), [1])
    assert.equal(readable(kq), false)
  })

  it('is readable for another process after a trigger and not before', () => {
    const kq = queue()
    kq.kevent([clear(1)])
    assert.equal(polledElsewhere(kq, 0), '0')
    kq.kevent([trigger(1)])
    assert.equal(polledElsewhere(kq, 0), String(POLLIN))
    assert.deepEqual(pending(kq), [1])
  })

  it('becomes readable for another process while this thread is busy', () => {
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([read(r)])
    const seen = elsewhere(kq, polling('writes, then polls', 5000), [w])
    assert.equal(seen, String(POLLIN))
    assert.deepEqual(pending(kq), [r])
  })

  it('becomes readable for another process by a timer while this thread is busy', () => {
    const kq = queue()
    kq.fd
    kq.kevent([timer(1, 150)])
    assert.equal(polledElsewhere(kq, 10_000), String(POLLIN))
    assert.deepEqual(pending(kq), [1])
  })

  it('is not handed on by exec', () => {
    const kq = queue()
    const { stdout } = run(polling('looks at', kq.fd))
    const link = stdout.trim()
    // node itself may have opened the number meanwhile, but then not for our queue.
    const [r] = pipe()
    kq.kevent([read(r)])
    if (link !== 'EBADF') assert.doesNotMatch(polledElsewhere(kq, 0), /EBADF/)
    assert.ok(link.length > 0)
  })

  it('is a number of its own as long as the queue lives', () => {
    const [a, b] = [queue(), queue()]
    assert.notEqual(a.fd, b.fd)
    assert.equal(a.fd, a.fd)
    const { fd } = a
    a.close()
    assert.throws(() => a.fd, { code: 'EBADF' })
    assert.throws(() => fstatSync(fd), { code: 'EBADF' })
  })
})

describe('A queue whose descriptor was closed behind its back', () => {
  it('answers EBADF to everything', async () => {
    for (const use of [
      (kq: Kqueue) => kq.kevent(),
      (kq: Kqueue) => kq.kevent([fired(1)], 1),
      (kq: Kqueue) => kq.knotes(),
      (kq: Kqueue) => kq.fd,
    ]) {
      const kq = queue()
      closeSync(kq.fd)
      assert.throws(() => use(kq), { code: 'EBADF' })
      kq.close()
    }
    const kq = queue()
    closeSync(kq.fd)
    await assert.rejects(kq.wait(), { code: 'EBADF' })
  })

  it('does not harm the file that has its number now', () => {
    const kq = queue()
    const [r] = pipe()
    kq.kevent([clear(1), read(r), timer(2, 1)])
    const number = kq.fd
    closeSync(number)
    const file = openSync('/proc/self/stat', 'r')
    try {
      assert.equal(file, number, 'the number is used again')
      assert.throws(() => kq.kevent([trigger(1)]), { code: 'EBADF' })
      kq.close()
      assert.ok(readSync(file, Buffer.alloc(10)) > 0)
    } finally {
      closeSync(file)
    }
  })

  it('does not harm the pipe that has its number now, which others can watch', () => {
    const kq = queue()
    kq.kevent([fired(1)])
    const number = kq.fd
    closeSync(number)
    const [r, w] = pipe()
    assert.equal(r, number, 'the number is used again')
    const other = queue()
    other.kevent([read(r)])
    writeSync(w, 'x')
    assert.deepEqual(pending(other), [r])
    kq.close()
    assert.equal(posix.fionread(r), 1)
    assert.deepEqual(pending(other), [r])
  })

  it('does not harm the queue that has its number now', () => {
    const old = kqueue()
    old.kevent([fired(1)])
    const number = old.fd
    closeSync(number)
    const kq = queue()
    assert.equal(kq.fd, number, 'the number is used again')
    assert.throws(() => old.kevent([], 1, 0), { code: 'EBADF' })
    old.close()
    assert.deepEqual(pending(kq), [])
    assertWorks(kq)
    kq.kevent([fired(5)])
    assert.equal(readable(kq), true)
  })

  it('ends who waits for it when the event comes, with EBADF', async () => {
    const kq = queue()
    const [r, w] = pipe()
    const waiting = kq.wait({ changelist: [read(r)], timeout: 5000 })
    closeSync(kq.fd)
    posix.write(w, 'x')
    await assert.rejects(waiting, { code: 'EBADF' })
  })

  it('gives back what it held when the number is used again', () => {
    for (let i = 0; i < 5000; i++) {
      const kq = kqueue()
      const { fd } = kq
      kq.kevent([EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 1e6)])
      closeSync(fd)
    }
    const kq = queue()
    kq.kevent([timer(1, 1)])
    assert.deepEqual(
      kq.kevent([], 1, 1000).map(({ ident }) => ident),
      [1],
    )
  })

  it('is gone from queues that watch it', () => {
    const inner = queue()
    const outer = queue()
    const { fd } = inner
    outer.kevent([read(fd)])
    inner.kevent([fired(1)])
    closeSync(fd)
    assert.deepEqual(pending(outer), [])
    const answer = outer.kevent([EV_SET(fd, EVFILT_READ, EV_DELETE)], 1)
    assert.ok(answer[0]!.data === 2 || answer[0]!.data === 9, 'ENOENT or EBADF')
  })
})

describe('A watched descriptor that was closed behind the back of the queue', () => {
  for (const [what, open] of [
    ['an event counter', () => posix.eventfd(3)],
    ['a timer', () => posix.timerfd(1)],
    ['a queue', () => queue().fd],
    ['a file', () => openSync('/proc/self/exe', 'r')],
  ] as const) {
    it(`is not reported when it was ${what}, before and after it was looked at`, () => {
      for (const look of [false, true]) {
        const kq = queue()
        const fd = open()
        kq.kevent([read(fd)])
        posix.poll(fd, POLLIN, 5)
        if (look) kq.kevent([], 4, 0)
        posix.close(fd)
        assert.deepEqual(pending(kq), [])
        assert.deepEqual(kq.knotes(), [])
        assertWorks(kq)
      }
    })
  }

  it('is not reported as the file that got its number, when the set is made afresh', () => {
    const kq = queue()
    const [noisy, noise] = pipe()
    const [old] = pipe()
    const [next, w] = pipe()
    for (const fd of [noisy, old]) keep(posix.dup(fd))
    kq.kevent([read(noisy), read(old)])
    closeRaw(noisy)
    kq.knotes()
    posix.write(w, 'x')
    posix.dup2(next, old)
    // A closed file that goes on to tell of itself is why the machine makes another set.
    for (let i = 0; i < 300; i++) {
      posix.write(noise, 'x')
      assert.deepEqual(pending(kq), [])
    }
    assert.deepEqual(kq.knotes(), [])
    kq.kevent([read(old)])
    assert.deepEqual(pending(kq), [old])
  })
})

describe('A queue made with KQUEUE_TRUSTFD', () => {
  /** A number that was closed though a duplicate keeps its file, and is another file's. */
  function betrayed(): [number: number, write: () => void] {
    const [r, w] = pipe()
    const [next] = pipe()
    posix.write(w, 'x')
    return [
      r,
      () => {
        keep(posix.dup(r))
        posix.dup2(next, r)
      },
    ]
  }

  it('proves within a hundred visits that a number is what it was', () => {
    using kq = kqueuex(KQUEUE_TRUSTFD)
    const [fd, betray] = betrayed()
    kq.kevent([read(fd)])
    assert.deepEqual(pending(kq), [fd])
    betray()
    for (let i = 0; i < 100; i++) pending(kq)
    assert.deepEqual(kq.knotes(), [])
  })

  it('leaves the other queues the proof of each event', () => {
    using kq = kqueuex(KQUEUE_TRUSTFD)
    const other = queue()
    const [fd, betray] = betrayed()
    kq.kevent([read(fd)])
    other.kevent([read(fd)])
    betray()
    assert.deepEqual(pending(other), [])
  })
})

describe('Queues opened and closed', () => {
  it('give their descriptors back, with close and with using', () => {
    const before = descriptors()
    {
      using kq = kqueue()
      kq.kevent([fired(1)])
      assert.equal(descriptors(), before + 1)
    }
    assert.ok(descriptors() <= before)
    const kq = kqueue()
    kq[Symbol.dispose]()
    kq[Symbol.dispose]()
    kq.close()
    assert.ok(descriptors() <= before)
    assert.throws(() => kq.kevent(), { code: 'EBADF' })
  })

  it('are disposed of when a block is left by an error', () => {
    const before = descriptors()
    assert.throws(() => {
      using kq = kqueue()
      kq.kevent([clear(1)])
      throw new Error('body')
    }, /body/)
    assert.ok(descriptors() <= before)
  })
})
