/**
 * EVFILT_VNODE where something is in the way: files that have no events, rights and limits
 * that do not suffice, descriptors that are closed unseen, and file systems that hide.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_ONESHOT,
  EV_SET,
  EVFILT_READ,
  EVFILT_VNODE,
  KqueueError,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_READ,
  NOTE_RENAME,
  NOTE_WRITE,
} from 'kqueue'
import * as posix from '../native/posix.js'
import type { Cases } from '../programs/files.js'
import { ALL, directory, masks, noted, watches, watching } from './files.js'
import { limited, noUsers } from './namespaces.js'
import { casesOf, run } from './processes.js'
import { cleanUp, closeRaw, pipe, queue } from './queues.js'

cleanUp()

const { AF_UNIX, O_CREAT, O_RDWR, SOCK_STREAM } = posix.constants

function newFile(): { path: string; fd: number } {
  const path = join(directory(), 'file')
  return { path, fd: posix.open(path, O_RDWR | O_CREAT) }
}

/** What watching a descriptor fails with. */
function refusal(fd: number): KqueueError {
  try {
    watching(fd)
  } catch (error) {
    assert.ok(error instanceof KqueueError)
    return error
  }
  assert.fail('it can be watched')
}

describe('What has no events of files', () => {
  const kinds: readonly [string, () => readonly number[]][] = [
    ['a pipe', () => posix.pipe2()],
    ['a socket', () => posix.socketpair(AF_UNIX, SOCK_STREAM)],
    ['an eventfd', () => [posix.eventfd()]],
    ['a timer', () => [posix.timerfd(0)]],
    ['a terminal', () => posix.openpty()],
    ['a device', () => [posix.open('/dev/null')]],
    ['a process', () => [posix.pidfdOpen(process.pid)]],
  ]
  for (const [kind, open] of kinds) {
    it(`${kind}: EINVAL`, () => {
      const fds = open()
      const error = refusal(fds[0]!)
      assert.equal(error.code, 'EINVAL')
      assert.match(error.message, /is no file, directory, fifo or symbolic link/)
      for (const fd of fds) posix.close(fd)
    })
  }

  it('a queue: EINVAL', () => {
    assert.equal(refusal(queue().fd).code, 'EINVAL')
  })

  it('what is not open: EBADF', () => {
    assert.equal(refusal(0x7fffffff).code, 'EBADF')
  })

  for (const [path, name] of [
    ['/proc/self/status', 'procfs'],
    ['/proc', 'procfs'],
    ['/sys/kernel', 'sysfs'],
  ] as const) {
    it(`${path}: ENOTSUP, because Linux does not tell`, () => {
      const fd = posix.open(path)
      const error = refusal(fd)
      assert.equal(error.code, 'ENOTSUP')
      assert.match(error.message, new RegExp(`does not tell when files of ${name} change`))
      posix.close(fd)
    })
  }
})

describe('A descriptor that is closed unseen', () => {
  it('ends its events, also those that had happened', () => {
    const { path, fd } = newFile()
    const kq = watching(fd)
    fs.appendFileSync(path, 'x')
    posix.close(fd)
    fs.unlinkSync(path)
    assert.equal(noted(kq), '')
    assert.deepEqual(kq.knotes(), [])
    assert.deepEqual(watches(), [])
  })

  it('is not taken for the next file of its number', () => {
    const { path, fd } = newFile()
    const other = newFile()
    const kq = watching(fd)
    fs.appendFileSync(path, 'x')
    posix.dup2(other.fd, fd)
    fs.appendFileSync(path, 'x')
    fs.appendFileSync(other.path, 'x')
    assert.equal(noted(kq), '')
    kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, ALL)])
    fs.appendFileSync(path, 'x')
    assert.equal(noted(kq), '')
    fs.appendFileSync(other.path, 'x')
    assert.equal(noted(kq), 'WRITE EXTEND OPEN CLOSE_WRITE')
    for (const each of [fd, other.fd]) posix.close(each)
  })

  it('leaves those of other descriptors and queues', () => {
    const { path, fd } = newFile()
    const other = posix.dup(fd)
    const one = watching(fd)
    const two = watching(other)
    posix.close(fd)
    fs.chmodSync(path, 0o640)
    assert.equal(noted(one), '')
    assert.equal(noted(two), 'ATTRIB')
    posix.close(other)
  })

  it('is found by the next record of the file', () => {
    const { path, fd } = newFile()
    const other = posix.open(path)
    const kq = watching(fd, NOTE_ATTRIB)
    const beside = watching(other, NOTE_WRITE)
    posix.close(fd)
    fs.chmodSync(path, 0o640)
    assert.equal(noted(beside), '')
    assert.deepEqual(
      masks().map((mask) => mask & 0xbff),
      [0x2],
    )
    assert.equal(noted(kq), '')
    posix.close(other)
  })

  it('ends the watch of a file that is gone with it', () => {
    const { path, fd } = newFile()
    const kq = watching(fd)
    fs.unlinkSync(path)
    posix.close(fd)
    assert.equal(noted(kq), '')
    assert.deepEqual(watches(), [])
    assert.deepEqual(kq.knotes(), [])
  })
})

