/**
 * What a scenario needs of a system: descriptors of each kind, a clock that
 * can be slept on, and queues. Everything is synchronous, as the system calls
 * are, so that one scenario runs on real Linux, on the simulated kernel whose
 * clock is virtual, and on a C library. Descriptors are non-blocking; whatever
 * a scenario leaves open, the World closes. A call that fails throws an error
 * with the errno name in `code`.
 */
import type { Calls } from 'kqueue'
import type { Change, FilterOps, Kevent, Knlist, Timeout } from 'kqueue/core'

/** What not every World has; a scenario says which it needs. */
export type Capability =
  | 'fifo'
  | 'file'
  | 'socketpair'
  | 'tcp'
  | 'unix'
  | 'udp'
  | 'pty'
  | 'eventfd'
  /** poll(2) of a queue's descriptor. */
  | 'poll'
  /** Filters that the program adds. */
  | 'filters'
  | 'sysctl'
  /** The kernel is told of every close, even where the same file comes back under its number. */
  | 'told-of-close'
  /** The kernel shows that this side was shut down for writing. */
  | 'told-of-shutdown'
  /** Children that do as they are told, and `processes` but for `fork`. */
  | 'processes'
  /** A child that is a copy of the World: `processes.fork`. */
  | 'fork'
  /** It gets the lowest number that the World has free; a Node.js that starts has taken some. */
  | 'lowest-number'
  /** A duplicate of a queue's descriptor is that queue. */
  | 'queue-duplicates'
  /** It executes another program, which has the queues. */
  | 'exec-after-fork'
  /** It has the filters that the program has added, and what these call. */
  | 'filters-after-fork'
  /** It shares the limits of the system. */
  | 'common-limits'
  /** `calls`, with images of queues. */
  | 'images'
  /** What a signal does can be chosen: `processes.sigaction`. */
  | 'sigaction'
  /** A process that ignores SIGCHLD, which is counted all the same, has no zombies. */
  | 'no-zombies'
  /** The system tells of forks and execs: `NOTE_FORK`, `NOTE_EXEC`, `NOTE_TRACK`. */
  | 'forks'
  /** The status of a process is told even if it was waited for. */
  | 'late-status'
  /** A listening socket tells how many connections wait. */
  | 'accept-queue'
  /** A TCP socket tells how much was taken. */
  | 'bytes-acked'
  /** A pid is soon used again. */
  | 'few-pids'
  /** A process descriptor also tells of fork and exec. */
  | 'procdesc-all'
  /** Out-of-band data by TCP. */
  | 'oob'
  /** `tree`. */
  | 'tree'
  /** `mounts`. */
  | 'mount'
  /** Unmounting revokes what is open in the file system. */
  | 'revoke'
  /** `network`. */
  | 'network'
  /** `aio`. */
  | 'aio'

/** One queue: `kevent` as in the public API, with `nevents` 0 by default. */
export interface Queue {
  readonly fd: number
  kevent(changes?: readonly Change[], nevents?: number, timeout?: Timeout): Kevent[]
  close(): void
}

/** Filters at run time, as in `kqueue/core`. */
export interface FilterTable {
  kqueue_add_filteropts(filter: number, ops: FilterOps): void
  kqueue_del_filteropts(filter: number): void
  kfilter_register(name: string, ops: FilterOps): number
  kfilter_unregister(name: string): void
  newKnlist(): Knlist
}

/** `r` an existing file, `w` and `rw` make it, `a` makes it and appends. */
export type OpenMode = 'r' | 'w' | 'a' | 'rw'

/** More to do with names; those of files in a directory are 'directory/name'. */
export interface TreeCalls {
  mkdir(name: string): void
  rmdir(name: string): void
  link(from: string, to: string): void
  chmod(name: string, mode: number): void
}

/** File systems that come and go. */
export interface MountCalls {
  /** On a directory. */
  mount(name: string): void
  unmount(name: string): void
}

/** A network interface. */
export interface NetworkCalls {
  readonly ifindex: number
  link(state: 'up' | 'down'): void
}

/** A request for asynchronous I/O, as far as it has gone. */
export interface AioRequest {
  readonly ident: number
  /** Bytes, -1 for an error, null while it goes on. */
  result(): number | null
  cancel(): void
}

export interface AioCalls {
  read(fd: number, buffer: Uint8Array, offset: number, queue: Queue, udata?: unknown): AioRequest
  write(fd: number, bytes: Uint8Array, offset: number, queue: Queue, udata?: unknown): AioRequest
  /** Writes these one after the other at the beginnings given; the ident of the list. */
  list(writes: { fd: number; bytes: Uint8Array; offset: number }[], queue: Queue): number
}

