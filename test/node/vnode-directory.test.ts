/**
 * EVFILT_VNODE on real directories: what comes and goes in them, and their own end, of
 * which Linux tells only the directory above. Every case watches for all notes.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as fs from 'node:fs'
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
  NOTE_DELETE,
  NOTE_EXTEND,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { LONG, spawn } from '../patience.js'
import type { Cases } from '../programs/files.js'
import { directory, masks, names, next, noted, PLACES, watching } from './files.js'
import { casesOf, program } from './processes.js'
import { cleanUp, pipe, queue, read } from './queues.js'

cleanUp()

const programs = casesOf<Cases>('files')

/** A watched directory `a`, with a file and two subdirectories, beside a directory `b`. */
interface Subject {
  readonly a: string
  readonly b: string
  readonly fd: number
}

const open = new Set<number>()

function openDirectory(path: string): number {
  const fd = posix.open(path)
  open.add(fd)
  return fd
}

afterEach(() => {
  for (const fd of open) posix.close(fd)
  open.clear()
})

function subject(place?: string): Subject {
  const top = directory(place)
  const [a, b] = [join(top, 'a'), join(top, 'b')]
  for (const path of [a, b]) {
    for (const name of ['one', 'two']) fs.mkdirSync(join(path, name), { recursive: true })
    fs.writeFileSync(join(path, 'file'), 'hello')
  }
  return { a, b, fd: openDirectory(a) }
}

type Case = readonly [what: string, notes: string, act: (subject: Subject) => void]

const CASES: readonly Case[] = [
  ['a file that is made', 'WRITE', ({ a }) => fs.writeFileSync(`${a}/new`, 'x')],
  ['a file that is removed', 'WRITE', ({ a }) => fs.unlinkSync(`${a}/file`)],
  ['a file that is renamed', 'WRITE', ({ a }) => fs.renameSync(`${a}/file`, `${a}/other`)],
  ['a new name for a file', 'WRITE', ({ a, b }) => fs.linkSync(`${b}/file`, `${a}/other`)],
  ['a symbolic link', 'WRITE', ({ a }) => fs.symlinkSync('nowhere', `${a}/link`)],
  ['a fifo', 'WRITE', ({ a }) => posix.mkfifo(`${a}/fifo`)],
  ['a directory that is made', 'WRITE LINK', ({ a }) => fs.mkdirSync(`${a}/new`)],
  ['a directory that is removed', 'WRITE LINK', ({ a }) => fs.rmdirSync(`${a}/one`)],
  ['a directory that is renamed', 'WRITE', ({ a }) => fs.renameSync(`${a}/one`, `${a}/new`)],
  [
    'a directory that is renamed in place of another',
    'WRITE LINK',
    ({ a }) => fs.renameSync(`${a}/one`, `${a}/two`),
  ],
  [
    'a file that is renamed in place of another',
    'WRITE',
    ({ a }) => {
      fs.writeFileSync(`${a}/other`, '')
      fs.renameSync(`${a}/other`, `${a}/file`)
    },
  ],
  ['a file that comes', 'WRITE EXTEND', ({ a, b }) => fs.renameSync(`${b}/file`, `${a}/new`)],
  ['a file that goes', 'WRITE EXTEND', ({ a, b }) => fs.renameSync(`${a}/file`, `${b}/new`)],
  [
    'a directory that comes',
    'WRITE EXTEND LINK',
    ({ a, b }) => fs.renameSync(`${b}/one`, `${a}/new`),
  ],
  [
    'a directory that goes',
    'WRITE EXTEND LINK',
    ({ a, b }) => fs.renameSync(`${a}/one`, `${b}/new`),
  ],
  [
    'a directory that comes in place of another',
    'WRITE EXTEND',
    ({ a, b }) => fs.renameSync(`${b}/one`, `${a}/one`),
  ],
  [
    'a directory that goes in place of another',
    'WRITE EXTEND LINK',
    ({ a, b }) => fs.renameSync(`${a}/one`, `${b}/one`),
  ],
  ['opening and closing it', 'OPEN CLOSE', ({ a }) => posix.close(posix.open(a))],
  ['listing it', 'OPEN CLOSE READ', ({ a }) => void fs.readdirSync(a)],
  ['chmod', 'ATTRIB', ({ a }) => fs.chmodSync(a, 0o750)],
  ['setting its times', 'ATTRIB', ({ a }) => fs.utimesSync(a, 1e9, 1e9)],
  ['its own rename', 'RENAME', ({ a }) => fs.renameSync(a, `${a}-renamed`)],
  ['its own move', 'RENAME', ({ a, b }) => fs.renameSync(a, `${b}/new`)],
]

