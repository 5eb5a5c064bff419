/** The file tree of the simulated kernel: paths, names, links, and the errors of each call. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from 'kqueue/sim'
import { fails, read, unix, write } from './watch.js'

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe('open', () => {
  it('makes a file with O_CREAT, once with O_EXCL', () => {
    const { p } = unix()
    fails('ENOENT', () => p.open('/f', O_RDWR))
    const fd = p.open('/f', O_RDWR | O_CREAT | O_EXCL)
    p.write(fd, 'abc')
    fails('EEXIST', () => p.open('/f', O_RDWR | O_CREAT | O_EXCL))
    assert.equal(read(p, '/f'), 'abc')
  })

  it('cuts the file with O_TRUNC', () => {
    const { p } = unix()
    write(p, '/f', 'hello')
    p.close(p.open('/f', O_WRONLY | O_TRUNC))
    assert.equal(read(p, '/f'), '')
  })

  it('writes at the end with O_APPEND, wherever the offset is', () => {
    const { p } = unix()
    write(p, '/f', 'hello')
    const fd = p.open('/f', O_RDWR | O_APPEND)
    p.lseek(fd, 1, 0)
    p.write(fd, '!')
    assert.equal(read(p, '/f'), 'hello!')
    assert.equal(p.lseek(fd, 0, 1), 6)
  })

  it('keeps reading and writing apart', () => {
    const { p } = unix()
    write(p, '/f', 'hello')
    const r = p.open('/f', O_RDONLY)
    const w = p.open('/f', O_WRONLY)
    fails('EBADF', () => p.write(r, 'x'))
    fails('EBADF', () => p.read(w, 1))
    fails('EINVAL', () => p.ftruncate(r, 0))
    fails('EINVAL', () => p.open('/f', 3))
  })

  it('opens directories for reading only', () => {
    const { p } = unix()
    p.mkdir('/d')
    write(p, '/f')
    const fd = p.open('/d', O_RDONLY | O_DIRECTORY)
    fails('EISDIR', () => p.read(fd, 1))
    for (const flags of [O_WRONLY, O_RDWR, O_CREAT, O_TRUNC]) {
      fails('EISDIR', () => p.open('/d', flags))
    }
    fails('ENOTDIR', () => p.open('/f', O_RDONLY | O_DIRECTORY))
    fails('EINVAL', () => p.open('/g', O_CREAT | O_DIRECTORY))
  })
})

describe('A path', () => {
  it('may have slashes too many, dots, and be relative', () => {
    const { p } = unix()
    p.mkdir('/a')
    p.mkdir('a//b/')
    write(p, '/a/./b/../b//f', 'x')
    assert.equal(read(p, 'a/b/f'), 'x')
    assert.equal(read(p, '/../../a/b/f'), 'x')
  })

  it('leads through directories only', () => {
    const { p } = unix()
    write(p, '/f')
    fails('ENOTDIR', () => p.open('/f/g', O_RDONLY))
    fails('ENOTDIR', () => p.open('/f/', O_RDONLY))
    fails('ENOENT', () => p.open('/none/g', O_RDWR | O_CREAT))
    fails('EISDIR', () => p.open('/new/', O_RDWR | O_CREAT))
    fails('ENOENT', () => p.open('', O_RDONLY))
  })

  it('starts where the process is, which may be nowhere', () => {
    const { kernel, p } = unix()
    const { tree } = kernel
    p.mkdir('/a')
    p.mkdir('/a/b')
    const caller = { pid: 1, cwd: tree.directory(p, '/a/b'), umask: 0o022 }
    tree.mkdir(caller, '../c')
    assert.equal(tree.stat(p, '/a/c').mode, 0o755)
    tree.open(caller, 'f', O_WRONLY | O_CREAT).release()
    assert.equal(tree.stat(p, '/a/b/f').mode, 0o644)
    tree.unlink(caller, './f')
    tree.rmdir(caller, '../b')
    fails('ENOENT', () => tree.mkdir(caller, 'd'))
    fails('ENOENT', () => tree.rename(caller, '/a/c', 'c'))
    fails('ENOTDIR', () => tree.directory(p, write(p, '/f') ?? '/f'))
  })

  it('has a limit, and so has each name', () => {
    const { p } = unix()
    p.mkdir(`/${'n'.repeat(255)}`)
    fails('ENAMETOOLONG', () => p.mkdir(`/${'n'.repeat(256)}`))
    fails('ENAMETOOLONG', () => p.open('/x'.repeat(2048), O_RDONLY))
    fails('EINVAL', () => p.open('/a\0b', O_RDONLY))
    assert.throws(() => p.open(7 as unknown as string, O_RDONLY), TypeError)
  })
})

describe('A regular file', () => {
  it('is read from its offset, and 0 bytes at the end', () => {
    const { p } = unix()
    write(p, '/f', 'hello world')
    const fd = p.open('/f', O_RDONLY)
    assert.equal(text(p.read(fd, 5)), 'hello')
    assert.equal(text(p.read(fd, 100)), ' world')
    assert.equal(p.read(fd, 100).length, 0)
    assert.equal(p.lseek(fd, -5, 2), 6)
    assert.equal(text(p.read(fd, 100)), 'world')
    fails('EINVAL', () => p.lseek(fd, -1, 0))
    fails('EINVAL', () => p.lseek(fd, 0, 9))
  })

  it('has zeros where nothing was written', () => {
    const { p } = unix()
    const fd = p.open('/f', O_RDWR | O_CREAT)
    p.lseek(fd, 3, 0)
    p.write(fd, 'x')
    p.ftruncate(fd, 6)
    p.ftruncate(fd, 2)
    p.ftruncate(fd, 5)
    p.lseek(fd, 0, 0)
    assert.deepEqual([...p.read(fd, 10)], [0, 0, 0, 0, 0])
  })

  it('has at most 2^31 bytes', () => {
    const { kernel, p } = unix()
    const fd = p.open('/f', O_RDWR | O_CREAT)
    p.ftruncate(fd, 2 ** 31)
    assert.equal(kernel.tree.stat(p, '/f').size, 2 ** 31)
    fails('EFBIG', () => p.ftruncate(fd, 2 ** 31 + 1))
    p.lseek(fd, 2 ** 31, 0)
    fails('EFBIG', () => p.write(fd, 'x'))
    fails('EINVAL', () => p.ftruncate(fd, -1))
  })

  it('lives on without a name while it is open, and gives its name away', () => {
    const { kernel, p } = unix()
    write(p, '/f', 'old')
    const fd = p.open('/f', O_RDWR)
    p.unlink('/f')
    fails('ENOENT', () => p.open('/f', O_RDONLY))
    write(p, '/f', 'new')
    p.lseek(fd, 0, 2)
    p.write(fd, 'er')
    p.lseek(fd, 0, 0)
    assert.equal(text(p.read(fd, 10)), 'older')
    assert.equal(read(p, '/f'), 'new')
    assert.equal(kernel.tree.mounts.root.files.size, 1)
    p.close(fd)
    assert.equal(kernel.tree.mounts.root.files.size, 0)
  })

  it('can have several names', () => {
    const { kernel, p } = unix()
    write(p, '/f', 'x')
    p.mkdir('/d')
    p.link('/f', '/d/g')
    assert.equal(kernel.tree.stat(p, '/f').nlink, 2)
    assert.equal(kernel.tree.stat(p, '/f').ino, kernel.tree.stat(p, '/d/g').ino)
    p.unlink('/f')
    assert.equal(read(p, '/d/g'), 'x')
    assert.equal(kernel.tree.stat(p, '/d/g').nlink, 1)
  })
})

describe('mkdir, rmdir, unlink, link', () => {
  it('count the links of directories', () => {
    const { kernel, p } = unix()
    const nlink = (path: string) => kernel.tree.stat(p, path).nlink
    assert.equal(nlink('/'), 2)
    p.mkdir('/d')
    p.mkdir('/d/e')
    assert.deepEqual([nlink('/'), nlink('/d'), nlink('/d/e')], [3, 3, 2])
    p.rename('/d/e', '/e')
    assert.deepEqual([nlink('/'), nlink('/d')], [4, 2])
    p.rmdir('/e')
    p.rmdir('/d')
    assert.equal(nlink('/'), 2)
  })

  it('keep the mode, and change it', () => {
    const { kernel, p } = unix()
    p.mkdir('/d', 0o700)
    p.close(p.open('/f', O_WRONLY | O_CREAT, 0o640))
    assert.equal(kernel.tree.stat(p, '/d').mode, 0o700)
    assert.equal(kernel.tree.stat(p, '/f').mode, 0o640)
    p.chmod('/f', 0o100604)
    assert.equal(kernel.tree.stat(p, '/f').mode, 0o604)
    fails('ENOENT', () => p.chmod('/g', 0))
  })

  it('fail as on a real kernel', () => {
    const { p } = unix()
    p.mkdir('/d')
    write(p, '/d/f')
    fails('EEXIST', () => p.mkdir('/d'))
    fails('EEXIST', () => p.mkdir('/'))
    fails('ENOENT', () => p.mkdir('/x/y'))
    fails('ENOTDIR', () => p.mkdir('/d/f/g'))
    fails('ENOTEMPTY', () => p.rmdir('/d'))
    fails('EINVAL', () => p.rmdir('/d/.'))
    fails('ENOTEMPTY', () => p.rmdir('/d/..'))
    fails('EBUSY', () => p.rmdir('/'))
    fails('ENOTDIR', () => p.rmdir('/d/f'))
    fails('ENOENT', () => p.rmdir('/x'))
    fails('EISDIR', () => p.unlink('/d'))
    fails('ENOENT', () => p.unlink('/d/x'))
    fails('EPERM', () => p.link('/d', '/e'))
    fails('EEXIST', () => p.link('/d/f', '/d'))
    fails('ENOENT', () => p.link('/x', '/y'))
  })

  it('say in which path and why', () => {
    const { p } = unix()
    assert.throws(() => p.open('/no/such', O_RDONLY), {
      code: 'ENOENT',
      errno: -2,
      syscall: 'open',
      message: 'ENOENT: no such entry, open: /no/such: there is no no',
    })
  })
})

describe('rename', () => {
  it('moves files and directories, and replaces what is there', () => {
    const { p } = unix()
    p.mkdir('/a')
    p.mkdir('/b')
    write(p, '/a/f', 'one')
    write(p, '/b/g', 'two')
    p.rename('/a/f', '/b/g')
    assert.equal(read(p, '/b/g'), 'one')
    p.rename('/b', '/a')
    assert.equal(read(p, '/a/g'), 'one')
    fails('ENOENT', () => p.open('/b', O_RDONLY))
    p.mkdir('/a/sub')
    p.rename('/a/sub', '/top')
    write(p, '/top/../top/h', 'x')
    assert.equal(read(p, '/top/h'), 'x')
  })

  it('does nothing to two names of one file', () => {
    const { kernel, p } = unix()
    write(p, '/f', 'x')
    p.link('/f', '/g')
    p.rename('/f', '/g')
    p.rename('/f', '/f')
    assert.deepEqual(kernel.tree.readdir(p, '/'), ['f', 'g'])
  })

  it('fails as on a real kernel, and leaves all as it was', () => {
    const { kernel, p } = unix()
    p.mkdir('/d')
    p.mkdir('/d/e')
    p.mkdir('/full')
    write(p, '/full/f')
    write(p, '/f')
    fails('EINVAL', () => p.rename('/d', '/d/e/g'))
    fails('EINVAL', () => p.rename('/d', '/d/g'))
    fails('EINVAL', () => p.rename('/d/.', '/g'))
    fails('EINVAL', () => p.rename('/d', '/d/e/..'))
    fails('EBUSY', () => p.rename('/', '/g'))
    fails('ENOTEMPTY', () => p.rename('/d', '/full'))
    fails('EISDIR', () => p.rename('/f', '/d'))
    fails('ENOTDIR', () => p.rename('/d', '/f'))
    fails('ENOTDIR', () => p.rename('/f', '/g/'))
    fails('ENOENT', () => p.rename('/x', '/y'))
    fails('ENOENT', () => p.rename('/f', '/x/y'))
    assert.deepEqual(kernel.tree.readdir(p, '/'), ['d', 'full', 'f'])
    assert.deepEqual(kernel.tree.readdir(p, '/d'), ['e'])
  })
})

describe('A special file', () => {
  it('is opened by what stands behind it', () => {
    const { kernel, p } = unix()
    write(p, '/f', 'behind')
    const device = { open: (flags: number) => kernel.tree.open(p, '/f', flags) }
    kernel.tree.mknod(p, '/dev', device)
    assert.equal(read(p, '/dev'), 'behind')
    assert.equal(kernel.tree.stat(p, '/dev').type, 'special')
    fails('EEXIST', () => kernel.tree.mknod(p, '/dev', device))
    p.unlink('/dev')
    fails('ENOENT', () => p.open('/dev', O_RDONLY))
  })
})