/** A signal by name. */
export type SignalName = 'SIGCHLD' | 'SIGKILL' | 'SIGTERM' | 'SIGUSR1' | 'SIGUSR2'

/** Another process, which does as it is told. */
export interface Child {
  readonly pid: number
  /** A child of this child. */
  fork(): Child
  exec(): void
  exit(status: number): void
}

/** A child that is the copy of a World, with the same descriptors. */
export interface Forked
  extends Child,
    Pick<World, 'accept' | 'close' | 'kqueue' | 'read' | 'write'> {
  fork(): Forked
  /** The queue that it has under a number: one of `inheritedKqueues()`, EBADF for others. */
  queue(fd: number): Queue
}

/** Processes and signals. */
export interface Processes {
  readonly pid: number
  spawn(): Child
  fork(): Forked
  kill(pid: number, signal: SignalName): void
  /** How a child ended, as wait(2) encodes it; null when it has not. */
  waitpid(pid: number): number | null
  sigaction(signal: SignalName, disposition: 'default' | 'ignore' | (() => void)): void
  /** A descriptor for a process. */
  pdopen(pid: number): number
  /** A queue with KQUEUE_* flags. */
  kqueuex(flags: number): Queue
  setCloexec(fd: number, on: boolean): void
  setClofork(fd: number, on: boolean): void
  /** The number of pids before one is used again. */
  limitPids(highest: number): void
}

/** Out-of-band data. */
export interface OutOfBand {
  send(fd: number, data: string): number
  receive(fd: number): Uint8Array
}

export interface World {
  /** All that `import 'kqueue'` has, where this World has it. */
  readonly calls?: Calls
  /** Where a file of this World is, for calls that take a path. */
  path?(name: string): string

  kqueue(): Queue

  /** The reading and the writing end. */
  pipe(): [number, number]
  /** A pair of connected sockets. */
  socketpair(type: 'stream' | 'dgram'): [number, number]
  /** A socket that is not connected. */
  socket(kind: 'tcp' | 'udp'): number
  /** A listening socket on an address of its own. */
  listen(kind: 'tcp' | 'unix'): number
  /** A socket connected to the address of what `listen` gave, or on its way there. */
  connect(listener: number, how?: 'done' | 'started'): number
  accept(listener: number): number
  /** Two datagram sockets that send to each other over the loopback interface. */
  udpPair(): [number, number]
  /** A terminal without line editing: master and slave. */
  pty(): [number, number]
  eventfd(initial: number): number

  /** Files and fifos live in a directory of this World; `name` is a plain name. */
  mkfifo(name: string): void
  open(name: string, mode: OpenMode): number
  rename(from: string, to: string): void
  unlink(name: string): void
  ftruncate(fd: number, length: number): void
  /** To an offset from the beginning. */
  lseek(fd: number, offset: number): void

  read(fd: number, n: number): Uint8Array
  write(fd: number, data: Uint8Array | string): number
  shutdown(fd: number, how: 'read' | 'write' | 'both'): void
  dup(fd: number): number
  dup2(from: number, to: number): void
  close(fd: number): void

  /** Whether `fd` becomes readable within `timeout` ms, by poll(2). */
  readable(fd: number, timeout?: number): boolean

  sleep(ms: number): void
  /** A clock in ms that never goes back. */
  now(): number
  /** ms since the epoch. */
  time(): number

  // What not every World has: see Capability.
  readonly tree?: TreeCalls
  readonly mounts?: MountCalls
  readonly network?: NetworkCalls
  readonly aio?: AioCalls
  readonly processes?: Processes
  readonly oob?: OutOfBand

  readonly filters: FilterTable
  readonly sysctl: { kq_calloutmax: number; kq_knotemax: number }
}

/** A World in which programs await. */
export type Awaiting = Required<Pick<World, 'calls' | 'path' | 'processes' | 'tree' | 'aio'>>

/** A kind of World: where the scenarios run, and how to make a fresh one. */
export interface WorldKind {
  readonly name: string
  /** Makes a World, runs `use` in it, closes everything, throws if descriptors are left. */
  run(use: (world: World) => void): void | Promise<void>
  /** The same for a program that awaits; not where nothing can be awaited. */
  start?(program: (world: World & Awaiting) => Promise<void>): Promise<void>
  /** Asked before a World is made. */
  has(capability: Capability): boolean
  /** Whether that depends on which Linux this is, or on who runs this. */
  varies?(capability: Capability): boolean
  supports(filter: number): boolean
}
