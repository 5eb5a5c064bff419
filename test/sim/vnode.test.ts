/** EVFILT_VNODE, and EVFILT_READ and EVFILT_WRITE of what is in the file tree. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_EOF,
  EV_ONESHOT,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_READ,
  EVFILT_VNODE,
  EVFILT_WRITE,
  KQUEUE_CPONFORK,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_FILE_POLL,
  NOTE_RENAME,
  NOTE_REVOKE,
  NOTE_WRITE,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from 'kqueue/sim'
import { fails, pending, unix, watch, watchPath, write } from './watch.js'

/** A file with `content` that is watched, and a descriptor to write it with. */
function watched(content = '', flags = O_WRONLY) {
  const { kernel, p } = unix()
  write(p, '/f', content)
  const fd = p.open('/f', flags)
  return { kernel, p, fd, notes: watchPath(p, '/f') }
}

describe('EVFILT_VNODE of a file', () => {
  it('tells writing from growing', () => {
    const { p, fd, notes } = watched('hello')
    p.write(fd, 'HE')
    assert.equal(notes(), 'WRITE')
    p.write(fd, 'LLO!')
    assert.equal(notes(), 'WRITE EXTEND')
    p.write(fd, '')
    assert.equal(notes(), '')
  })

  it('reports what was asked for, with what comes in the same breath', () => {
    const { p } = unix()
    write(p, '/f')
    const fd = p.open('/f', O_RDWR)
    const notes = watch(p, fd, NOTE_WRITE)
    p.chmod('/f', 0)
    assert.equal(notes(), '')
    p.write(fd, 'x')
    p.chmod('/f', 0)
    assert.equal(notes(), 'WRITE EXTEND')
  })

  it('tells opening, reading and the two ways of closing', () => {
    const { p, fd, notes } = watched('hello')
    const reader = p.open('/f', O_RDONLY)
    assert.equal(notes(), 'OPEN')
    p.read(reader, 3)
    assert.equal(notes(), 'READ')
    p.close(reader)
    assert.equal(notes(), 'CLOSE')
    p.close(fd)
    assert.equal(notes(), 'CLOSE_WRITE')
  })

  it('counts an open file, not its descriptors', () => {
    const { p, fd, notes } = watched()
    p.dup2(fd, 40)
    p.close(fd)
    assert.equal(notes(), '')
    p.close(40)
    assert.equal(notes(), 'CLOSE_WRITE')
  })

  it('tells of attributes and truncation', () => {
    const { p, fd, notes } = watched('hello')
    p.chmod('/f', 0o600)
    assert.equal(notes(), 'ATTRIB')
    p.ftruncate(fd, 2)
    assert.equal(notes(), 'ATTRIB')
    p.ftruncate(fd, 10)
    assert.equal(notes(), 'EXTEND ATTRIB')
    p.close(p.open('/f', O_WRONLY | O_TRUNC))
    assert.equal(notes(), 'ATTRIB OPEN CLOSE_WRITE')
  })

  it('tells of new names, of the last name, and of one that is not the last', () => {
    const { p, notes } = watched()
    p.link('/f', '/g')
    assert.equal(notes(), 'LINK')
    p.unlink('/f')
    assert.equal(notes(), 'DELETE LINK')
    p.unlink('/g')
    assert.equal(notes(), 'DELETE')
  })

  it('goes on after the last name is gone', () => {
    const { p, fd, notes } = watched()
    p.unlink('/f')
    assert.equal(notes(), 'DELETE')
    write(p, '/f', 'another')
    assert.equal(notes(), '')
    p.write(fd, 'x')
    assert.equal(notes(), 'WRITE EXTEND')
  })

  it('follows the file and not its path', () => {
    const { p, fd, notes } = watched()
    p.rename('/f', '/g')
    assert.equal(notes(), 'RENAME')
    write(p, '/f', 'another')
    assert.equal(notes(), '')
    p.write(fd, 'x')
    assert.equal(notes(), 'WRITE EXTEND')
  })

  it('tells who is replaced by a rename', () => {
    const { p, notes } = watched()
    write(p, '/g')
    const other = watchPath(p, '/g')
    p.rename('/g', '/f')
    assert.equal(notes(), 'DELETE')
    assert.equal(other(), 'RENAME')
  })

  it('says nothing of a rename between two names of one file', () => {
    const { p, notes } = watched()
    p.link('/f', '/g')
    assert.equal(notes(), 'LINK')
    p.rename('/f', '/g')
    assert.equal(notes(), '')
  })

  it('keeps what happened until it is handed out, for each queue', () => {
    const { p, fd, notes } = watched()
    const other = watch(p, fd)
    p.write(fd, 'x')
    p.chmod('/f', 0o600)
    assert.equal(notes(), 'WRITE EXTEND ATTRIB')
    assert.equal(notes(), '')
    p.rename('/f', '/g')
    assert.equal(other(), 'WRITE EXTEND ATTRIB RENAME')
  })

  it('stays without EV_CLEAR', () => {
    const { p } = unix()
    const fd = p.open('/f', O_RDWR | O_CREAT)
    const kq = p.kqueue()
    const grown = NOTE_WRITE | NOTE_EXTEND
    p.kevent(kq, [EV_SET(fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE | NOTE_RENAME)])
    p.write(fd, 'x')
    assert.deepEqual(
      [pending(p, kq), pending(p, kq)].map(([event]) => event?.fflags),
      [grown, grown],
    )
    p.rename('/f', '/g')
    assert.equal(pending(p, kq)[0]?.fflags, grown | NOTE_RENAME)
  })

  it('goes with its descriptor', () => {
    const { p } = unix()
    const fd = p.open('/f', O_RDWR | O_CREAT)
    const kq = p.kqueue()
    p.kevent(kq, [EV_SET(fd, EVFILT_VNODE, EV_ADD, NOTE_DELETE)])
    p.unlink('/f')
    p.close(fd)
    assert.deepEqual(pending(p, kq), [])
    fails('EBADF', () => p.kevent(kq, [EV_SET(fd, EVFILT_VNODE, EV_DELETE)]))
  })

  it('is not for other files', () => {
    const { p } = unix()
    const kq = p.kqueue()
    const [r] = p.pipe()
    fails('EINVAL', () => p.kevent(kq, [EV_SET(r, EVFILT_VNODE, EV_ADD, NOTE_WRITE)]))
    const fd = p.open('/f', O_RDWR | O_CREAT)
    fails('EINVAL', () => p.kevent(kq, [EV_SET(fd, EVFILT_EMPTY, EV_ADD)]))
  })
})

