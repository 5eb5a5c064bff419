/**
 * What a scenario needs of a system: descriptors of each kind, a clock that
 * can be slept on, and queues. Everything is synchronous, as the system calls
 * are, so that one scenario runs on real Linux, on the simulated kernel whose
 * clock is virtual, and on a C library. Descriptors are non-blocking; whatever
 * a scenario leaves open, the World closes. A call that fails throws an error
 * with the errno name in `code`.
 */
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

export interface World {
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

  readonly filters: FilterTable
  readonly sysctl: { kq_calloutmax: number }
}

/** A kind of World: where the scenarios run, and how to make a fresh one. */
export interface WorldKind {
  readonly name: string
  /** Makes a World, runs `use` in it, closes everything, throws if descriptors are left. */
  run(use: (world: World) => void): void
  /** Asked before a World is made. */
  has(capability: Capability): boolean
  supports(filter: number): boolean
}
