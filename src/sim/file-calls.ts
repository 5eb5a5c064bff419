/**
 * The system calls on files of a process: what opens them, and what is done to all
 * kinds of them. Nothing blocks: where a real call would wait, these throw EAGAIN, as
 * if all descriptors had O_NONBLOCK.
 */
import { wrongType } from '../core/copyin.js'
import { EINVAL, EPIPE, KqueueError } from '../errors.js'
import type { Descriptors } from './descriptors.js'
import type { Directory } from './directory.js'
import { EventFile } from './eventfd.js'
import { O_CLOEXEC, SEEK_SET } from './fcntl.js'
import { Fifo } from './fifo.js'
import type { SimFile } from './file.js'
import type { SimKernel } from './kernel.js'
import { Pipe } from './pipe.js'
import { openTerminal } from './terminal.js'
import { encode } from './utf8.js'
import type { Stat } from './vnode.js'

export abstract class FileCalls {
  abstract readonly kernel: SimKernel
  abstract readonly pid: number
  abstract readonly descriptors: Descriptors
  /** Where relative paths start. */
  abstract cwd: Directory

  /** A call begins. @throws KqueueError ESRCH the process has exited */
  protected abstract enter(syscall: string): void
  /** A broken pipe was written to. */
  protected abstract brokenPipe(): void

  /** The open file behind a descriptor, null for none. */
  fget(fd: number): SimFile | null {
    return this.descriptors.fget(fd)
  }

  /**
   * The open file behind a descriptor, for a call that begins.
   * @throws KqueueError EBADF
   */
  protected file(fd: number, syscall: string): SimFile {
    this.enter(syscall)
    return this.descriptors.get(fd, syscall).file
  }

  // Paths

  /**
   * open(2): a descriptor.
   * @param flags O_RDONLY, O_WRONLY or O_RDWR, with O_CREAT, O_EXCL, O_TRUNC, O_APPEND,
   *   O_DIRECTORY, O_CLOEXEC
   * @throws KqueueError EMFILE; otherwise as `Tree.open`; ENXIO a fifo that nobody reads
   */
  open(path: string, flags: number, mode?: number): number {
    this.enter('open')
    const file = this.kernel.tree.open(this, path, flags, mode)
    return this.descriptors.install(file, 'open', (flags & O_CLOEXEC) !== 0)
  }

  /** mkdir(2). Throws as `Tree.mkdir`. */
  mkdir(path: string, mode?: number): void {
    this.enter('mkdir')
    this.kernel.tree.mkdir(this, path, mode)
  }

  /** mkfifo(2). Throws as `Tree.mknod`. */
  mkfifo(path: string, mode?: number): void {
    this.enter('mkfifo')
    this.kernel.tree.mknod(this, path, new Fifo(), mode)
  }

  /** unlink(2). Throws as `Tree.unlink`. */
  unlink(path: string): void {
    this.enter('unlink')
    this.kernel.tree.unlink(this, path)
  }

  /** rmdir(2). Throws as `Tree.rmdir`. */
  rmdir(path: string): void {
    this.enter('rmdir')
    this.kernel.tree.rmdir(this, path)
  }

  /** rename(2). Throws as `Tree.rename`. */
  rename(from: string, to: string): void {
    this.enter('rename')
    this.kernel.tree.rename(this, from, to)
  }

  /** link(2). Throws as `Tree.link`. */
  link(from: string, to: string): void {
    this.enter('link')
    this.kernel.tree.link(this, from, to)
  }

  /** chmod(2). Throws as `Tree.chmod`. */
  chmod(path: string, mode: number): void {
    this.enter('chmod')
    this.kernel.tree.chmod(this, path, mode)
  }

  /** stat(2). Throws as `Tree.stat`. */
  stat(path: string): Stat {
    this.enter('stat')
    return this.kernel.tree.stat(this, path)
  }

  /** The names in a directory. Throws as `Tree.readdir`. */
  readdir(path: string): string[] {
    this.enter('readdir')
    return this.kernel.tree.readdir(this, path)
  }

  /** chdir(2). Throws as `Tree.directory`. */
  chdir(path: string): void {
    this.enter('chdir')
    this.cwd = this.kernel.tree.directory(this, path)
  }

  // Files without a path

  /**
   * pipe(2): the end that reads and the end that writes.
   * @throws KqueueError EMFILE
   */
  pipe(): [number, number] {
    this.enter('pipe')
    const pipe = new Pipe()
    const reader = pipe.open({ read: true, write: false })
    const writer = pipe.open({ read: false, write: true })
    return this.installBoth(reader, writer, 'pipe')
  }

  /** openpty(3): the master and the slave of a terminal without line editing. @throws KqueueError EMFILE */
  openpty(): [number, number] {
    this.enter('openpty')
    const [master, slave] = openTerminal()
    return this.installBoth(master, slave, 'openpty')
  }

