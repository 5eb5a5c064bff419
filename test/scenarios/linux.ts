/**
 * The World on real Linux: queues through the package itself, descriptors by
 * raw system calls that the package does not hear of. Closing a World closes
 * whatever its scenario left open, then compares the descriptors of the process
 * with those before.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, renameSync, rmSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as calls from 'kqueue'
import {
  aio_read,
  aio_write,
  EVFILT_AIO,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_FS,
  EVFILT_LIO,
  EVFILT_NETDEV,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  Knlist,
  type Kqueue,
  kfilter_register,
  kfilter_unregister,
  kqueue,
  kqueue_add_filteropts,
  kqueue_del_filteropts,
  lio_listio,
  sysctl,
} from 'kqueue'
import * as posix from '../native/posix.js'
import {
  hasAcceptQueue,
  hasBytesAcked,
  hasConnector,
  hasLateStatus,
  hasNocldwait,
} from '../native/system.js'
import { aioCalls } from './aio-calls.js'
import { Forks } from './linux-fork.js'
import { Mounts, mayMount } from './linux-mounts.js'
import { Interface, mayMakeInterfaces } from './linux-network.js'
import { Puppets, processCalls } from './linux-processes.js'
import { Dispositions } from './linux-signals.js'
import { treeCalls } from './linux-tree.js'
import type {
  Capability,
  Forked,
  MountCalls,
  NetworkCalls,
  OpenMode,
  OutOfBand,
  Processes,
  Queue,
  TreeCalls,
  World,
  WorldKind,
} from './world.js'

const C = posix.constants
const NONBLOCK = C.O_NONBLOCK | C.O_CLOEXEC
const SOCKET_FLAGS = C.SOCK_NONBLOCK | C.SOCK_CLOEXEC

/** What this system has; what Linux does not tell anybody is left out. */
const CAPABILITIES: ReadonlySet<Capability> = new Set<Capability>([
  'fifo',
  'file',
  'socketpair',
  'tcp',
  'unix',
  'udp',
  'pty',
  'eventfd',
  'poll',
  'filters',
  'sysctl',
  'processes',
  'fork',
  'sigaction',
  'images',
  'tree',
  'oob',
  'aio',
])

/** What depends on who runs this, or on which Linux it is. */
const VARYING: Partial<Record<Capability, () => boolean>> = {
  mount: mayMount,
  network: mayMakeInterfaces,
  forks: hasConnector,
  'late-status': hasLateStatus,
  'accept-queue': hasAcceptQueue,
  'bytes-acked': hasBytesAcked,
  'no-zombies': hasNocldwait,
}

const FILTERS = new Set<number>([
  EVFILT_READ,
  EVFILT_WRITE,
  EVFILT_USER,
  EVFILT_TIMER,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  EVFILT_SIGNAL,
  EVFILT_FS,
  EVFILT_NETDEV,
  EVFILT_EXCEPT,
  EVFILT_EMPTY,
  EVFILT_AIO,
  EVFILT_LIO,
  EVFILT_VNODE,
])

const MODES: Record<OpenMode, number> = {
  r: C.O_RDONLY,
  w: C.O_WRONLY | C.O_CREAT,
  a: C.O_WRONLY | C.O_CREAT | C.O_APPEND,
  rw: C.O_RDWR | C.O_CREAT,
}

interface Address {
  readonly domain: number
  connect(client: number): void
}

/** A call that may go on by itself. */
function begin(call: () => void): void {
  try {
    call()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINPROGRESS') throw error
  }
}