describe('EVFILT_VNODE of a directory', () => {
  function directory() {
    const { p } = unix()
    p.mkdir('/d')
    return { p, notes: watchPath(p, '/d') }
  }

  it('tells of files that come and go', () => {
    const { p, notes } = directory()
    write(p, '/d/f')
    assert.equal(notes(), 'WRITE')
    p.link('/d/f', '/d/g')
    assert.equal(notes(), 'WRITE')
    p.rename('/d/f', '/d/h')
    assert.equal(notes(), 'WRITE')
    p.unlink('/d/h')
    assert.equal(notes(), 'WRITE')
    write(p, '/d/g', 'what a file says is not said of its directory')
    assert.equal(notes(), '')
  })

  it('tells of subdirectories by their links', () => {
    const { p, notes } = directory()
    p.mkdir('/d/e')
    assert.equal(notes(), 'WRITE LINK')
    const sub = watchPath(p, '/d/e')
    p.mkdir('/d/e/f')
    assert.equal(notes(), '')
    assert.equal(sub(), 'WRITE LINK')
    p.rmdir('/d/e/f')
    p.rmdir('/d/e')
    assert.equal(notes(), 'WRITE LINK')
    assert.equal(sub(), 'DELETE WRITE LINK')
  })

  it('tells of what is moved in and out', () => {
    const { p, notes } = directory()
    write(p, '/f')
    p.rename('/f', '/d/f')
    assert.equal(notes(), 'WRITE EXTEND')
    p.rename('/d/f', '/f')
    assert.equal(notes(), 'WRITE EXTEND')
    p.mkdir('/e')
    const moved = watchPath(p, '/e')
    p.rename('/e', '/d/e')
    assert.equal(notes(), 'WRITE EXTEND LINK')
    assert.equal(moved(), 'RENAME')
    p.mkdir('/g')
    p.rename('/g', '/d/e')
    assert.equal(notes(), 'WRITE EXTEND')
    assert.equal(moved(), 'DELETE')
  })

  it('tells of a subdirectory that another one replaces', () => {
    const { p, notes } = directory()
    p.mkdir('/d/e')
    p.mkdir('/d/f')
    notes()
    p.rename('/d/e', '/d/f')
    assert.equal(notes(), 'WRITE LINK')
  })

  it('tells of being read', () => {
    const { kernel, p } = unix()
    p.mkdir('/d')
    const notes = watchPath(p, '/d')
    kernel.tree.readdir(p, '/d')
    assert.equal(notes(), 'OPEN CLOSE READ')
  })
})

