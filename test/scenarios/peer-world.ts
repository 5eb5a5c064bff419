/**
 * The World of a peer: its queues, and descriptors by system calls. It is made
 * for one scenario in a process of its own, whose end closes what is left open.
 */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as calls from './peer-calls.js'
import type { FilterTable, OpenMode, Queue, TreeCalls, World } from './world.js'

const { O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants

const MODES: Record<OpenMode, number> = {
  r: O_RDONLY,
  w: O_WRONLY | O_CREAT,
  a: O_WRONLY | O_CREAT | O_APPEND,
  rw: O_RDWR | O_CREAT,
}

function setBoth(pair: [number, number]): [number, number] {
  for (const fd of pair) calls.setFlags(fd)
  return pair
}

export class PeerWorld implements World {
  readonly #makeQueue: () => Queue
  readonly #directory = mkdtempSync(join(tmpdir(), 'kqueue-peer-'))
  /** Where the listening sockets are. */
  readonly #addresses = new Map<number, Buffer>()

  readonly tree: TreeCalls = {
    mkdir: (name) => mkdirSync(this.#path(name)),
    rmdir: (name) => rmdirSync(this.#path(name)),
    link: (from, to) => linkSync(this.#path(from), this.#path(to)),
    chmod: (name, mode) => chmodSync(this.#path(name), mode),
  }

  constructor(makeQueue: () => Queue) {
    this.#makeQueue = makeQueue
  }

  get filters(): FilterTable {
    throw new TypeError('a peer has no filters that the program adds')
  }

  get sysctl(): never {
    throw new TypeError('the limits of a peer are its own')
  }

  #path(name: string): string {
    return join(this.#directory, name)
  }

  kqueue(): Queue {
    return this.#makeQueue()
  }

  pipe(): [number, number] {
    return setBoth(calls.pipe())
  }

  socketpair(type: 'stream' | 'dgram'): [number, number] {
    return setBoth(calls.socketpair(type === 'stream' ? calls.SOCK_STREAM : calls.SOCK_DGRAM))
  }

  socket(kind: 'tcp' | 'udp'): number {
    const type = kind === 'tcp' ? calls.SOCK_STREAM : calls.SOCK_DGRAM
    return calls.setFlags(calls.socket(calls.AF_INET, type))
  }

  listen(kind: 'tcp' | 'unix'): number {
    const unix = kind === 'unix'
    const fd = calls.socket(unix ? calls.AF_UNIX : calls.AF_INET, calls.SOCK_STREAM)
    let address = unix ? calls.unixAddress(this.#path(`socket${fd}`)) : calls.inetAddress(0)
    calls.bind(fd, address)
    if (!unix) address = calls.inetAddress(calls.getsocknamePort(fd))
    calls.listen(fd)
    this.#addresses.set(fd, address)
    return calls.setFlags(fd)
  }

  connect(listener: number, how: 'done' | 'started' = 'done'): number {
    const address = this.#addresses.get(listener)
    if (address === undefined) throw new TypeError(`${listener} does not listen`)
    const domain = address.length === 16 ? calls.AF_INET : calls.AF_UNIX
    const fd = calls.socket(domain, calls.SOCK_STREAM)
    if (how === 'started') calls.setFlags(fd)
    calls.connect(fd, address)
    return calls.setFlags(fd)
  }

  /** Waits for the connection: of TCP, the last packet may be on its way. */
  accept(listener: number): number {
    calls.pollIn(listener, 5000)
    return calls.setFlags(calls.accept(listener))
  }

  udpPair(): [number, number] {
    const pair: [number, number] = [this.socket('udp'), this.socket('udp')]
    for (const fd of pair) calls.bind(fd, calls.inetAddress(0))
    calls.connect(pair[0], calls.inetAddress(calls.getsocknamePort(pair[1])))
    calls.connect(pair[1], calls.inetAddress(calls.getsocknamePort(pair[0])))
    return pair
  }

  pty(): [number, number] {
    const pair = calls.openpty()
    const { status } = spawnSync('stty', ['raw', '-echo'], { stdio: [pair[1], 'ignore', 'ignore'] })
    if (status !== 0) throw new Error(`stty exited with ${status}`)
    return setBoth(pair)
  }

  eventfd(initial: number): number {
    return calls.setFlags(calls.eventfd(initial))
  }

  mkfifo(name: string): void {
    calls.mkfifo(this.#path(name))
  }

  open(name: string, mode: OpenMode): number {
    return openSync(this.#path(name), MODES[mode] | O_NONBLOCK, 0o600)
  }

  rename(from: string, to: string): void {
    renameSync(this.#path(from), this.#path(to))
  }

  unlink(name: string): void {
    unlinkSync(this.#path(name))
  }

  ftruncate(fd: number, length: number): void {
    ftruncateSync(fd, length)
  }

  lseek(fd: number, offset: number): void {
    calls.lseek(fd, offset)
  }

  read(fd: number, n: number): Uint8Array {
    const buffer = new Uint8Array(n)
    return buffer.subarray(0, readSync(fd, buffer))
  }

  write(fd: number, data: Uint8Array | string): number {
    return typeof data === 'string' ? writeSync(fd, data) : writeSync(fd, data)
  }

  shutdown(fd: number, how: 'read' | 'write' | 'both'): void {
    calls.shutdown(fd, calls.SHUT[how])
  }

  dup(fd: number): number {
    return calls.dup(fd)
  }

  dup2(from: number, to: number): void {
    calls.dup2(from, to)
  }

  close(fd: number): void {
    closeSync(fd)
  }

  readable(fd: number, timeout = 0): boolean {
    return calls.pollIn(fd, timeout)
  }

  sleep(ms: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  }

  now(): number {
    return performance.now()
  }

  time(): number {
    return Date.now()
  }

  dispose(): void {
    rmSync(this.#directory, { recursive: true })
  }
}
