/**
 * EVFILT_VNODE on real files: each note comes of what it is for and of nothing else. Every
 * case watches for all notes, does one thing, and compares what was noted. kqueue(2).
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { EV_ADD, EV_CLEAR, EV_DELETE, EV_SET, EVFILT_READ, EVFILT_VNODE, NOTE_WRITE } from 'kqueue'
import * as posix from '../native/posix.js'
import { directory, noted, PLACES, watching } from './files.js'
import { cleanUp, closeRaw, queue } from './queues.js'

cleanUp()

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_RDWR, O_RDONLY, O_WRONLY, SEEK_SET } =
  posix.constants

/** A file of 5 bytes in a directory of its own, with descriptors that were open before. */
interface Subject {
  readonly path: string
  readonly other: string
  readonly fd: number
  readonly writer: number
}

type Case = readonly [what: string, notes: string, act: (subject: Subject) => void]

const touch = (...args: string[]): void => {
  execFileSync('touch', args)
}

const FILES: readonly Case[] = [
  ['writing in place', 'WRITE', ({ writer }) => posix.write(writer, 'HELLO')],
  ['writing behind the end', 'WRITE EXTEND', ({ writer }) => grow(writer)],
  [
    'writing in place and behind the end',
    'WRITE EXTEND',
    ({ writer }) => posix.write(writer, 'HELLO!'),
  ],
  ['growing by ftruncate', 'WRITE EXTEND', ({ writer }) => posix.ftruncate(writer, 100)],
  ['cutting', 'WRITE ATTRIB', ({ writer }) => posix.ftruncate(writer, 2)],
  ['emptying', 'WRITE ATTRIB', ({ writer }) => posix.ftruncate(writer, 0)],
  ['emptying what is empty', 'WRITE ATTRIB OPEN CLOSE_WRITE', ({ path }) => emptyTwice(path)],
  ['reading', 'READ', ({ fd }) => posix.read(fd, 5)],
  ['opening', 'OPEN', ({ path }) => keepOpen(path, O_RDONLY)],
  [
    'closing what could read',
    'OPEN CLOSE',
    ({ path }) => fs.closeSync(fs.openSync(path, O_RDONLY)),
  ],
  ['closing what could write', 'CLOSE_WRITE', ({ writer }) => closeRaw(writer)],
  ['chmod', 'ATTRIB', ({ path }) => fs.chmodSync(path, 0o640)],
  ['fchown', 'ATTRIB', ({ fd }) => fs.fchownSync(fd, process.getuid!(), process.getgid!())],
  ['setting both times', 'ATTRIB', ({ path }) => fs.utimesSync(path, 1e9, 1e9)],
  ['setting both times to now', 'ATTRIB', ({ path }) => fs.utimesSync(path, now(), now())],
  [
    'setting the time of modification',
    'WRITE ATTRIB OPEN CLOSE_WRITE',
    ({ path }) => touch('-m', '-d', '2001-09-09', path),
  ],
  ['a new name', 'LINK', ({ path, other }) => fs.linkSync(path, other)],
  ['losing its name', 'DELETE', ({ path }) => fs.unlinkSync(path)],
  ['a rename', 'RENAME', ({ path, other }) => fs.renameSync(path, other)],
  [
    'a rename in place of another file',
    'RENAME',
    ({ path, other }) => {
      fs.writeFileSync(other, '')
      fs.renameSync(path, other)
    },
  ],
  [
    'another file that is renamed in its place',
    'DELETE',
    ({ path, other }) => {
      fs.writeFileSync(other, '')
      fs.renameSync(other, path)
    },
  ],
  [
    'chmod before it loses its name',
    'DELETE ATTRIB',
    ({ path }) => {
      fs.chmodSync(path, 0o640)
      fs.unlinkSync(path)
    },
  ],
  [
    'writing in place before it is renamed',
    'WRITE RENAME',
    ({ path, other, writer }) => {
      posix.write(writer, 'HELLO')
      fs.renameSync(path, other)
    },
  ],
  [
    'writing, chmod and a new name',
    'WRITE EXTEND ATTRIB LINK',
    ({ path, other, writer }) => {
      grow(writer)
      fs.chmodSync(path, 0o640)
      fs.linkSync(path, other)
    },
  ],
  ['being replaced like an editor does', 'DELETE', ({ path, other }) => replace(path, other)],
]

/** What is done near the file or to it, and is no event. */
const QUIET: readonly Case[] = [
  ['stat and access', '', ({ path }) => void [fs.statSync(path), fs.accessSync(path)]],
  ['fstat and its link in /proc', '', ({ fd }) => void [fs.fstatSync(fd), link(fd)]],
  ['its fdinfo', '', ({ fd }) => void fs.readFileSync(`/proc/self/fdinfo/${fd}`)],
  ['opening with O_PATH', '', ({ path }) => fs.closeSync(fs.openSync(path, O_PATH))],
  ['a duplicate that comes and goes', '', ({ fd }) => posix.close(posix.dup(fd))],
  ['seeking', '', ({ fd }) => posix.lseek(fd, 3, SEEK_SET)],
  ['another file in its directory', '', ({ other }) => fs.writeFileSync(other, 'x')],
  ['a rename of its directory', '', ({ path }) => renameDirectoryOf(path)],
  ['a failing unlink', '', ({ path }) => assert.throws(() => fs.rmdirSync(path))],
  ['being watched and not watched by another queue', '', ({ fd }) => watchedElsewhere(fd)],
  ['being watched by another descriptor', '', ({ writer }) => watchedElsewhere(writer)],
]