describe('EVFILT_READ and EVFILT_WRITE of a file', () => {
  it('report the way to the end, forwards or back', () => {
    const { p } = unix()
    write(p, '/f', 'hello')
    const fd = p.open('/f', O_RDWR)
    const kq = p.kqueue()
    const data = () => pending(p, kq).map((event) => event.data)
    p.kevent(kq, [EV_SET(fd, EVFILT_READ, EV_ADD)])
    assert.deepEqual(data(), [5])
    p.read(fd, 5)
    assert.deepEqual(data(), [])
    p.ftruncate(fd, 2)
    assert.deepEqual(data(), [-3])
    p.lseek(fd, 2, 0)
    assert.deepEqual(data(), [])
    p.lseek(fd, 0, 0)
    assert.deepEqual(data(), [2])
  })

  it('with EV_CLEAR report each write, seek and read of their own, and nothing else', () => {
    const { p } = unix()
    write(p, '/f', 'hello')
    const fd = p.open('/f', O_RDONLY)
    const writer = p.open('/f', O_WRONLY | O_APPEND)
    const kq = p.kqueue()
    const data = () => pending(p, kq).map((event) => event.data)
    p.kevent(kq, [EV_SET(fd, EVFILT_READ, EV_ADD | EV_CLEAR)])
    assert.deepEqual(data(), [5])
    p.read(fd, 1)
    assert.deepEqual(data(), [4])
    p.chmod('/f', 0)
    p.rename('/f', '/g')
    assert.deepEqual(data(), [])
    p.write(writer, '!')
    assert.deepEqual(data(), [5])
    p.lseek(fd, 0, 0)
    assert.deepEqual(data(), [6])
    p.lseek(writer, 0, 0)
    assert.deepEqual(data(), [])
  })

  it('report always with NOTE_FILE_POLL, and to write', () => {
    const { p } = unix()
    const fd = p.open('/f', O_RDWR | O_CREAT)
    const kq = p.kqueue()
    p.kevent(kq, [EV_SET(fd, EVFILT_READ, EV_ADD, NOTE_FILE_POLL)])
    p.kevent(kq, [EV_SET(fd, EVFILT_WRITE, EV_ADD)])
    assert.deepEqual(
      pending(p, kq).map(({ filter, data }) => [filter, data]),
      [
        [EVFILT_READ, 0],
        [EVFILT_WRITE, 0],
      ],
    )
  })

  it('report a directory when something changes in it', () => {
    const { p } = unix()
    const fd = p.open('/', O_RDONLY)
    const kq = p.kqueue()
    p.kevent(kq, [EV_SET(fd, EVFILT_READ, EV_ADD | EV_CLEAR)])
    assert.equal(pending(p, kq).length, 1)
    assert.equal(pending(p, kq).length, 0)
    write(p, '/f')
    assert.equal(pending(p, kq).length, 1)
  })
})

describe('A file that is revoked', () => {
  it('ends what watches it, and its descriptors stay', () => {
    const { kernel, p } = unix()
    write(p, '/f', 'hello')
    const fd = p.open('/f', O_RDWR)
    const kq = p.kqueue()
    p.kevent(kq, [
      EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_REVOKE),
      EV_SET(fd, EVFILT_READ, EV_ADD),
      EV_SET(fd, EVFILT_WRITE, EV_ADD),
    ])
    kernel.tree.revoke(p, '/f')
    const events = pending(p, kq).sort((a, b) => b.filter - a.filter)
    assert.deepEqual(
      events.map(({ filter, flags, fflags, data }) => [filter, flags, fflags, data]),
      [
        [EVFILT_READ, EV_EOF | EV_ONESHOT, 0, 0],
        [EVFILT_WRITE, EV_EOF | EV_ONESHOT, 0, 0],
        [EVFILT_VNODE, EV_EOF | EV_CLEAR, NOTE_REVOKE, 0],
      ],
    )
    assert.deepEqual(pending(p, kq), [])
    fails('EIO', () => p.read(fd, 1))
    fails('EIO', () => p.write(fd, 'x'))
    // The file itself goes on without them.
    const again = watchPath(p, '/f')
    p.close(fd)
    assert.equal(again(), '')
  })
})

describe('Files on fork', () => {
  it('are watched by the copy as well, through the same open file', () => {
    const { p } = unix()
    write(p, '/f', 'hello')
    const fd = p.open('/f', O_RDWR)
    const kq = p.kqueuex(KQUEUE_CPONFORK)
    p.kevent(kq, [
      EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_RENAME),
      EV_SET(fd, EVFILT_READ, EV_ADD | EV_CLEAR),
      EV_SET(fd, EVFILT_WRITE, EV_ADD | EV_ONESHOT),
    ])
    const child = p.fork()
    p.rename('/f', '/g')
    p.lseek(fd, 4, 0)
    for (const each of [p, child]) {
      const events = pending(each, kq).sort((a, b) => b.filter - a.filter)
      assert.deepEqual(
        events.map(({ filter, fflags, data }) => [filter, fflags, data]),
        [
          [EVFILT_READ, 0, 1],
          [EVFILT_WRITE, 0, 0],
          [EVFILT_VNODE, NOTE_RENAME, 0],
        ],
      )
    }
    p.close(fd)
    child.rename('/g', '/h')
    assert.equal(pending(child, kq)[0]?.fflags, NOTE_RENAME)
    assert.deepEqual(pending(p, kq), [])
  })
})
