/**
 * A process of the simulated kernel as its program has it: the system calls as methods.
 * What they are made of is elsewhere: the process and its life in `proc.ts`, paths
 * in `tree.ts`, descriptors in `descriptors.ts`, the rest in files, sockets and queues.
 *
 * No call on a file blocks: where a real one would wait, these throw EAGAIN, as if all
 * descriptors had O_NONBLOCK.
 */
import type { Calls } from '../api/bind-all.js'
import { kevent, NEVENTS } from '../api/kqueue.js'
import {
  ChangeBuffer,
  checkFlags,
  eventCount,
  givenTimeout,
  KQUEUE_FLAGS,
  nanoseconds,
  options,
  wrongType,
} from '../core/copyin.js'
import { EventArray, EventList } from '../core/event-list.js'
import { EINVAL, EPIPE, fail, KqueueError } from '../errors.js'
import { type Change, type Kevent, KQUEUE_CLOEXEC, type Timeout } from '../event.js'
import type { Address, SocketKind } from './addresses.js'
import { byteCount, toBytes } from './bytes.js'
import { EventFile } from './eventfd.js'
import { O_CLOEXEC, SEEK_SET } from './fcntl.js'
import { Fifo } from './fifo.js'
import type { SimFile } from './file.js'
import type { SimKernel } from './kernel.js'
import { Pipe } from './pipe.js'
import { Proc } from './proc.js'
import { ProcessDescriptor } from './procdesc.js'
import { SimQueue } from './queue.js'
import { SIGNALS } from './signals.js'
import type { MessageOptions, Socket } from './socket.js'
import {
  asSocket,
  type ConnectOptions,
  connectSocket,
  makeSocket,
  shutdownSocket,
  socketPair,
  streamFor,
} from './socket-calls.js'
import { callsOf } from './system.js'
import { openTerminal } from './terminal.js'
import type { Tree } from './tree.js'
import type { Stat } from './vnode.js'

/** Connections that wait unless `listen` says otherwise: kern.ipc.soacceptqueue. */
const BACKLOG = 128

/** What `wait` takes. */
export interface WaitOptions {
  changelist?: readonly Change[] | null
  /** The most events to hand out, 64 by default. */
  nevents?: number
  /** How long to wait, for ever by default. */
  timeout?: Timeout
}

export class SimProcess extends Proc {
  declare readonly kernel: SimKernel
  #system: Calls | undefined

  constructor(kernel: SimKernel, parent: SimProcess | null) {
    super(kernel, parent)
    kernel.addProcess(this)
  }

  /** Every export of `kqueue`, for a program of this process. */
  get system(): Calls {
    this.#system ??= callsOf(this)
    return this.#system
  }

  // Life

  /**
   * fork(2): the child, which has the same open files. Queues are left out, or copied, as
   * their flags say. A child with a program runs it when its turn comes, as with
   * `kernel.spawn`.
   * @throws KqueueError EAGAIN there are too many processes
   */
  fork(program?: (p: SimProcess) => Promise<unknown> | unknown): SimProcess {
    this.enter('fork')
    if (program !== undefined && typeof program !== 'function') {
      throw wrongType('program', 'a function', program)
    }
    const child = new SimProcess(this.kernel, this)
    this.forked(child)
    if (program !== undefined) this.kernel.scheduler.start(child, program)
    return child
  }

  // Process descriptors

  /**
   * A descriptor for a process, zombies included: `pidfd_open(2)`. To close it does nothing
   * to the process.
   * @throws KqueueError ESRCH, EMFILE
   */
  pdopen(pid: number): number {
    this.enter('pdopen')
    const subject = this.find(pid, 'pdopen')
    return this.descriptors.install(new ProcessDescriptor(subject), 'pdopen', true)
  }

  /** The pid behind a process descriptor: pdgetpid(2). @throws KqueueError EBADF, EINVAL */
  pdgetpid(fd: number): number {
    const file = this.#file(fd, 'pdgetpid')
    if (file instanceof ProcessDescriptor) return file.subject.pid
    fail(EINVAL, 'pdgetpid', `${fd} is not a process descriptor`)
  }

  // Files