class LinuxWorld implements World {
  readonly calls = calls
  readonly #directory = mkdtempSync(join(tmpdir(), 'kqueue-scenario-'))
  readonly #open = new Set<number>()
  readonly #queues = new Map<Queue, Kqueue>()
  #puppets: Puppets | undefined
  #processes: Processes | undefined
  #forks: Forks | undefined
  /** Descriptors that fork closes. */
  readonly #clofork = new Set<number>()
  readonly #signals = new Dispositions()
  #interface: Interface | undefined
  readonly #mounts = new Mounts(this.#directory)
  readonly mounts: MountCalls = this.#mounts
  readonly oob: OutOfBand = {
    send: (fd, data) => posix.send(fd, data, C.MSG_OOB),
    receive: (fd) => posix.recv(fd, 1, C.MSG_OOB),
  }
  readonly tree: TreeCalls = treeCalls(this.#directory)
  /** Where the listening sockets are. */
  readonly #addresses = new Map<number, Address>()
  #listeners = 0

  readonly filters = {
    kqueue_add_filteropts,
    kqueue_del_filteropts,
    kfilter_register,
    kfilter_unregister,
    newKnlist: () => new Knlist(),
  }
  readonly sysctl = sysctl
  readonly aio = aioCalls({ aio_read, aio_write, lio_listio }, (queue) => this.#queues.get(queue)!)

  #keep(fd: number): number {
    this.#open.add(fd)
    return fd
  }

  #keepBoth(pair: [number, number]): [number, number] {
    return [this.#keep(pair[0]), this.#keep(pair[1])]
  }

  /** Made on first use: most scenarios have no processes. */
  get processes(): Processes {
    if (this.#processes === undefined) {
      this.#puppets = new Puppets(join(this.#directory, 'puppets'))
      this.#processes = processCalls(
        this.#puppets,
        this.#signals,
        (fd) => this.#keep(fd),
        (kq) => this.#queue(kq),
        { fork: () => this.#fork(), setClofork: (fd, on) => this.#setClofork(fd, on) },
      )
    }
    return this.#processes
  }

  #fork(): Forked {
    this.#forks ??= new Forks(join(this.#directory, 'forks'))
    const { ignored } = this.#signals
    return this.#forks.fork({ descriptors: [...this.#open], closed: [...this.#clofork], ignored })
  }

