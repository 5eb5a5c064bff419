/** Copy on fork in a real child: what is copied, and in which state. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import {
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_DISABLE,
  EV_ENABLE,
  EV_NOCPONFORK,
  EV_ONESHOT,
  EV_SET,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  fork,
  forkOptions,
  inheritedKqueues,
  type Kevent,
  KQUEUE_CPONFORK,
  KQUEUE_CPONFORKFD,
  KQUEUE_CPONFORKNONFD,
  NOTE_EXIT,
  NOTE_EXTEND,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { spawn, whenOver, within } from '../patience.js'
import type { Cases } from '../programs/parents.js'
import { directory } from './files.js'
import { copied, INHERITOR, keepChild, start, warmUp } from './inheritors.js'
import { casesOf, descriptors, program } from './processes.js'
import { cleanUp, clear, idents, keep, pipe, queue, read, trigger, user } from './queues.js'
import { openOnce } from './signals.js'

const { O_CREAT, O_RDWR } = constants

await warmUp()
const parents = casesOf<Cases>('parents')
before(openOnce)
cleanUp()

const filters = (events: readonly Kevent[]): number[] => events.map(({ filter }) => filter)
const byIdent = (a: Kevent, b: Kevent): number => a.ident - b.ident

describe('A queue that is copied on fork', () => {
  it('is under the same number in the child, with events of its own', async () => {
    const kq = copied()
    const [r, w] = pipe()
    kq.kevent([read(r, EV_CLEAR), clear(1), trigger(1)])
    posix.write(w, 'abc')
    const child = start().begin()
    assert.deepEqual(await child.numbers(), [kq.fd])
    for (const events of [await child.events(kq.fd), kq.kevent([], 8, 0)]) {
      assert.deepEqual(
        events.map(({ ident, filter, data }) => [ident, filter, data]),
        [
          [1, EVFILT_USER, 0],
          [r, EVFILT_READ, 3],
        ],
      )
    }
    assert.deepEqual(await child.events(kq.fd), [])
    await child.end()
  })

  it('is not there without the flag', async () => {
    const kq = queue()
    const other = copied()
    const child = start().begin()
    assert.deepEqual(await child.numbers(), [other.fd])
    await assert.rejects(child.events(kq.fd), /there is no queue/)
    await child.end()
  })

  it('has none in a process that was not started with any', () => {
    assert.equal(inheritedKqueues().size, 0)
  })

  it('tells with which child it stands', async () => {
    copied()
    const child = keepChild(fork(INHERITOR))
    await within(once(child, 'kqueues'), "'kqueues'")
    child.disconnect()
    await within(once(child, 'exit'), 'the child ends')
  })

  it('has what was active in the same order, and what was disabled disabled', async () => {
    const kq = copied()
    kq.kevent([3, 1, 2, 4].map((ident) => user(ident, EV_CLEAR)))
    kq.kevent([2, 4, 1].map(trigger))
    kq.kevent([EV_SET(4, EVFILT_USER, EV_DISABLE)])
    const child = start().begin()
    assert.deepEqual(idents(await child.events(kq.fd)), [2, 1])
    const knotes = await child.knotes(kq.fd)
    assert.deepEqual(
      knotes.sort(byIdent).map(({ disabled }) => disabled),
      [false, false, false, true],
    )
    assert.deepEqual(knotes.find(({ ident }) => ident === 4)?.active, true)
    await child.end()
    assert.deepEqual(idents(kq.kevent([EV_SET(4, EVFILT_USER, EV_ENABLE)], 8, 0)), [2, 4, 1])
  })

  it('keeps udata, fflags and data, and can watch its parent', async () => {
    const kq = copied()
    const udata = { list: [1, 'two'], nested: { three: 3 } }
    kq.kevent([
      EV_SET(7, EVFILT_USER, EV_ADD, NOTE_TRIGGER | 5, 42, udata),
      EV_SET(process.pid, EVFILT_PROC, EV_ADD, NOTE_EXIT),
    ])
    const child = start().begin()
    const [event] = await child.events(kq.fd)
    assert.deepEqual([event?.ident, event?.fflags, event?.data, event?.udata], [7, 5, 42, udata])
    assert.deepEqual(filters(await child.knotes(kq.fd)), [EVFILT_USER, EVFILT_PROC])
    await child.end()
  })

  it('says which udata cannot travel, and leaves nothing behind', () => {
    const kq = copied()
    kq.kevent([EV_SET(7, EVFILT_USER, EV_ADD, 0, 0, () => {})])
    const before = descriptors()
    assert.throws(() => fork(INHERITOR), {
      name: 'DataCloneError',
      message: /^the udata of ident 7, filter -11, cannot go to another process: /,
    })
    assert.equal(descriptors(), before)
  })
})

describe('What is copied', () => {
  const changes = (r: number): Change[] => [
    read(r),
    user(1),
    EV_SET(2, EVFILT_TIMER, EV_ADD, 0, 3_600_000),
    EV_SET(10, EVFILT_SIGNAL, EV_ADD),
  ]
  for (const [name, flags, expected] of [
    ['all', KQUEUE_CPONFORK, [EVFILT_READ, EVFILT_USER, EVFILT_TIMER, EVFILT_SIGNAL]],
    ['descriptors', KQUEUE_CPONFORKFD, [EVFILT_READ]],
    ['the others', KQUEUE_CPONFORKNONFD, [EVFILT_USER, EVFILT_TIMER, EVFILT_SIGNAL]],
  ] as const) {
    it(`is ${name} as the flags say`, async () => {
      const kq = copied(flags)
      const [r] = pipe()
      kq.kevent(changes(r))
      const child = start().begin()
      assert.deepEqual(filters(await child.knotes(kq.fd)), expected)
      await child.end()
    })
  }

  it('is nothing with EV_NOCPONFORK, nor under a number that the program uses otherwise', async () => {
    const kq = copied()
    const [r, w] = pipe()
    const [taken] = pipe()
    kq.kevent([read(r, EV_NOCPONFORK), read(taken), EV_SET(w, EVFILT_WRITE, EV_ADD)])
    const stdio: (string | number)[] = ['pipe', 'inherit', 'inherit', 'ipc']
    stdio[taken] = 'ignore'
    const child = start({ stdio: stdio as never }).begin()
    assert.deepEqual(idents(await child.knotes(kq.fd)), [w])
    assert.equal(await child.shares(w), true)
    for (const fd of [r, taken]) assert.equal(await child.shares(fd), false)
    await child.end()
  })

  it('is no queue whose number the program uses otherwise', async () => {
    const kq = copied()
    const other = copied()
    const stdio: (string | number)[] = ['pipe', 'inherit', 'inherit', 'ipc']
    stdio[kq.fd] = 'ignore'
    const child = start({ stdio: stdio as never }).begin()
    assert.deepEqual(await child.numbers(), [other.fd])
    await child.end()
  })

  it('is a queue in a queue when both are copied', async () => {
    const [outer, inner] = [copied(), copied()]
    const plain = queue()
    inner.kevent([clear(1), trigger(1)])
    outer.kevent([read(inner.fd), read(plain.fd)])
    const child = start().begin()
    const [event, ...others] = await child.events(outer.fd)
    assert.deepEqual([event?.ident, event?.data, others], [inner.fd, 1, []])
    assert.deepEqual(idents(await child.knotes(outer.fd)), [inner.fd])
    assert.deepEqual(idents(await child.events(inner.fd)), [1])
    assert.deepEqual(await child.events(outer.fd), [])
    await child.end()
    assert.deepEqual(idents(outer.kevent([], 8, 0)), [inner.fd])
  })
})

describe("FreeBSD's test of fork", () => {
  it('vnode: both hear of a write to a file', async () => {
    const kq = copied()
    const fd = keep(posix.open(join(directory(), 'file'), O_CREAT | O_RDWR))
    kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE)])
    const child = start().begin()
    assert.deepEqual(await child.events(kq.fd), [])
    posix.write(fd, 'x')
    for (const events of [await child.events(kq.fd, 10_000), kq.kevent([], 8, 10_000)]) {
      assert.deepEqual(
        events.map(({ ident, fflags }) => [ident, fflags]),
        [[fd, NOTE_WRITE | NOTE_EXTEND]],
      )
    }
    await child.end()
  })

  it('timer: both expire', async () => {
    const kq = copied()
    kq.kevent([EV_SET(1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 500)])
    const child = start().begin()
    assert.deepEqual(idents(await child.events(kq.fd, 10_000)), [1])
    assert.deepEqual(idents(kq.kevent([], 8, 10_000)), [1])
    await child.end()
  })

  it('without the flag: the child has no queue', async () => {
    queue()
    const child = start().begin()
    assert.deepEqual(await child.numbers(), [])
    await child.end()
  })
})

describe('A child', () => {
  it('that has a shell for a parent in between is none', async () => {
    const kq = copied()
    const options = forkOptions({ stdio: ['ignore', 'pipe', 'inherit'] })
    whenOver(() => options.close())
    const words = [process.execPath, ...program(parents('counts its queues'))]
    const direct = spawn(words[0]!, words.slice(1), options)
    const closed = [once(direct, 'close')]
    const [size] = await within(once(direct.stdout!, 'data'), 'its queues')
    assert.equal(String(size), '1\n')
    const between = spawn('sh', ['-c', '"$@"; true', 'sh', ...words], options)
    closed.push(once(between, 'close'))
    const [none] = await within(once(between.stdout!, 'data'), 'its queues')
    assert.equal(String(none), '0\n')
    await within(Promise.all(closed), 'both end')
    kq.close()
  })
})
