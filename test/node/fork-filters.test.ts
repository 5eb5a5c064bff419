/** What each filter reports in a real child: the same as in the parent, each for itself. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  aio_read,
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  type Kevent,
  kfilter_register,
  kfilter_unregister,
  NOTE_EXIT,
  NOTE_FFOR,
  NOTE_OOB,
  NOTE_TRIGGER,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { lacksBytesAcked, lacksLateStatus } from '../native/system.js'
import { within } from '../patience.js'
import { links } from '../programs/descriptors.js'
import { directory } from './files.js'
import { copied, openWhatStays, same, start, warmUp } from './inheritors.js'
import { cleanUpPuppets, idleStranger, watch } from './puppets.js'
import {
  cleanUp,
  closeRaw,
  idents,
  keep,
  LONG,
  pipe,
  queue,
  read,
  tcp,
  unixPair,
  user,
} from './queues.js'

const C = posix.constants

await warmUp()
openWhatStays()
cleanUp()
cleanUpPuppets()

describe('EVFILT_EMPTY in a child', () => {
  const watched = (fd: number): Change => EV_SET(fd, EVFILT_EMPTY, EV_ADD | EV_CLEAR)
  const kinds = [
    ['a pipe', pipe, false],
    ['a Unix socket', () => unixPair().reverse() as [number, number], false],
    ['a connection', () => tcp().reverse() as [number, number], lacksBytesAcked],
  ] as const
  for (const [name, make, skip] of kinds) {
    it(`of ${name}: what was handed out does not come again, and each draining once`, {
      skip,
    }, async () => {
      const kq = copied()
      const [r, w] = make()
      kq.kevent([watched(w)])
      assert.deepEqual(idents(kq.kevent([], 8, LONG)), [w])
      const child = start().begin()
      assert.deepEqual(await child.events(kq.fd, 120), [])
      posix.write(w, 'x')
      posix.read(r)
      assert.deepEqual(idents(await same(child, kq)), [w])
      await child.end()
    })

    it(`of ${name} that is filled and drains while the child starts`, { skip }, async () => {
      const kq = copied()
      const [r, w] = make()
      kq.kevent([watched(w)])
      assert.deepEqual(idents(kq.kevent([], 8, LONG)), [w])
      const child = start()
      posix.write(w, 'x')
      posix.read(r)
      child.begin()
      assert.deepEqual(idents(await same(child, kq)), [w])
      await child.end()
    })

    // What has come to the other side of a connection is taken, whether it was read or not.
    if (name === 'a connection') continue
    it(`of ${name} that drains while the child starts`, async () => {
      const kq = copied()
      const [r, w] = make()
      posix.write(w, 'x')
      kq.kevent([watched(w)])
      assert.deepEqual(kq.kevent([], 8, 20), [])
      const child = start()
      posix.read(r)
      child.begin()
      assert.deepEqual(idents(await same(child, kq)), [w])
      await child.end()
    })
  }
})

describe('EVFILT_EXCEPT in a child', () => {
  const watched = (fd: number): Change => EV_SET(fd, EVFILT_EXCEPT, EV_ADD | EV_CLEAR, NOTE_OOB)

  it('reports urgent data that is pending, and what comes while it starts', async () => {
    const kq = copied()
    const [c1, s1] = tcp()
    const [c2, s2] = tcp()
    kq.kevent([watched(s1), watched(s2)])
    posix.send(c1, '!', C.MSG_OOB)
    const child = start()
    posix.send(c2, '!', C.MSG_OOB)
    child.begin()
    assert.deepEqual(idents(await same(child, kq)), [s1, s2])
    await child.end()
  })

  it('does not report again what was handed out', async () => {
    const kq = copied()
    const [client, server] = tcp()
    kq.kevent([watched(server)])
    posix.send(client, '!', C.MSG_OOB)
    assert.deepEqual(idents(kq.kevent([], 8, LONG)), [server])
    const child = start().begin()
    assert.deepEqual(await child.events(kq.fd), [])
    posix.send(client, '?', C.MSG_OOB)
    assert.deepEqual(idents(await same(child, kq)), [server])
    await child.end()
  })
})

describe('EVFILT_PROCDESC in a child', () => {
  it('reports an exit that is pending, and one that comes while it starts', {
    skip: lacksLateStatus,
  }, async () => {
    const kq = copied()
    const [first, second] = ['exit 3', 'exit 4'].map(idleStranger)
    const fds = [first!, second!].map(({ pid }) => keep(posix.pidfdOpen(pid)))
    kq.kevent(fds.map((fd) => EV_SET(fd, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT)))
    const other = queue()
    other.kevent([watch(first!.pid, NOTE_EXIT)])
    first!.go()
    assert.equal(other.kevent([], 1, LONG).length, 1)
    const child = start()
    other.kevent([watch(second!.pid, NOTE_EXIT)])
    second!.go()
    assert.equal(other.kevent([], 1, LONG).length, 1)
    child.begin()
    const events = await same(child, kq)
    assert.deepEqual(
      events.map(({ ident, data }) => [ident, data]),
      [
        [fds[0], 3 << 8],
        [fds[1], 4 << 8],
      ],
    )
    assert.deepEqual(await child.knotes(kq.fd), [])
    await child.end()
  })
})

describe('EVFILT_SIGNAL in a child', () => {
  const { SIGHUP } = C

  it('has what was counted, and counts what the child is sent when its copies stand', async () => {
    const kq = copied()
    kq.kevent([EV_SET(SIGHUP, EVFILT_SIGNAL, EV_ADD)])
    posix.raise(SIGHUP)
    posix.raise(SIGHUP)
    const child = start().begin()
    await within(once(child.process, 'kqueues'), "'kqueues'")
    for (let i = 0; i < 3; i++) {
      child.process.kill(SIGHUP)
      // It is answered when the signal has been delivered, so that each counts.
      await child.numbers()
    }
    posix.raise(SIGHUP)
    const [theirs, none] = await child.events(kq.fd, LONG)
    assert.deepEqual([theirs?.ident, theirs?.data, none], [SIGHUP, 5, undefined])
    const [ours] = kq.kevent([], 8, LONG)
    assert.deepEqual([ours?.ident, ours?.data], [SIGHUP, 3])
    await child.end()
  })
})

describe('EVFILT_USER in a child', () => {
  it('keeps its flags and its state, and is triggered in each for itself', async () => {
    const kq = copied()
    kq.kevent([
      EV_SET(1, EVFILT_USER, EV_ADD | EV_CLEAR, 0x12, 7, 'one'),
      EV_SET(2, EVFILT_USER, EV_ADD, 0x4, -1, { two: [2] }),
      EV_SET(3, EVFILT_USER, EV_ADD | EV_ONESHOT, 0x8),
    ])
    kq.kevent([
      EV_SET(3, EVFILT_USER, 0, NOTE_TRIGGER | NOTE_FFOR | 0x1),
      EV_SET(2, EVFILT_USER, 0, NOTE_TRIGGER | NOTE_FFOR | 0x1, 5, { two: [2] }),
    ])
    const child = start().begin()
    const level = [2, 0x5, 5, { two: [2] }]
    const told = (events: Kevent[]): unknown =>
      events.map(({ ident, fflags, data, udata }) => [ident, fflags, data, udata])
    for (const events of [await child.events(kq.fd), kq.kevent([], 8, 0)]) {
      assert.deepEqual(told(events), [[3, 0x9, 0, undefined], level])
    }
    assert.deepEqual(
      told(await child.change(kq.fd, EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER, 9, 'two'))),
      [level, [1, 0x12, 9, 'two']],
    )
    assert.deepEqual(told(await child.events(kq.fd)), [level])
    assert.deepEqual(told(kq.kevent([], 8, 0)), [level])
    await child.end()
  })
})

describe('What a child cannot have', () => {
  it('is asynchronous I/O: the request is the parent’s', async () => {
    const kq = copied()
    const path = join(directory(), 'file')
    writeFileSync(path, 'abcd')
    const fd = keep(openSync(path, 'r'))
    aio_read({ fd, buffer: new Uint8Array(4), kq })
    kq.kevent([user(1, EV_CLEAR)])
    const child = start().begin()
    assert.deepEqual(idents(await child.knotes(kq.fd)), [1])
    assert.deepEqual(await child.events(kq.fd), [])
    assert.equal(kq.kevent([], 8, LONG).length, 1)
    await child.end()
  })

  it('are filters of the program, with copy or without', async () => {
    const kq = copied()
    const ops = { isFd: false, attach: () => 0, detach() {}, event: () => true }
    const filters = [
      kfilter_register('copied in a child', { ...ops, copy: () => 0 }),
      kfilter_register('left out in a child', ops),
    ]
    kq.kevent([...filters.map((filter) => EV_SET(1, filter, EV_ADD)), user(1, EV_CLEAR)])
    const child = start().begin()
    const [only, ...others] = await child.knotes(kq.fd)
    assert.deepEqual([only?.filter, others], [EVFILT_USER, []])
    await child.end()
    kq.close()
    for (const name of ['copied in a child', 'left out in a child']) kfilter_unregister(name)
  })
})

describe('The state of an event in a child', () => {
  const trigger = EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER)

  it('with EV_DISPATCH is disabled when it was handed out, and enabled in each by itself', async () => {
    const kq = copied()
    const [r, w] = pipe()
    kq.kevent([read(r, EV_DISPATCH), user(1, EV_DISPATCH | EV_CLEAR)])
    posix.write(w, 'x')
    assert.deepEqual(idents(kq.kevent([trigger], 8, 0)).sort(), [1, r].sort())
    const child = start().begin()
    assert.deepEqual(
      (await child.knotes(kq.fd)).map(({ disabled }) => disabled),
      [true, true],
    )
    const enable = EV_SET(r, read(r).filter, EV_ENABLE | EV_DISPATCH)
    assert.deepEqual(idents(await child.change(kq.fd, enable)), [r])
    assert.deepEqual(await child.change(kq.fd, trigger), [])
    assert.deepEqual(kq.kevent([], 8, 0), [])
    assert.deepEqual(idents(kq.kevent([enable], 8, 0)), [r])
    await child.end()
  })

  it('with EV_ONESHOT is there until it is handed out, in each', async () => {
    const kq = copied()
    const [r, w] = pipe()
    kq.kevent([read(r, EV_ONESHOT), user(1, EV_ONESHOT), user(2, EV_ONESHOT)])
    assert.deepEqual(idents(kq.kevent([trigger], 8, 0)), [1])
    posix.write(w, 'x')
    const child = start().begin()
    assert.deepEqual(idents(await same(child, kq)), [r])
    assert.deepEqual(idents(await child.knotes(kq.fd)), [2])
    assert.deepEqual(idents(kq.knotes().map((info) => info as unknown as Kevent)), [2])
    await child.end()
  })

  it('that is disabled keeps what happens, for who enables it', async () => {
    const kq = copied()
    const [r, w] = pipe()
    const [later, wLater] = pipe()
    kq.kevent([
      read(r, EV_DISABLE | EV_CLEAR),
      read(later, EV_DISABLE | EV_CLEAR),
      EV_SET(1, EVFILT_TIMER, EV_ADD | EV_DISABLE | EV_ONESHOT, 0, 1),
      EV_SET(process.pid, EVFILT_PROC, EV_ADD | EV_DISABLE, NOTE_EXIT),
    ])
    posix.write(w, 'x')
    const child = start()
    posix.write(wLater, 'x')
    child.begin()
    assert.deepEqual(await child.events(kq.fd, 20), [])
    const enabling = [r, later].map((fd) => EV_SET(fd, read(fd).filter, EV_ENABLE))
    enabling.push(EV_SET(1, EVFILT_TIMER, EV_ENABLE))
    const expected = [r, later, 1].sort()
    assert.deepEqual(idents(await child.change(kq.fd, ...enabling)).sort(), expected)
    assert.deepEqual(kq.kevent([], 8, 0), [])
    assert.deepEqual(idents(kq.kevent(enabling, 8, 0)).sort(), expected)
    assert.deepEqual(
      (await child.knotes(kq.fd)).map(({ ident, disabled }) => [ident, disabled]),
      [
        [r, false],
        [later, false],
        [process.pid, true],
      ],
    )
    await child.end()
  })
})

describe('The descriptors of a child', () => {
  it('are those of its queues and events, and go with them', async () => {
    const kq = copied()
    const [r, w] = pipe()
    const [client, server] = tcp()
    const file = keep(openSync(directory(), 'r'))
    kq.kevent([
      read(r),
      EV_SET(w, EVFILT_EMPTY, EV_ADD),
      EV_SET(server, EVFILT_EXCEPT, EV_ADD, NOTE_OOB),
      read(client),
      EV_SET(process.pid, EVFILT_PROC, EV_ADD, NOTE_EXIT),
      EV_SET(C.SIGHUP, EVFILT_SIGNAL, EV_ADD),
      EV_SET(file, -4, EV_ADD, 2),
    ])
    const child = start().begin()
    const before = await child.ask<'links'>({ what: 'links' })
    for (const fd of [r, w, client, server, file]) assert.equal(before[fd], links()[fd])
    await child.ask<'close'>({ what: 'close', fd: kq.fd })
    const after = await child.ask<'links'>({ what: 'links' })
    const kinds = (of: Record<number, string>, kind: string): number =>
      Object.values(of).filter((link) => link.includes(kind)).length
    assert.equal(after[kq.fd], undefined)
    assert.equal(kinds(after, 'pidfd'), 0)
    assert.equal(kinds(after, 'memfd'), 0)
    await child.end()
    closeRaw(r)
  })
})