  /**
   * The open file behind a descriptor, for a call that begins.
   * @throws KqueueError EBADF
   */
  #file(fd: number, syscall: string): SimFile {
    this.enter(syscall)
    return this.descriptors.get(fd, syscall).file
  }

  // Paths

  /** The file tree, for a call that begins. */
  #tree(syscall: string): Tree {
    this.enter(syscall)
    return this.kernel.tree
  }

  /**
   * open(2): a descriptor.
   * @param flags O_RDONLY, O_WRONLY or O_RDWR, with O_CREAT, O_EXCL, O_TRUNC, O_APPEND,
   *   O_DIRECTORY, O_CLOEXEC
   * @throws KqueueError EMFILE; otherwise as `Tree.open`; ENXIO a fifo that nobody reads
   */
  open(path: string, flags: number, mode?: number): number {
    const file = this.#tree('open').open(this, path, flags, mode)
    return this.descriptors.install(file, 'open', (flags & O_CLOEXEC) !== 0)
  }

  /** mkdir(2). Throws as `Tree.mkdir`. */
  mkdir(path: string, mode?: number): void {
    this.#tree('mkdir').mkdir(this, path, mode)
  }

  /** mkfifo(2). Throws as `Tree.mknod`. */
  mkfifo(path: string, mode?: number): void {
    this.#tree('mkfifo').mknod(this, path, new Fifo(), mode)
  }

  /** unlink(2). Throws as `Tree.unlink`. */
  unlink(path: string): void {
    this.#tree('unlink').unlink(this, path)
  }

  /** rmdir(2). Throws as `Tree.rmdir`. */
  rmdir(path: string): void {
    this.#tree('rmdir').rmdir(this, path)
  }

  /** rename(2). Throws as `Tree.rename`. */
  rename(from: string, to: string): void {
    this.#tree('rename').rename(this, from, to)
  }

  /** link(2). Throws as `Tree.link`. */
  link(from: string, to: string): void {
    this.#tree('link').link(this, from, to)
  }

  /** chmod(2). Throws as `Tree.chmod`. */
  chmod(path: string, mode: number): void {
    this.#tree('chmod').chmod(this, path, mode)
  }

  /** stat(2). Throws as `Tree.stat`. */
  stat(path: string): Stat {
    return this.#tree('stat').stat(this, path)
  }

  /** The names in a directory. Throws as `Tree.readdir`. */
  readdir(path: string): string[] {
    return this.#tree('readdir').readdir(this, path)
  }

  /** chdir(2). Throws as `Tree.directory`. */
  chdir(path: string): void {
    this.cwd = this.#tree('chdir').directory(this, path)
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
    return this.descriptors.installBoth(reader, writer, 'pipe')
  }

  /** openpty(3): the master and the slave of a terminal without line editing. @throws KqueueError EMFILE */
  openpty(): [number, number] {
    this.enter('openpty')
    const [master, slave] = openTerminal()
    return this.descriptors.installBoth(master, slave, 'openpty')
  }

  /**
   * eventfd(2): a counter, read and written as 8 bytes, little end first.
   * @throws KqueueError EINVAL not a whole number of 32 bits, EMFILE
   */
  eventfd(initial = 0): number {
    this.enter('eventfd')
    if (!Number.isInteger(initial) || initial < 0 || initial > 0xffffffff) {
      const reason = `a counter starts at a whole number of 32 bits, not ${String(initial)}`
      fail(EINVAL, 'eventfd', reason)
    }
    return this.descriptors.install(new EventFile(initial), 'eventfd')
  }

  // Descriptors

  /**
   * read(2): up to `n` bytes, none at the end of the file.
   * @throws KqueueError EBADF; EAGAIN there is nothing yet; EINVAL `n`, or a file that
   *   cannot be read; EISDIR, EIO, ENOTCONN; the error of a connection
   */
  read(fd: number, n: number): Uint8Array {
    const file = this.#file(fd, 'read')
    return file.read(byteCount(n, 'read'))
  }

  /**
   * write(2): the number of bytes for which there was room. Text is written as UTF-8.
   * @throws KqueueError EBADF; EAGAIN there is no room; EPIPE nobody reads, with SIGPIPE;
   *   EINVAL a file that cannot be written; EISDIR, EIO, EFBIG, ENOTCONN; the error of a
   *   connection. TypeError for neither bytes nor text.
   */
  write(fd: number, data: Uint8Array | string): number {
    const file = this.#file(fd, 'write')
    const bytes = toBytes(data)
    return this.#writing(() => file.write(bytes))
  }

  /** A call that may find its pipe broken: SIGPIPE goes with EPIPE. */
  #writing(call: () => number): number {
    try {
      return call()
    } catch (error) {
      if (error instanceof KqueueError && error.errno === -EPIPE) this.signal(SIGNALS.SIGPIPE)
      throw error
    }
  }

  /** ftruncate(2). @throws KqueueError EBADF, EINVAL, EFBIG */
  ftruncate(fd: number, length: number): void {
    this.#file(fd, 'ftruncate').truncate(length)
  }

  /**
   * lseek(2): the offset from the beginning.
   * @param whence SEEK_SET, the default, SEEK_CUR or SEEK_END
   * @throws KqueueError EBADF, EINVAL; ESPIPE a file without an offset
   */
  lseek(fd: number, offset: number, whence = SEEK_SET): number {
    return this.#file(fd, 'lseek').seek(offset, whence)
  }

  /** close(2): the knotes of the descriptor go at once. @throws KqueueError EBADF */
  close(fd: number): void {
    this.enter('close')
    this.descriptors.close(fd)
  }

  /** dup(2): the lowest free number for the same open file. @throws KqueueError EBADF, EMFILE */
  dup(fd: number): number {
    const file = this.#file(fd, 'dup')
    return this.descriptors.install(file, 'dup')
  }

  /**
   * dup2(2): `to` becomes another number for the open file of `from`; what it was is
   * closed. Nothing happens when they are the same. Answers `to`.
   * @throws KqueueError EBADF
   */
  dup2(from: number, to: number): number {
    const file = this.#file(from, 'dup2')
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

  // Sockets

  /**
   * socketpair(2): two Unix sockets that are connected.
   * @throws KqueueError EMFILE, EINVAL no such type
   */
  socketpair(type: 'stream' | 'dgram' = 'stream'): [number, number] {
    this.enter('socketpair')
    const [one, other] = socketPair(this.kernel, type)
    return this.descriptors.installBoth(one, other, 'socketpair')
  }

  /** socket(2): one that is not connected. @throws KqueueError EMFILE, EINVAL no such kind */
  socket(kind: SocketKind): number {
    this.enter('socket')
    return this.descriptors.install(makeSocket(this.kernel, kind), 'socket')
  }

  /** bind(2): any free address by default. @throws KqueueError EBADF, ENOTSOCK, EINVAL, EADDRINUSE */
  bind(fd: number, address?: Address): void {
    this.#socket(fd, 'bind').bind(address)
  }

  /** Where a socket is bound: getsockname(2). @throws KqueueError EBADF, ENOTSOCK */
  getsockname(fd: number): Address | undefined {
    return this.#socket(fd, 'getsockname').address
  }

  /**
   * A socket that listens at an address: a port, or the name of a Unix socket; a free
   * port by default. listen(2).
   * @param backlog the most connections that wait; more are refused
   * @throws KqueueError EMFILE, EADDRINUSE, EINVAL
   */
  listen(address: Address = 0, backlog = BACKLOG): number {
    this.enter('listen')
    const socket = streamFor(this.kernel, address)
    return this.descriptors.installOpen(socket, 'listen', () => {
      socket.bind(address)
      socket.listen(byteCount(backlog, 'listen'))
    })
  }

  /**
   * A socket that is connected to an address. connect(2).
   * @throws KqueueError ECONNREFUSED; EMFILE; for a socket that there is EBADF, ENOTSOCK,
   *   EISCONN, EALREADY, EINVAL
   */
  connect(address: Address, { socket, started = false }: ConnectOptions = {}): number {
    if (socket !== undefined) {
      connectSocket(this.#socket(socket, 'connect'), address, started)
      return socket
    }
    this.enter('connect')
    const made = streamFor(this.kernel, address)
    return this.descriptors.installOpen(made, 'connect', () => {
      connectSocket(made, address, started)
    })
  }

  /**
   * accept(2): a descriptor for the first connection that waits.
   * @throws KqueueError EBADF, ENOTSOCK, EMFILE; EINVAL it does not listen; EAGAIN none waits
   */
  accept(fd: number): number {
    const accepted = this.#socket(fd, 'accept').accept()
    return this.descriptors.install(accepted, 'accept')
  }

  /** shutdown(2). @throws KqueueError EBADF, ENOTSOCK, ENOTCONN, EINVAL */
  shutdown(fd: number, how: 'read' | 'write' | 'both'): void {
    shutdownSocket(this.#socket(fd, 'shutdown'), how)
  }

  /** send(2): as `write`; with `oob` the last byte is out of band. @throws KqueueError ENOTSOCK, ENOTSUP */
  send(fd: number, data: Uint8Array | string, options: MessageOptions = {}): number {
    const socket = this.#socket(fd, 'send')
    const bytes = toBytes(data)
    return this.#writing(() => socket.send(bytes, options))
  }

  /** recv(2): as `read`; with `oob` the out-of-band byte. @throws KqueueError ENOTSOCK, ENOTSUP, EINVAL */
  recv(fd: number, n: number, options: MessageOptions = {}): Uint8Array {
    return this.#socket(fd, 'recv').receive(byteCount(n, 'recv'), options)
  }

  #socket(fd: number, syscall: string): Socket {
    return asSocket(this.#file(fd, syscall), fd, syscall)
  }

  // Queues

  /** kqueue(2): the descriptor of a new queue. @throws KqueueError EMFILE */
  kqueue(): number {
    return this.kqueuex(0)
  }

  /**
   * kqueuex(2): the descriptor of a new queue.
   * @param flags KQUEUE_*
   * @throws KqueueError EINVAL other flags, EMFILE; TypeError
   */
  kqueuex(flags: number): number {
    this.enter('kqueue')
    checkFlags(flags, KQUEUE_FLAGS, 'kqueuex', 'KQUEUE_*')
    const queue = new SimQueue(this, flags)
    return this.descriptors.install(queue, 'kqueue', (flags & KQUEUE_CLOEXEC) !== 0)
  }

  /**
   * kevent(2): applies the changes, then hands out at most `nevents` events. With
   * `nevents` 0 it returns at once. While there are none it sleeps for at most `timeout`
   * ms by moving the clock from callout to callout; no other program runs meanwhile.
   *
   * @throws KqueueError EBADF `fd` is not open; EINVAL it is not a queue, `nevents` or `timeout`; EDEADLK it
   *   would sleep for ever, because nothing can happen any more; the error of a change for
   *   which there is no room: those before it have been applied. TypeError for values of
   *   a wrong type.
   */
  kevent(
    fd: number,
    changelist?: readonly Change[] | null,
    nevents = 0,
    timeout: Timeout | undefined = null,
  ): Kevent[] {
    const sink = new EventArray()
    const max = eventCount(nevents)
    const limit = givenTimeout(timeout)
    kevent(this.#queue(fd), new ChangeBuffer().read(changelist), sink, max, limit)
    return sink.events
  }

  /**
   * kevent(2) into a list that is used again and again: it has room for `list.capacity`
   * events. Answers how many there are. Otherwise like `kevent`.
   */
  keventInto(
    fd: number,
    changelist: readonly Change[] | null | undefined,
    list: EventList,
    timeout: Timeout | undefined = null,
  ): number {
    if (!(list instanceof EventList)) throw wrongType('list', 'an EventList', list)
    list.length = 0
    const limit = givenTimeout(timeout)
    const queue = this.#queue(fd)
    return kevent(queue, new ChangeBuffer().read(changelist), list, list.capacity, limit)
  }

  /**
   * kevent(2) for programs written as async functions: while it sleeps the others run.
   * Who waits for a queue first is served first, and no event is handed out twice. The
   * promise is settled in a turn that `kernel.run` or `kernel.settle` gives; when the
   * process exits it never is.
   *
   * @throws (rejects with) what `kevent` throws, except EDEADLK; EINTR a signal was handled
   *   before there were events; EBADF the queue was closed
   */
  async wait(fd: number, given: WaitOptions = {}): Promise<Kevent[]> {
    const { changelist, nevents = NEVENTS, timeout = null } = options(given, 'options')
    const max = eventCount(nevents)
    const limit = givenTimeout(timeout)
    const queue = this.#queue(fd)
    const { changes, length } = new ChangeBuffer().read(changelist)
    const sink = new EventArray()
    const errors = queue.change(changes, length, sink, max)
    if (errors === 0 && max > 0) {
      return queue.sleep(max, nanoseconds(limit), { interruptible: true })
    }
    await this.kernel.scheduler.pause(this)
    return sink.events
  }

  #queue(fd: number): SimQueue {
    const file = this.#file(fd, 'kevent')
    if (file instanceof SimQueue) return file
    fail(EINVAL, 'kevent', `${fd} is not the descriptor of a queue`)
  }
}