const QUIET: readonly Case[] = [
  ['what is written to a file in it', '', ({ a }) => fs.appendFileSync(`${a}/file`, 'x')],
  ['what is read of a file in it', '', ({ a }) => void fs.readFileSync(`${a}/file`)],
  ['chmod of a file in it', '', ({ a }) => fs.chmodSync(`${a}/file`, 0o640)],
  ['listing a directory in it', '', ({ a }) => void fs.readdirSync(`${a}/one`)],
  ['a file in a directory in it', '', ({ a }) => fs.writeFileSync(`${a}/one/file`, '')],
  ['looking at it', '', ({ a, fd }) => void [fs.statSync(a), fs.fstatSync(fd)]],
  ['what happens beside it', '', ({ b }) => fs.rmSync(b, { recursive: true })],
  ['a rename of the one above', '', ({ a }) => renameAbove(a)],
]

function renameAbove(path: string): void {
  const above = join(path, '..')
  fs.renameSync(above, `${above}-renamed`)
  fs.renameSync(`${above}-renamed`, above)
}

for (const [name, place] of PLACES) {
  describe(`On ${name}, a directory notes`, () => {
    for (const [what, notes, act] of [...CASES, ...QUIET]) {
      it(`${notes === '' ? 'nothing' : notes} for ${what}`, () => {
        const given = subject(place)
        const kq = watching(given.fd)
        act(given)
        assert.equal(noted(kq), notes)
        assert.equal(noted(kq), '')
      })
    }
  })

  describe(`On ${name}, a directory that is held open notes its end`, () => {
    const empty = () => {
      const path = join(directory(place), 'empty')
      fs.mkdirSync(path)
      const kq = watching(openDirectory(path))
      return { path, kq }
    }

    it('when it is removed', () => {
      const { path, kq } = empty()
      fs.rmdirSync(path)
      assert.equal(noted(kq), 'DELETE')
      fs.mkdirSync(path)
      fs.rmdirSync(path)
      assert.equal(noted(kq), '')
    })

    it('when another takes its place', () => {
      const { path, kq } = empty()
      fs.mkdirSync(`${path}-other`)
      fs.renameSync(`${path}-other`, path)
      assert.equal(noted(kq), 'DELETE')
    })

    it('when it is removed from where it was moved to', () => {
      const { path, kq } = empty()
      const above = directory(place)
      fs.renameSync(path, join(above, 'moved'))
      assert.equal(noted(kq), 'RENAME')
      fs.rmdirSync(join(above, 'moved'))
      assert.equal(noted(kq), 'DELETE')
    })

    it('when it is moved and removed before anybody looks', () => {
      const { path, kq } = empty()
      const above = directory(place)
      fs.renameSync(path, join(above, 'moved'))
      fs.rmdirSync(join(above, 'moved'))
      assert.equal(noted(kq), 'DELETE RENAME')
    })

    it('when it is removed after the one above was moved', () => {
      const { path, kq } = empty()
      const above = join(path, '..')
      fs.renameSync(above, `${above}-renamed`)
      fs.rmdirSync(join(`${above}-renamed`, 'empty'))
      assert.equal(noted(kq), 'DELETE')
      fs.rmdirSync(`${above}-renamed`)
    })

    it('when it and the one above are removed and both are watched', () => {
      const { path, kq } = empty()
      const above = join(path, '..')
      const outer = watching(openDirectory(above))
      fs.rmdirSync(path)
      fs.rmdirSync(above)
      assert.equal(noted(kq), 'DELETE')
      assert.match(noted(outer), /^DELETE WRITE LINK/)
    })

    it('in a wait', () => {
      const { path, kq } = empty()
      const child = spawn('rmdir', [path], { stdio: 'ignore' })
      assert.equal(next(kq), 'DELETE')
      return once(child, 'exit').then(() => {})
    })

    it('not when it had no name before', () => {
      const path = join(directory(place), 'empty')
      fs.mkdirSync(path)
      const fd = openDirectory(path)
      fs.rmdirSync(path)
      const kq = watching(fd)
      assert.equal(noted(kq), '')
      fs.fchmodSync(fd, 0o750)
      assert.equal(noted(kq), 'ATTRIB')
    })
  })
}

