/**
 * EVFILT_VNODE of many files at once, of files that come and go, of more records than the
 * kernel keeps, and in workers.
 */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_SET,
  EVFILT_READ,
  EVFILT_VNODE,
  type Kevent,
  type Kqueue,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_REVOKE,
  NOTE_WRITE,
} from 'kqueue'
import * as posix from '../native/posix.js'
import type { Cases } from '../programs/files.js'
import { ALL, directory, PLACES, watches, watching } from './files.js'
import { casesOf, descriptors, ended, message, start } from './processes.js'
import { cleanUp, LONG, queue } from './queues.js'

cleanUp()

const watchers = casesOf<Cases>('files')

const GROWN = NOTE_WRITE | NOTE_EXTEND
const FILES = 1000
const open: number[] = []

afterEach(() => {
  for (const fd of open.splice(0)) posix.close(fd)
})

/** Descriptors of new files in one directory. */
function files(count: number, place?: string): number[] {
  const path = directory(place)
  const { O_CREAT, O_RDWR } = posix.constants
  const fds = Array.from({ length: count }, (_, i) =>
    posix.open(join(path, `file${i}`), O_RDWR | O_CREAT),
  )
  open.push(...fds)
  return fds
}

const watch = (fd: number, notes = ALL, flags = EV_CLEAR) =>
  EV_SET(fd, EVFILT_VNODE, EV_ADD | flags, notes)

/** All events there are, taken some at a time. */
function drain(kq: Kqueue): Kevent[] {
  const events: Kevent[] = []
  for (;;) {
    const more = kq.kevent(null, 64, 0)
    if (more.length === 0) return events
    events.push(...more)
  }
}

for (const [name, place] of PLACES) {
  describe(`${FILES} files on ${name}`, () => {
    it('each written once, are each reported once', () => {
      const fds = files(FILES, place)
      const kq = queue()
      kq.kevent(fds.map((fd) => watch(fd)))
      for (const fd of fds) posix.write(fd, 'x')
      const events = drain(kq)
      assert.equal(events.length, FILES)
      assert.deepEqual(new Set(events.map(({ ident }) => ident)), new Set(fds))
      assert.ok(events.every(({ fflags }) => fflags === (NOTE_WRITE | NOTE_EXTEND)))
    })

    it('are one watch each, whatever the number of queues and filters', () => {
      const fds = files(FILES, place)
      const queues = [queue(), queue(), queue()]
      for (const kq of queues) {
        kq.kevent(fds.flatMap((fd) => [watch(fd), EV_SET(fd, EVFILT_READ, EV_ADD)]))
      }
      assert.equal(watches().length, FILES)
      for (const fd of fds) posix.write(fd, 'x')
      for (const kq of queues) {
        kq.kevent(fds.map((fd) => EV_SET(fd, EVFILT_READ, EV_DELETE)))
        assert.equal(drain(kq).length, FILES)
        kq.close()
      }
      assert.equal(watches().length, 0)
    })
  })
}

describe('20,000 descriptors that are opened, watched and closed', () => {
  const MANY = 20_000

  function assertNothingLeft(kq: Kqueue, before: number): void {
    assert.deepEqual(kq.knotes(), [])
    assert.deepEqual(watches(), [])
    assert.ok(descriptors() <= before)
  }

  it('one after the other, leave nothing', () => {
    const path = directory()
    for (const name of ['one', 'two']) fs.writeFileSync(join(path, name), '')
    const kq = queue()
    kq.kevent([], 1, 0)
    const before = descriptors()
    for (let i = 0; i < MANY; i++) {
      const fd = fs.openSync(join(path, i % 2 ? 'one' : 'two'), 'r')
      kq.kevent([watch(fd)])
      fs.closeSync(fd)
    }
    assertNothingLeft(kq, before)
  })

  it('many at a time, files and directories, some of them removed, leave nothing', () => {
    const batch = 500
    const kq = queue()
    const before = descriptors()
    for (let i = 0; i < MANY; i += batch) {
      const path = directory(PLACES.at(-1)![1])
      const paths = Array.from({ length: batch }, (_, n) => join(path, `${n}`))
      for (const [n, each] of paths.entries()) {
        if (n % 2) fs.writeFileSync(each, '')
        else fs.mkdirSync(each)
      }
      const fds = paths.map((each) => fs.openSync(each, 'r'))
      kq.kevent(fds.map((fd) => watch(fd)))
      if (i % (2 * batch)) fs.rmSync(path, { recursive: true })
      for (const fd of fds) fs.closeSync(fd)
      assert.deepEqual(drain(kq), [])
    }
    assertNothingLeft(kq, before)
  })

  it('never looked at, leave what is bounded', () => {
    const path = directory()
    const fds = files(MANY / 10, path)
    const kq = queue()
    for (const fd of fds) {
      kq.kevent([watch(fd, NOTE_DELETE)])
      if (fds.indexOf(fd) >= 100) posix.close(open.splice(open.indexOf(fd), 1)[0]!)
    }
    assert.ok(watches().length <= 1024, `${watches().length} watches`)
    assert.equal(kq.knotes().length, 100)
    assert.equal(watches().length, 100)
  })
})

