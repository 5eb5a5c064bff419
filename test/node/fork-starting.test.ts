/** What happens while a child starts is in its copies: nothing is lost, and no edge comes twice. */
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_ONESHOT,
  EV_SET,
  EVFILT_PROC,
  EVFILT_TIMER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  kqueuex,
  NOTE_CHILD,
  NOTE_DELETE,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_EXTEND,
  NOTE_FORK,
  NOTE_RENAME,
  NOTE_TRACK,
  NOTE_TRACKERR,
  NOTE_WRITE,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { lacksLateStatus } from '../native/system.js'
import { whenOver } from '../patience.js'
import { directory } from './files.js'
import { copied, start, warmUp } from './inheritors.js'
import { cleanUpPuppets, idleStranger, watch } from './puppets.js'
import { cleanUp, idents, keep, pipe, read, unixPair } from './queues.js'

await warmUp()
cleanUp()
cleanUpPuppets()

const { O_CREAT, O_RDONLY, O_RDWR } = posix.constants
const LONG = 10_000

describe('While a child starts', () => {
  it('an edge is kept, one that was consumed before does not come again', async () => {
    const kq = copied()
    const [consumed, w1] = pipe()
    const [pending, w2] = pipe()
    const [later, w3] = pipe()
    const edges = [consumed, pending, later].map((fd) => read(fd, EV_CLEAR))
    kq.kevent([...edges, EV_SET(w1, EVFILT_WRITE, EV_ADD | EV_CLEAR)])
    posix.write(w1, 'a')
    assert.deepEqual(idents(kq.kevent([], 8, 0)).sort(), [consumed, w1].sort())
    posix.write(w2, 'b')
    const child = start()
    posix.write(w3, 'c')
    child.begin()
    assert.deepEqual(idents(await child.events(kq.fd)), [pending, later])
    assert.deepEqual(await child.events(kq.fd), [])
    posix.write(w1, 'd')
    assert.deepEqual(
      (await child.events(kq.fd)).map(({ ident, data }) => [ident, data]),
      [[consumed, 2]],
    )
    await child.end()
    assert.deepEqual(idents(kq.kevent([], 8, 0)), [pending, later, consumed])
  })

  it('a level is what it is when it is asked', async () => {
    const kq = copied()
    const [a, b] = unixPair()
    kq.kevent([read(a)])
    posix.write(b, 'abc')
    const child = start()
    posix.read(a)
    child.begin()
    assert.deepEqual(await child.events(kq.fd), [])
    posix.write(b, 'd')
    const [event] = await child.events(kq.fd, LONG)
    assert.deepEqual([event?.ident, event?.data], [a, 1])
    await child.end()
  })

  it('what is closed here stays open there', async () => {
    const kq = copied()
    const [a, b] = posix.socketpair(posix.constants.AF_UNIX, posix.constants.SOCK_STREAM)
    keep(b)
    kq.kevent([read(a, EV_CLEAR)])
    const child = start()
    posix.close(a)
    posix.write(b, 'x')
    child.begin()
    assert.deepEqual(idents(await child.events(kq.fd, LONG)), [a])
    await child.end()
  })

  it('timers go on: they expire at the same times, and each expiration counts once', async () => {
    const kq = copied()
    kq.kevent([
      EV_SET(1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 20),
      EV_SET(2, EVFILT_TIMER, EV_ADD, 0, 3_600_000),
    ])
    const child = start()
    assert.deepEqual(idents(kq.kevent([], 8, LONG)), [1])
    child.begin()
    const events = await child.events(kq.fd, LONG)
    assert.deepEqual(
      events.map(({ ident, data }) => [ident, data]),
      [[1, 1]],
    )
    assert.deepEqual(idents(await child.knotes(kq.fd)), [2])
    await child.end()
  })

  it('a process that exits and is waited for says how', { skip: lacksLateStatus }, async () => {
    const kq = copied()
    const { pid, go } = idleStranger('exit 7')
    kq.kevent([watch(pid, NOTE_EXIT)])
    const child = start()
    go()
    assert.deepEqual(
      kq.kevent([], 8, LONG).map(({ ident, data }) => [ident, data]),
      [[pid, 7 << 8]],
    )
    child.begin()
    const [event] = await child.events(kq.fd, LONG)
    assert.deepEqual([event?.ident, event?.data, event?.fflags], [pid, 7 << 8, NOTE_EXIT])
    assert.deepEqual(await child.events(kq.fd), [])
    await child.end()
  })

  it('an exit that was pending before is reported once', async () => {
    const kq = copied()
    const { pid, go } = idleStranger('exit 3')
    kq.kevent([watch(pid, NOTE_EXIT)])
    const other = kqueuex(0)
    whenOver(() => other.close())
    other.kevent([watch(pid, NOTE_EXIT)])
    go()
    assert.equal(other.kevent([], 1, LONG).length, 1)
    const child = start().begin()
    assert.deepEqual(
      (await child.events(kq.fd)).map(({ ident, data }) => [ident, data]),
      [[pid, 3 << 8]],
    )
    assert.deepEqual(await child.knotes(kq.fd), [])
    await child.end()
  })

  it('files tell what has been done to them, and what they have grown by', async () => {
    const kq = copied()
    const path = join(directory(), 'file')
    const fd = keep(posix.open(path, O_CREAT | O_RDWR))
    kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE | NOTE_EXTEND | NOTE_RENAME)])
    posix.write(fd, 'before')
    assert.equal(kq.kevent([], 8, LONG).length, 1)
    const child = start()
    posix.write(fd, 'while')
    renameSync(path, `${path}2`)
    child.begin()
    const [event] = await child.events(kq.fd, LONG)
    assert.equal(event?.fflags, NOTE_WRITE | NOTE_EXTEND | NOTE_RENAME)
    assert.deepEqual(await child.events(kq.fd), [])
    await child.end()
  })

  it('directories tell of entries, and of their own end', async () => {
    const kq = copied()
    const [changed, removed] = [join(directory(), 'a'), join(directory(), 'b')]
    for (const path of [changed, removed]) mkdirSync(path)
    const [a, b] = [changed, removed].map((path) => keep(posix.open(path, O_RDONLY))) as [
      number,
      number,
    ]
    const notes = NOTE_WRITE | NOTE_DELETE
    kq.kevent([a, b].map((fd) => EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, notes)))
    const child = start()
    writeFileSync(join(changed, 'entry'), '')
    rmdirSync(removed)
    child.begin()
    const told = (await child.events(kq.fd, LONG)).map(({ ident, fflags }) => [ident, fflags])
    assert.deepEqual(
      new Map(told as [number, number][]),
      new Map([
        [a, NOTE_WRITE],
        [b, NOTE_DELETE],
      ]),
    )
    await child.end()
  })

  it('a regular file that grows can be read on', async () => {
    const kq = copied()
    const path = join(directory(), 'file')
    writeFileSync(path, 'abc')
    const fd = keep(posix.open(path, O_RDONLY))
    kq.kevent([read(fd, EV_CLEAR)])
    assert.equal(kq.kevent([], 8, 0).length, 1)
    const child = start()
    writeFileSync(path, 'abcde')
    child.begin()
    const [event] = await child.events(kq.fd, LONG)
    assert.deepEqual([event?.ident, event?.data], [fd, 5])
    await child.end()
  })
})