const now = (): number => Date.now() / 1000
const link = (fd: number): string => fs.readlinkSync(`/proc/self/fd/${fd}`)

function grow(writer: number): void {
  posix.lseek(writer, 5, SEEK_SET)
  posix.write(writer, '!')
}

function emptyTwice(path: string): void {
  fs.writeFileSync(path, '')
  fs.writeFileSync(path, '')
}

const left: number[] = []

function keepOpen(path: string, flags: number): number {
  const fd = posix.open(path, flags)
  left.push(fd)
  return fd
}

function replace(path: string, other: string): void {
  fs.writeFileSync(other, 'other')
  fs.chmodSync(other, 0o640)
  fs.renameSync(other, path)
  fs.appendFileSync(path, '!')
}

function renameDirectoryOf(path: string): void {
  const above = join(path, '..')
  fs.renameSync(above, `${above}-renamed`)
  fs.renameSync(`${above}-renamed`, above)
}

function watchedElsewhere(fd: number): void {
  const kq = queue()
  kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE)])
  kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, 0x7ff), EV_SET(fd, EVFILT_READ, EV_ADD)])
  kq.knotes()
  kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_DELETE)])
  kq.close()
}

function subject(place: string): Subject {
  const path = join(directory(place), 'file')
  const writer = posix.open(path, O_RDWR | O_CREAT)
  posix.write(writer, 'hello')
  posix.lseek(writer, 0, SEEK_SET)
  const fd = posix.open(path, O_RDONLY)
  left.push(writer, fd)
  return { path, other: join(path, '../other'), fd, writer }
}

function closeLeft(): void {
  for (const fd of left.splice(0)) {
    try {
      posix.close(fd)
    } catch {
      // It was closed by what was tested.
    }
  }
}

for (const [name, place] of PLACES) {
  describe(`On ${name}, a file notes`, () => {
    for (const [what, notes, act] of [...FILES, ...QUIET]) {
      it(`${notes === '' ? 'nothing' : notes} for ${what}`, () => {
        const file = subject(place)
        const kq = watching(file.fd)
        assert.equal(noted(kq), '')
        act(file)
        assert.equal(noted(kq), notes)
        assert.equal(noted(kq), '')
        closeLeft()
      })
    }

    it('DELETE and LINK when it loses one of several names', () => {
      const { path, other, fd } = subject(place)
      fs.linkSync(path, other)
      const kq = watching(fd)
      fs.unlinkSync(other)
      assert.equal(noted(kq), 'DELETE LINK')
      fs.unlinkSync(path)
      assert.equal(noted(kq), 'DELETE')
      closeLeft()
    })

    it('what happens to it after it has lost its name', () => {
      const { path, fd, writer } = subject(place)
      fs.unlinkSync(path)
      const kq = watching(fd)
      assert.equal(noted(kq), '')
      grow(writer)
      assert.equal(noted(kq), 'WRITE EXTEND')
      fs.fchmodSync(fd, 0o640)
      assert.equal(noted(kq), 'ATTRIB')
      closeLeft()
    })
  })
}

describe('What is watched by EVFILT_VNODE', () => {
  it('can be a descriptor that is only a path', () => {
    const file = subject(PLACES[0]![1])
    const kq = watching(keepOpen(file.path, O_PATH))
    grow(file.writer)
    assert.equal(noted(kq), 'WRITE EXTEND')
    closeLeft()
  })

  it('can be a file that is open for writing only', () => {
    const file = subject(PLACES[0]![1])
    const kq = watching(keepOpen(file.path, O_WRONLY))
    fs.unlinkSync(file.path)
    assert.equal(noted(kq), 'DELETE')
    closeLeft()
  })

  it('can be a symbolic link', () => {
    const path = join(directory(), 'link')
    fs.symlinkSync('nowhere', path)
    const kq = watching(keepOpen(path, O_PATH | O_NOFOLLOW))
    fs.lchownSync(path, process.getuid!(), process.getgid!())
    assert.equal(noted(kq), 'ATTRIB')
    fs.renameSync(path, `${path}-renamed`)
    assert.equal(noted(kq), 'RENAME')
    fs.unlinkSync(`${path}-renamed`)
    assert.equal(noted(kq), 'DELETE')
    closeLeft()
  })

  it('can be a fifo, of which what goes through is not noted', () => {
    const path = join(directory(), 'fifo')
    posix.mkfifo(path)
    const fd = keepOpen(path, O_RDWR | O_NONBLOCK)
    const kq = watching(fd)
    posix.write(fd, 'hello')
    posix.read(fd, 5)
    assert.equal(noted(kq), '')
    posix.close(posix.open(path, O_WRONLY | O_NONBLOCK))
    assert.equal(noted(kq), 'OPEN CLOSE_WRITE')
    fs.unlinkSync(path)
    assert.equal(noted(kq), 'DELETE')
    closeLeft()
  })
})