describe('More records than the kernel keeps', () => {
  const QUEUED = Number(fs.readFileSync('/proc/sys/fs/inotify/max_queued_events', 'latin1'))
  const flood = (path: string): void => {
    for (let i = 0; i <= QUEUED; i += 2) {
      posix.close(posix.open(path, posix.constants.O_RDWR))
    }
  }

  it('are every note that was asked for, of every file', { skip: QUEUED > 100_000 }, () => {
    const path = join(directory(), 'file')
    fs.writeFileSync(path, '')
    const busy = posix.open(path)
    const inner = posix.open(join(path, '..'))
    const [quiet] = files(1)
    open.push(busy, inner)
    const kq = watching(busy)
    kq.kevent([
      watch(quiet!, NOTE_RENAME | NOTE_REVOKE),
      watch(inner, NOTE_DELETE | NOTE_LINK),
      EV_SET(quiet!, EVFILT_READ, EV_ADD),
    ])
    flood(path)
    assert.deepEqual(
      new Map(drain(kq).map(({ ident, fflags }) => [ident, fflags])),
      new Map([
        [busy, ALL],
        [quiet!, NOTE_RENAME | NOTE_REVOKE],
        [inner, NOTE_DELETE | NOTE_LINK],
      ]),
    )
    assert.deepEqual(drain(kq), [])
    // What comes after them is told as ever.
    fs.fchmodSync(busy, 0o640)
    assert.deepEqual(
      drain(kq).map(({ ident, fflags }) => [ident, fflags]),
      [[busy, NOTE_ATTRIB]],
    )
  })

  it('lose no directory: one that was moved meanwhile notes its end', () => {
    const place = directory()
    const path = join(place, 'empty')
    fs.mkdirSync(path)
    fs.writeFileSync(join(place, 'file'), '')
    const [fd, busy] = [posix.open(path), posix.open(join(place, 'file'))]
    open.push(fd, busy)
    const kq = watching(fd, NOTE_DELETE)
    kq.kevent([watch(busy)])
    flood(join(place, 'file'))
    const elsewhere = directory()
    fs.renameSync(path, join(elsewhere, 'empty'))
    drain(kq)
    fs.rmdirSync(join(elsewhere, 'empty'))
    assert.deepEqual(
      drain(kq).map(({ ident, fflags }) => [ident, fflags]),
      [[fd, NOTE_DELETE]],
    )
  })
})

describe('Workers', () => {
  it('watch the same file each for itself, and leave nothing', async () => {
    const path = join(directory(), 'file')
    fs.writeFileSync(path, '')
    const before = descriptors()
    const workers = Array.from({ length: 3 }, () => start(watchers('tells', path)))
    await Promise.all(workers.map(message))
    const written = workers.map(message)
    fs.appendFileSync(path, 'x')
    assert.deepEqual(await Promise.all(written), [GROWN, GROWN, GROWN])
    const removed = workers.map(message)
    fs.unlinkSync(path)
    assert.deepEqual(await Promise.all(removed), [NOTE_DELETE, NOTE_DELETE, NOTE_DELETE])
    await Promise.all(workers.map(ended))
    assert.ok(descriptors() <= before)
  })

  it('that are terminated while they wait leave nothing', async () => {
    const before = descriptors()
    const worker = start(watchers('blocks', tmpdir()))
    await message(worker)
    await worker.terminate()
    assert.ok(descriptors() <= before)
  })
})

describe('A wait', () => {
  it('is woken by what another thread does to the file', async () => {
    const [fd] = files(1)
    const kq = watching(fd!, NOTE_WRITE)
    const waiting = kq.wait({ timeout: LONG })
    fs.write(fd!, 'x', () => {})
    assert.equal((await waiting)[0]!.fflags, GROWN)
  })
})