describe('The directory above one that is watched', () => {
  const counts = (): number => masks().length

  it('is asked for removals only, and no longer than needed', () => {
    const before = counts()
    const { a, fd } = subject()
    const kq = watching(fd, NOTE_DELETE)
    assert.deepEqual(
      masks().filter((mask) => (mask & 0xfff) === 0x200),
      [0x200],
    )
    kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_EXTEND)])
    assert.equal(counts(), before + 1)
    kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_DELETE)])
    assert.equal(counts(), before + 2)
    kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_DELETE)])
    assert.equal(counts(), before)
    fs.rmSync(a, { recursive: true })
  })

  it('is shared by all that are in it, and stays for the others', () => {
    const before = counts()
    const { a } = subject()
    const kq = queue()
    const one = openDirectory(join(a, 'one'))
    const two = openDirectory(join(a, 'two'))
    for (const fd of [one, two]) {
      kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_DELETE)])
    }
    assert.equal(counts(), before + 3)
    kq.kevent([EV_SET(one, EVFILT_VNODE, EV_DELETE)])
    fs.rmdirSync(join(a, 'one'))
    fs.rmdirSync(join(a, 'two'))
    assert.deepEqual(
      kq.kevent(null, 8, 0).map(({ ident, fflags }) => [ident, names(fflags)]),
      [[two, 'DELETE']],
    )
  })

  it('notes its own, too', () => {
    const { a, fd } = subject()
    const outer = watching(fd)
    const inner = watching(openDirectory(join(a, 'one')), NOTE_DELETE)
    fs.writeFileSync(join(a, 'new'), '')
    assert.equal(noted(outer), 'WRITE')
    fs.rmdirSync(join(a, 'one'))
    assert.equal(noted(inner), 'DELETE')
    assert.equal(noted(outer), 'WRITE LINK')
    inner.close()
    fs.writeFileSync(join(a, 'newer'), '')
    assert.equal(noted(outer), 'WRITE')
  })

  it('may be the root of all', () => {
    const kq = watching(openDirectory('/'), NOTE_DELETE)
    assert.equal(noted(kq), '')
  })
})

describe('Renames within a directory', () => {
  const ROUNDS = 20
  const RENAMES = 2000

  it('are never moves, whenever one looks', async () => {
    const { a, fd } = subject()
    const kq = watching(fd, NOTE_EXTEND)
    const [told, tell] = pipe()
    const [go, goOn] = pipe()
    // No more in a round than inotify keeps.
    const child = spawn(process.execPath, program(programs('renames', a, ROUNDS, RENAMES)), {
      stdio: [go, tell, 'inherit'],
    })
    kq.kevent([read(told)])
    for (let round = 0; round < ROUNDS; round++) {
      posix.write(goOn, '.')
      // Each look is at some moment of some rename.
      let events: Kevent[] = []
      for (const start = performance.now(); events.length === 0; events = kq.kevent(null, 8, 0)) {
        assert.ok(performance.now() - start < LONG, 'in vain: the round is over')
      }
      assert.deepEqual(
        events.map(({ filter, fflags }) => [filter, fflags]),
        [[EVFILT_READ, 0]],
      )
      posix.read(told, 1)
    }
    await once(child, 'exit')
  })
})