  #setClofork(fd: number, on: boolean): void {
    if (on) this.#clofork.add(fd)
    else this.#clofork.delete(fd)
  }

  get network(): NetworkCalls {
    this.#interface ??= new Interface()
    return this.#interface
  }

  path(name: string): string {
    return join(this.#directory, name)
  }

  kqueue(): Queue {
    return this.#queue(kqueue())
  }

  #queue(kq: Kqueue): Queue {
    const queue: Queue = {
      fd: kq.fd,
      kevent: (changes, nevents, timeout) => {
        const events = kq.kevent(changes, nevents, timeout)
        this.#signals.callHandlers()
        return events
      },
      close: () => kq.close(),
    }
    this.#queues.set(queue, kq)
    return queue
  }

  pipe(): [number, number] {
    return this.#keepBoth(posix.pipe2(NONBLOCK))
  }

  socketpair(type: 'stream' | 'dgram'): [number, number] {
    const kind = type === 'stream' ? C.SOCK_STREAM : C.SOCK_DGRAM
    return this.#keepBoth(posix.socketpair(C.AF_UNIX, kind | SOCKET_FLAGS))
  }

  socket(kind: 'tcp' | 'udp'): number {
    const type = kind === 'tcp' ? C.SOCK_STREAM : C.SOCK_DGRAM
    return this.#keep(posix.socket(C.AF_INET, type | SOCKET_FLAGS))
  }

  listen(kind: 'tcp' | 'unix'): number {
    const domain = kind === 'tcp' ? C.AF_INET : C.AF_UNIX
    const fd = this.#keep(posix.socket(domain, C.SOCK_STREAM | SOCKET_FLAGS))
    let connect: (client: number) => void
    if (kind === 'tcp') {
      posix.bindInet(fd, '127.0.0.1', 0)
      const port = posix.getsocknamePort(fd)
      connect = (client) => posix.connectInet(client, '127.0.0.1', port)
    } else {
      const path = join(this.#directory, `socket${this.#listeners++}`)
      posix.bindUnix(fd, path)
      connect = (client) => posix.connectUnix(client, path)
    }
    this.#addresses.set(fd, { domain, connect })
    posix.listen(fd, 16)
    return fd
  }

  connect(listener: number, how: 'done' | 'started' = 'done'): number {
    const address = this.#addresses.get(listener)
    if (address === undefined) throw new TypeError(`${listener} does not listen`)
    const fd = this.#keep(posix.socket(address.domain, C.SOCK_STREAM | C.SOCK_CLOEXEC))
    if (how === 'done') address.connect(fd)
    posix.fcntl(fd, C.F_SETFL, C.O_NONBLOCK)
    if (how === 'started') begin(() => address.connect(fd))
    return fd
  }

  /** Waits for the connection: of TCP, the last packet may be on its way. */
  accept(listener: number): number {
    posix.poll(listener, C.POLLIN, 5000)
    return this.#keep(posix.accept(listener, SOCKET_FLAGS))
  }

  udpPair(): [number, number] {
    const pair = [this.socket('udp'), this.socket('udp')] as const
    for (const fd of pair) posix.bindInet(fd, '127.0.0.1', 0)
    posix.connectInet(pair[0], '127.0.0.1', posix.getsocknamePort(pair[1]))
    posix.connectInet(pair[1], '127.0.0.1', posix.getsocknamePort(pair[0]))
    return [pair[0], pair[1]]
  }

  pty(): [number, number] {
    const pair = this.#keepBoth(posix.openpty())
    const { status } = spawnSync('stty', ['raw', '-echo'], { stdio: [pair[1], 'ignore', 'ignore'] })
    if (status !== 0) throw new Error(`stty exited with ${status}`)
    for (const fd of pair) posix.fcntl(fd, C.F_SETFL, C.O_RDWR | C.O_NONBLOCK)
    return pair
  }

  eventfd(initial: number): number {
    return this.#keep(posix.eventfd(initial, C.EFD_NONBLOCK | C.EFD_CLOEXEC))
  }

  mkfifo(name: string): void {
    posix.mkfifo(join(this.#directory, name))
  }

  open(name: string, mode: OpenMode): number {
    return this.#keep(posix.open(join(this.#directory, name), MODES[mode] | NONBLOCK))
  }

  rename(from: string, to: string): void {
    renameSync(join(this.#directory, from), join(this.#directory, to))
  }

  unlink(name: string): void {
    unlinkSync(join(this.#directory, name))
  }

  ftruncate(fd: number, length: number): void {
    posix.ftruncate(fd, length)
  }

  lseek(fd: number, offset: number): void {
    posix.lseek(fd, offset, C.SEEK_SET)
  }

  read(fd: number, n: number): Uint8Array {
    return posix.read(fd, n)
  }

  write(fd: number, data: Uint8Array | string): number {
    return posix.write(fd, data)
  }

  shutdown(fd: number, how: 'read' | 'write' | 'both'): void {
    posix.shutdown(fd, { read: C.SHUT_RD, write: C.SHUT_WR, both: C.SHUT_RDWR }[how])
  }

  dup(fd: number): number {
    return this.#keep(posix.dup(fd))
  }

  dup2(from: number, to: number): void {
    this.#keep(posix.dup2(from, to))
  }

  close(fd: number): void {
    this.#open.delete(fd)
    posix.close(fd)
  }

  readable(fd: number, timeout = 0): boolean {
    return (posix.poll(fd, C.POLLIN, timeout) & C.POLLIN) !== 0
  }

  sleep(ms: number): void {
    posix.sleepNs(Math.round(ms * 1e6))
  }

  now(): number {
    return performance.now()
  }

  time(): number {
    return Date.now()
  }

  /** Closes the queues, the descriptors, and the directory; where it has forked, answers when the children are gone. */
  dispose(): Promise<void> | null {
    for (const queue of this.#queues.keys()) {
      try {
        queue.close()
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error
      }
    }
    for (const fd of this.#open) posix.close(fd)
    this.#signals.dispose()
    this.#puppets?.dispose()
    this.#mounts.dispose()
    this.#interface?.dispose()
    const gone = this.#forks?.dispose() ?? null
    rmSync(this.#directory, { recursive: true })
    return gone
  }
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** Answers when the children are gone, null where there are none. */
function runOnce(use: (world: World) => void): Promise<void> | null {
  const world = new LinuxWorld()
  let gone: Promise<void> | null = null
  try {
    use(world)
  } finally {
    gone = world.dispose()
  }
  return gone
}

/**
 * Runs a scenario and looks for descriptors that it leaves. Some are opened on
 * first use and kept for the life of the thread, so what is left is counted
 * from a second run.
 */
function run(use: (world: World) => void): void | Promise<void> {
  const before = descriptors()
  return after(runOnce(use), () => {
    const once = descriptors()
    if (once <= before) return
    return after(runOnce(use), () => {
      const left = descriptors() - once
      if (left > 0) throw new Error(`${left} descriptors are left open by each run`)
    })
  })
}

/** At once, if there is nothing to be waited for: not every program of scenarios awaits. */
function after(gone: Promise<void> | null, then: () => void | Promise<void>): void | Promise<void> {
  return gone === null ? then() : gone.then(then)
}

/** Real Linux under this Node.js. */
export const linux: WorldKind = {
  name: 'Linux',
  run,
  async start(program) {
    const world = new LinuxWorld()
    try {
      await program(world)
    } finally {
      await world.dispose()
    }
  },
  has: (capability) => CAPABILITIES.has(capability) || VARYING[capability]?.() === true,
  varies: (capability) => VARYING[capability] !== undefined,
  supports: (filter) => FILTERS.has(filter),
}