  /**
   * eventfd(2): a counter, read and written as 8 bytes, little end first.
   * @throws KqueueError EINVAL not a whole number of 32 bits, EMFILE
   */
  eventfd(initial = 0): number {
    this.enter('eventfd')
    if (!Number.isInteger(initial) || initial < 0 || initial > 0xffffffff) {
      throw new KqueueError(EINVAL, 'eventfd', {
        reason: `a counter starts at a whole number of 32 bits, not ${String(initial)}`,
      })
    }
    return this.descriptors.install(new EventFile(initial), 'eventfd')
  }

  /** Two descriptors, or none. */
  protected installBoth(one: SimFile, other: SimFile, syscall: string): [number, number] {
    const first = this.descriptors.install(one, syscall)
    try {
      return [first, this.descriptors.install(other, syscall)]
    } catch (error) {
      this.descriptors.close(first)
      throw error
    }
  }

  // Descriptors

  /**
   * read(2): up to `n` bytes, none at the end of the file.
   * @throws KqueueError EBADF; EAGAIN there is nothing yet; EINVAL `n`, or a file that
   *   cannot be read; EISDIR, EIO, ENOTCONN; the error of a connection
   */
  read(fd: number, n: number): Uint8Array {
    const file = this.file(fd, 'read')
    return file.read(byteCount(n, 'read'))
  }

  /**
   * write(2): the number of bytes for which there was room. Text is written as UTF-8.
   * @throws KqueueError EBADF; EAGAIN there is no room; EPIPE nobody reads, with SIGPIPE;
   *   EINVAL a file that cannot be written; EISDIR, EIO, EFBIG, ENOTCONN; the error of a
   *   connection. TypeError for neither bytes nor text.
   */
  write(fd: number, data: Uint8Array | string): number {
    const file = this.file(fd, 'write')
    const bytes = toBytes(data)
    return this.writing(() => file.write(bytes))
  }

  /** A call that may find its pipe broken: SIGPIPE goes with EPIPE. */
  protected writing(call: () => number): number {
    try {
      return call()
    } catch (error) {
      if (error instanceof KqueueError && error.errno === -EPIPE) this.brokenPipe()
      throw error
    }
  }

  /** ftruncate(2). @throws KqueueError EBADF, EINVAL, EFBIG */
  ftruncate(fd: number, length: number): void {
    this.file(fd, 'ftruncate').truncate(length)
  }

  /**
   * lseek(2): the offset from the beginning.
   * @param whence SEEK_SET, the default, SEEK_CUR or SEEK_END
   * @throws KqueueError EBADF, EINVAL; ESPIPE a file without an offset
   */
  lseek(fd: number, offset: number, whence = SEEK_SET): number {
    return this.file(fd, 'lseek').seek(offset, whence)
  }

  /** close(2): the knotes of the descriptor go at once. @throws KqueueError EBADF */
  close(fd: number): void {
    this.enter('close')
    this.descriptors.close(fd)
  }

  /** dup(2): the lowest free number for the same open file. @throws KqueueError EBADF, EMFILE */
  dup(fd: number): number {
    const file = this.file(fd, 'dup')
    return this.descriptors.install(file, 'dup')
  }

  /**
   * dup2(2): `to` becomes another number for the open file of `from`; what it was is
   * closed. Nothing happens when they are the same. Answers `to`.
   * @throws KqueueError EBADF
   */
  dup2(from: number, to: number): number {
    const file = this.file(from, 'dup2')
    if (from !== to) this.descriptors.replace(to, file)
    return to
  }

  /** Whether the descriptor is closed by exec: FD_CLOEXEC. @throws KqueueError EBADF */
  setCloexec(fd: number, on: boolean): void {
    this.enter('fcntl')
    this.descriptors.get(fd, 'fcntl').cloexec = on
  }

  /** Whether the descriptor is left out by fork: FD_CLOFORK. @throws KqueueError EBADF */
  setClofork(fd: number, on: boolean): void {
    this.enter('fcntl')
    this.descriptors.get(fd, 'fcntl').clofork = on
  }
}

/** A number of bytes. @throws KqueueError EINVAL */
export function byteCount(n: unknown, syscall: string): number {
  if (Number.isSafeInteger(n) && (n as number) >= 0) return n as number
  throw new KqueueError(EINVAL, syscall, { reason: `${String(n)} is not a number of bytes` })
}

/** Bytes, or text as UTF-8. @throws TypeError */
export function toBytes(data: Uint8Array | string): Uint8Array {
  if (typeof data === 'string') return encode(data)
  if (data instanceof Uint8Array) return data
  throw wrongType('data', 'a Uint8Array or a string', data)
}