describe('inotify is asked for', () => {
  it('what the events of all descriptors and queues need, and no more', () => {
    const { path, fd } = newFile()
    const other = posix.open(path)
    const asked = () => masks().map((mask) => mask & 0xbff)
    const one = watching(fd, NOTE_READ)
    assert.deepEqual(asked(), [0x1])
    const two = watching(other, NOTE_RENAME)
    assert.deepEqual(asked(), [0x801])
    two.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE)])
    assert.deepEqual(asked(), [0x803])
    one.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD, NOTE_RENAME)])
    assert.deepEqual(asked(), [0x802])
    two.kevent([EV_SET(other, EVFILT_READ, EV_ADD), EV_SET(fd, EVFILT_VNODE, EV_DELETE)])
    assert.deepEqual(asked(), [0x802])
    two.kevent([EV_SET(other, EVFILT_READ, EV_DELETE)])
    assert.deepEqual(asked(), [0x800])
    one.close()
    two.close()
    assert.deepEqual(asked(), [])
    for (const each of [fd, other]) posix.close(each)
  })

  it('notes that are added while an event is disabled', () => {
    const { path, fd } = newFile()
    const kq = watching(fd, NOTE_RENAME)
    kq.kevent([{ ident: fd, filter: EVFILT_VNODE, flags: 0x8, fflags: NOTE_ATTRIB }])
    fs.chmodSync(path, 0o640)
    kq.kevent([{ ident: fd, filter: EVFILT_VNODE, flags: 0x4, fflags: NOTE_ATTRIB }])
    assert.equal(noted(kq), 'ATTRIB')
    posix.close(fd)
  })

  it('nothing that happened before', () => {
    const { path, fd } = newFile()
    const one = watching(fd)
    fs.chmodSync(path, 0o640)
    const two = watching(fd)
    const other = posix.dup(fd)
    const three = watching(other)
    assert.equal(noted(two), '')
    assert.equal(noted(three), '')
    assert.equal(noted(one), 'ATTRIB')
    fs.appendFileSync(path, 'x')
    const four = watching(fd, NOTE_READ)
    fs.readFileSync(path)
    four.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, ALL & ~NOTE_READ)])
    assert.match(noted(one), /WRITE EXTEND/)
    assert.equal(noted(four), 'READ')
    for (const each of [fd, other]) posix.close(each)
  })

  it('nothing by an event that asks for nothing', () => {
    const { path, fd } = newFile()
    const kq = watching(fd, 0)
    fs.appendFileSync(path, 'x')
    assert.equal(noted(kq), '')
    assert.equal(kq.knotes().length, 1)
    kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_ONESHOT, 0xffffffff)])
    fs.chmodSync(path, 0o640)
    assert.equal(noted(kq), 'ATTRIB')
    posix.close(fd)
  })
})

const isRoot = process.geteuid?.() === 0

const programs = casesOf<Cases>('files')

