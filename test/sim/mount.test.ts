/** Mounts of the simulated kernel, and EVFILT_FS. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_EOF,
  EV_ONESHOT,
  EV_SET,
  EVFILT_FS,
  EVFILT_READ,
  EVFILT_VNODE,
  KQUEUE_CPONFORK,
  NOTE_REVOKE,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  VQ_MOUNT,
  VQ_UNMOUNT,
} from 'kqueue/sim'
import { fails, pending, read, unix, watchPath, write } from './watch.js'

function mounted() {
  const { kernel, p } = unix()
  p.mkdir('/m')
  write(p, '/m/below', 'below')
  kernel.mount('/m')
  return { kernel, p }
}

describe('A mount', () => {
  it('covers the directory, and uncovers it when it goes', () => {
    const { kernel, p } = mounted()
    assert.deepEqual(kernel.tree.readdir(p, '/m'), [])
    write(p, '/m/f', 'on top')
    assert.equal(read(p, '/m/../m/f'), 'on top')
    assert.notEqual(kernel.tree.stat(p, '/m').dev, kernel.tree.stat(p, '/').dev)
    kernel.unmount('/m')
    assert.equal(read(p, '/m/below'), 'below')
    fails('ENOENT', () => read(p, '/m/f'))
  })

  it('is another file system', () => {
    const { p } = mounted()
    write(p, '/f')
    p.mkdir('/d')
    fails('EXDEV', () => p.rename('/f', '/m/f'))
    fails('EXDEV', () => p.link('/f', '/m/f'))
    fails('EXDEV', () => p.rename('/d', '/m/d'))
    fails('EBUSY', () => p.rename('/m', '/n'))
    fails('EBUSY', () => p.rename('/d', '/m'))
    fails('EBUSY', () => p.rmdir('/m'))
  })

  it('can lie on another one, and in another one', () => {
    const { kernel, p } = mounted()
    write(p, '/m/one')
    kernel.mount('/m')
    assert.deepEqual(kernel.tree.readdir(p, '/m'), [])
    p.mkdir('/m/n')
    kernel.mount('/m/n')
    fails('EBUSY', () => kernel.unmount('/m'))
    kernel.unmount('/m/n')
    kernel.unmount('/m')
    assert.deepEqual(kernel.tree.readdir(p, '/m'), ['one'])
  })

  it('can lie on the root', () => {
    const { kernel, p } = unix()
    write(p, '/f')
    kernel.mount('/')
    fails('ENOENT', () => p.open('/f', O_RDONLY))
    fails('ENOENT', () => p.open('/../f', O_RDONLY))
    kernel.unmount('/')
    p.open('/f', O_RDONLY)
    fails('EBUSY', () => kernel.unmount('/'))
  })

  it('needs a directory, and an unmount a mount', () => {
    const { kernel, p } = unix()
    write(p, '/f')
    p.mkdir('/d')
    fails('ENOENT', () => kernel.mount('/x'))
    fails('ENOTDIR', () => kernel.mount('/f'))
    fails('ENOENT', () => kernel.unmount('/x'))
    fails('EINVAL', () => kernel.unmount('/f'))
    fails('EINVAL', () => kernel.unmount('/d'))
  })

  it('is revoked for who has it open when it goes, or stays if asked to', () => {
    const { kernel, p } = mounted()
    const notes = watchPath(p, '/m')
    const fd = p.open('/m/f', O_RDWR | O_CREAT)
    p.unlink('/m/f')
    const kq = p.kqueue()
    p.kevent(kq, [
      EV_SET(fd, EVFILT_READ, EV_ADD),
      EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_ONESHOT, NOTE_REVOKE),
    ])
    fails('EBUSY', () => kernel.tree.unmount('/m', { force: false }))
    assert.deepEqual(pending(p, kq), [])
    kernel.unmount('/m')
    assert.deepEqual(
      pending(p, kq)
        .sort((a, b) => b.filter - a.filter)
        .map(({ flags, fflags }) => [flags, fflags]),
      [
        [EV_EOF | EV_ONESHOT, 0],
        [EV_EOF | EV_ONESHOT, NOTE_REVOKE],
      ],
    )
    assert.equal(notes(), 'WRITE REVOKE')
    fails('EIO', () => p.write(fd, 'x'))
    p.kevent(kq, [EV_SET(fd, EVFILT_READ, EV_ADD)])
    assert.equal(pending(p, kq)[0]?.flags, EV_EOF | EV_ONESHOT)
    p.close(fd)
  })
})

describe('EVFILT_FS', () => {
  it('reports mounts and unmounts, once', () => {
    const { kernel, p } = unix()
    p.mkdir('/m')
    const kq = p.kqueue()
    p.kevent(kq, [EV_SET(0, EVFILT_FS, EV_ADD, VQ_MOUNT | VQ_UNMOUNT)])
    p.kevent(kq, [EV_SET(1, EVFILT_FS, EV_ADD, VQ_UNMOUNT)])
    const seen = () => pending(p, kq).map(({ ident, fflags, data }) => [ident, fflags, data])
    assert.deepEqual(seen(), [])
    kernel.mount('/m')
    assert.deepEqual(seen(), [[0, VQ_MOUNT, 0]])
    kernel.unmount('/m')
    assert.deepEqual(seen().sort(), [
      [0, VQ_UNMOUNT, 0],
      [1, VQ_UNMOUNT, 0],
    ])
    kernel.mount('/m')
    kernel.unmount('/m')
    assert.equal(seen()[0]?.[1], VQ_MOUNT | VQ_UNMOUNT)
    assert.deepEqual(seen(), [])
  })

  it('says nothing of what fails', () => {
    const { kernel, p } = unix()
    const kq = p.kqueue()
    p.kevent(kq, [EV_SET(0, EVFILT_FS, EV_ADD, VQ_MOUNT | VQ_UNMOUNT)])
    fails('ENOENT', () => kernel.mount('/m'))
    fails('EBUSY', () => kernel.unmount('/'))
    assert.deepEqual(pending(p, kq), [])
  })

  it('is copied on fork', () => {
    const { kernel, p } = unix()
    const kq = p.kqueuex(KQUEUE_CPONFORK)
    p.kevent(kq, [EV_SET(0, EVFILT_FS, EV_ADD, VQ_MOUNT)])
    const child = p.fork()
    kernel.mount('/')
    for (const each of [p, child]) assert.equal(pending(each, kq)[0]?.fflags, VQ_MOUNT)
  })
})
