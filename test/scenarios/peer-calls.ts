/**
 * The system calls that the World of a peer needs and Node.js lacks, of any Unix, through
 * koffi. They throw as those of Node.js do.
 */
import { constants } from 'node:os'
import koffi from 'koffi'
import { checked } from './peer-library.js'

const libc = koffi.load(null)

const calls = {
  pipe: libc.func('int pipe(int *)'),
  socketpair: libc.func('int socketpair(int, int, int, int *)'),
  socket: libc.func('int socket(int, int, int)'),
  bind: libc.func('int bind(int, void *, uint32_t)'),
  listen: libc.func('int listen(int, int)'),
  connect: libc.func('int connect(int, void *, uint32_t)'),
  accept: libc.func('int accept(int, void *, void *)'),
  getsockname: libc.func('int getsockname(int, void *, void *)'),
  shutdown: libc.func('int shutdown(int, int)'),
  dup: libc.func('int dup(int)'),
  dup2: libc.func('int dup2(int, int)'),
  fcntl: libc.func('int fcntl(int, int, ...)'),
  lseek: libc.func('int64_t lseek(int, int64_t, int)'),
  mkfifo: libc.func('int mkfifo(const char *, uint32_t)'),
  poll: libc.func('int poll(void *, size_t, int)'),
}

/** The same on every Unix. */
export const AF_UNIX = 1
export const AF_INET = 2
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SHUT = { read: 0, write: 1, both: 2 } as const
const F_SETFD = 2
const F_GETFL = 3
const F_SETFL = 4
const FD_CLOEXEC = 1
const POLLIN = 1
const SEEK_SET = 0

const linux = process.platform === 'linux'
const O_NONBLOCK = linux ? 0o4000 : 4

type Pair = [number, number]

function pairOf(buffer: Buffer): Pair {
  return [buffer.readInt32LE(0), buffer.readInt32LE(4)]
}

/** Makes a descriptor non-blocking, and closed on exec. */
export function setFlags(fd: number, { nonblocking = true } = {}): number {
  checked(calls.fcntl(fd, F_SETFD, 'int', FD_CLOEXEC), 'fcntl')
  const flags = checked(calls.fcntl(fd, F_GETFL, 'int', 0), 'fcntl')
  const wanted = nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
  checked(calls.fcntl(fd, F_SETFL, 'int', wanted), 'fcntl')
  return fd
}

export function pipe(): Pair {
  const pair = Buffer.alloc(8)
  checked(calls.pipe(pair), 'pipe')
  return pairOf(pair)
}

export function socketpair(type: number): Pair {
  const pair = Buffer.alloc(8)
  checked(calls.socketpair(AF_UNIX, type, 0, pair), 'socketpair')
  return pairOf(pair)
}

/** Master and slave. */
export function openpty(): Pair {
  const call = libc.func('int openpty(void *, void *, void *, void *, void *)')
  const [master, slave] = [Buffer.alloc(4), Buffer.alloc(4)]
  checked(call(master, slave, null, null, null), 'openpty')
  return [master.readInt32LE(), slave.readInt32LE()]
}

export function eventfd(initial: number): number {
  return checked(libc.func('int eventfd(unsigned int, int)')(initial, 0), 'eventfd')
}

export function socket(domain: number, type: number): number {
  return checked(calls.socket(domain, type, 0), 'socket')
}

/** The head of a sockaddr: BSD's has its length first. */
function sockaddr(family: number, length: number): Buffer {
  const address = Buffer.alloc(length)
  if (linux) address.writeUInt16LE(family)
  else address.set([length, family])
  return address
}

/** Of this machine alone; port 0 is any. */
export function inetAddress(port: number): Buffer {
  const address = sockaddr(AF_INET, 16)
  address.writeUInt16BE(port, 2)
  address.set([127, 0, 0, 1], 4)
  return address
}

export function unixAddress(path: string): Buffer {
  const address = sockaddr(AF_UNIX, 104)
  if (address.write(path, 2) > 100) throw new RangeError(`${path}: too long`)
  return address
}

export function bind(fd: number, address: Buffer): void {
  checked(calls.bind(fd, address, address.length), 'bind')
}

export function listen(fd: number): void {
  checked(calls.listen(fd, 16), 'listen')
}

/** Or begins to. */
export function connect(fd: number, address: Buffer): void {
  const result: number = calls.connect(fd, address, address.length)
  if (result === -1 && koffi.errno() === constants.errno.EINPROGRESS) return
  checked(result, 'connect')
}

export function accept(fd: number): number {
  return checked(calls.accept(fd, null, null), 'accept')
}

export function getsocknamePort(fd: number): number {
  const address = Buffer.alloc(16)
  const length = Buffer.from([address.length, 0, 0, 0])
  checked(calls.getsockname(fd, address, length), 'getsockname')
  return address.readUInt16BE(2)
}

export function shutdown(fd: number, how: number): void {
  checked(calls.shutdown(fd, how), 'shutdown')
}

export function dup(fd: number): number {
  return checked(calls.dup(fd), 'dup')
}

export function dup2(from: number, to: number): void {
  checked(calls.dup2(from, to), 'dup2')
}

export function lseek(fd: number, offset: number): void {
  checked(Number(calls.lseek(fd, offset, SEEK_SET)), 'lseek')
}

export function mkfifo(path: string): void {
  checked(calls.mkfifo(path, 0o600), 'mkfifo')
}

/** Whether it can be read within `timeout` ms. */
export function pollIn(fd: number, timeout: number): boolean {
  const pollfd = Buffer.alloc(8)
  pollfd.writeInt32LE(fd, 0)
  pollfd.writeInt16LE(POLLIN, 4)
  checked(calls.poll(pollfd, 1, Math.ceil(timeout)), 'poll')
  return (pollfd.readInt16LE(6) & POLLIN) !== 0
}