/** What was told of a process that forks, executes and exits while a child starts. */
async function follow(): Promise<{ mine: number; theirs: number; children: number }> {
  const kq = copied()
  const { pid, go } = idleStranger('true & wait; exec true')
  const notes = (NOTE_FORK | NOTE_EXEC | NOTE_EXIT | NOTE_TRACK) >>> 0
  kq.kevent([EV_SET(pid, EVFILT_PROC, EV_ADD, notes)])
  const child = start()
  go()
  let mine = 0
  while ((mine & NOTE_EXIT) === 0) {
    for (const { ident, fflags } of kq.kevent([], 8, LONG)) if (ident === pid) mine |= fflags
  }
  child.begin()
  const events = await child.events(kq.fd, LONG)
  let theirs = 0
  for (const { ident, fflags } of events) if (ident === pid) theirs |= fflags
  await child.end()
  return { mine, theirs, children: events.filter(({ fflags }) => fflags & NOTE_CHILD).length }
}

describe('While a child starts, where the system tells of forks', () => {
  it('a process that forks, executes and exits is followed', async (t) => {
    try {
      copied().kevent([EV_SET(process.pid, EVFILT_PROC, EV_ADD, NOTE_FORK)])
    } catch (error) {
      t.skip((error as Error).message)
      return
    }
    // Where others fork so much that records are lost, as they say, it is another one's turn.
    for (let tries = 0; tries < 20; tries++) {
      const { mine, theirs, children } = await follow()
      if ((mine | theirs) & NOTE_TRACKERR) continue
      assert.equal(theirs, mine)
      assert.equal(children, 1)
      return
    }
    assert.fail('records were lost each time')
  })
})