/** Runs a case with a directory that everybody may use. */
function passes(what: Parameters<typeof programs>[0]): void {
  const path = directory()
  fs.chmodSync(path, 0o777)
  const { stderr, status } = run(programs(what, path))
  assert.equal(stderr, '')
  assert.equal(status, 0)
}

describe('Without the right to read', { skip: !isRoot && 'needs root, to be another user' }, () => {
  it('a file is EACCES, and the message says why', () => {
    passes('may not read a file')
  })

  it('an event is not changed to what can no longer be asked for', () => {
    passes('may not read a file any more')
  })

  it('the directory above is looked for at each call', () => {
    passes('may not read the directory above')
  })
})

describe('The limits of inotify', { skip: noUsers }, () => {
  it('too many watches are ENOSPC, naming the sysctl, and the others go on', () => {
    const { stderr } = limited(
      'max_inotify_watches',
      3,
      programs('may have three watches', directory()),
    )
    assert.equal(stderr, '')
  })

  it('too many instances are EMFILE, naming the sysctl', () => {
    const { stderr } = limited('max_inotify_instances', 0, programs('may have no inotify'))
    assert.equal(stderr, '')
  })
})

const mount = (...args: string[]): boolean => spawnSync('mount', args).status === 0

describe('File systems', { skip: !isRoot && 'only root can mount' }, () => {
  it('overlayfs hides the links of what was below, and the end of such a file is noted', (t) => {
    const top = directory()
    for (const name of ['lower', 'upper', 'work', 'all']) fs.mkdirSync(join(top, name))
    for (const name of ['file', 'file (deleted)']) fs.writeFileSync(join(top, 'lower', name), '')
    fs.mkdirSync(join(top, 'lower/both'))
    fs.mkdirSync(join(top, 'upper/both'))
    const options = ['lower', 'upper', 'work'].map((name) => `${name}dir=${join(top, name)}`)
    const all = join(top, 'all')
    if (!mount('-t', 'overlay', 'overlay', '-o', options.join(), all)) {
      t.skip('no overlayfs')
      return
    }
    try {
      for (const name of ['file', 'file (deleted)', 'both']) {
        const path = join(all, name)
        const fd = posix.open(path)
        const kq = watching(fd)
        const reader = queue()
        reader.kevent([EV_SET(fd, EVFILT_READ, EV_ADD)])
        // From now on it is of the upper layer.
        fs.chmodSync(path, 0o750)
        assert.equal(noted(kq), 'ATTRIB')
        assert.equal(reader.knotes().length, 1)
        reader.close()
        fs.rmSync(path, { recursive: true })
        assert.match(noted(kq), /^DELETE( OPEN CLOSE READ)?$/)
        kq.close()
        posix.close(fd)
      }
    } finally {
      spawnSync('umount', ['--lazy', all])
    }
  })

  it('one that is unmounted takes its watches with it', () => {
    const top = directory()
    if (!mount('-t', 'tmpfs', 'none', top)) return
    const fd = posix.open(join(top, 'file'), O_RDWR | O_CREAT)
    const kq = watching(fd, NOTE_DELETE | NOTE_WRITE)
    assert.notEqual(spawnSync('umount', [top]).status, 0, 'a file in it is open')
    assert.equal(spawnSync('umount', ['--lazy', top]).status, 0)
    posix.write(fd, 'the file is as it was')
    assert.equal(noted(kq), 'WRITE EXTEND')
    posix.close(fd)
    assert.equal(noted(kq), '')
    assert.deepEqual(kq.knotes(), [])
    assert.deepEqual(watches(), [])
  })
})

describe('A file that cannot be told by its descriptor', () => {
  it('does not disturb those that can', () => {
    const [r, w] = pipe()
    const { path, fd } = newFile()
    const kq = queue()
    assert.throws(() => kq.kevent([EV_SET(r, EVFILT_VNODE, EV_ADD, ALL)]), { code: 'EINVAL' })
    kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, ALL), EV_SET(r, EVFILT_READ, EV_ADD)])
    posix.write(w, 'x')
    fs.chmodSync(path, 0o640)
    assert.equal(kq.kevent(null, 8, 0).length, 2)
    closeRaw(w)
    posix.close(fd)
  })
})
