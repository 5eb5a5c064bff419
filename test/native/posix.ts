/**
 * The system calls that tests need and Node lacks, typed. Each answers its
 * result or throws an Error with `code`, `errno` and `syscall` like Node's own.
 * The C is in `test/native/`, built by `npm run build:test`.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

type Pair = [number, number]

/** The numbers of the C headers by name. */
export interface Constants {
  readonly AF_UNIX: number
  readonly AF_INET: number
  readonly AF_INET6: number
  readonly SOCK_STREAM: number
  readonly SOCK_DGRAM: number
  readonly SOCK_SEQPACKET: number
  readonly SOCK_RAW: number
  readonly SOCK_NONBLOCK: number
  readonly SOCK_CLOEXEC: number
  readonly SOL_SOCKET: number
  readonly SO_ERROR: number
  readonly SO_TYPE: number
  readonly SO_RCVBUF: number
  readonly SO_SNDBUF: number
  readonly SO_RCVLOWAT: number
  readonly SO_SNDLOWAT: number
  readonly SO_REUSEADDR: number
  readonly SO_REUSEPORT: number
  readonly SO_KEEPALIVE: number
  readonly SO_OOBINLINE: number
  readonly SO_ACCEPTCONN: number
  readonly SO_DOMAIN: number
  readonly SO_PROTOCOL: number
  readonly IPPROTO_IP: number
  readonly IPPROTO_TCP: number
  readonly IPPROTO_UDP: number
  readonly IPPROTO_IPV6: number
  readonly IPV6_V6ONLY: number
  readonly TCP_NODELAY: number
  readonly TCP_DEFER_ACCEPT: number
  readonly MSG_OOB: number
  readonly MSG_PEEK: number
  readonly MSG_DONTWAIT: number
  readonly MSG_NOSIGNAL: number
  readonly MSG_TRUNC: number
  readonly MSG_WAITALL: number
  readonly SHUT_RD: number
  readonly SHUT_WR: number
  readonly SHUT_RDWR: number
  readonly O_RDONLY: number
  readonly O_WRONLY: number
  readonly O_RDWR: number
  readonly O_ACCMODE: number
  readonly O_CREAT: number
  readonly O_EXCL: number
  readonly O_TRUNC: number
  readonly O_APPEND: number
  readonly O_NONBLOCK: number
  readonly O_CLOEXEC: number
  readonly O_DIRECTORY: number
  readonly O_NOFOLLOW: number
  readonly O_NOCTTY: number
  readonly O_PATH: number
  readonly O_DIRECT: number
  readonly O_SYNC: number
  readonly O_TMPFILE: number
  readonly F_DUPFD: number
  readonly F_DUPFD_CLOEXEC: number
  readonly F_GETFD: number
  readonly F_SETFD: number
  readonly F_GETFL: number
  readonly F_SETFL: number
  readonly F_GETPIPE_SZ: number
  readonly F_SETPIPE_SZ: number
  readonly FD_CLOEXEC: number
  readonly EFD_NONBLOCK: number
  readonly EFD_CLOEXEC: number
  readonly EFD_SEMAPHORE: number
  readonly SEEK_SET: number
  readonly SEEK_CUR: number
  readonly SEEK_END: number
  readonly POLLIN: number
  readonly POLLPRI: number
  readonly POLLOUT: number
  readonly POLLERR: number
  readonly POLLHUP: number
  readonly POLLNVAL: number
  readonly POLLRDHUP: number
  readonly SIGHUP: number
  readonly SIGINT: number
  readonly SIGQUIT: number
  readonly SIGABRT: number
  readonly SIGKILL: number
  readonly SIGUSR1: number
  readonly SIGUSR2: number
  readonly SIGPIPE: number
  readonly SIGALRM: number
  readonly SIGTERM: number
  readonly SIGCHLD: number
  readonly SIGCONT: number
  readonly SIGSTOP: number
  readonly SIGTSTP: number
  readonly SIGWINCH: number
  readonly SIGURG: number
  readonly SIGIO: number
  readonly SYS_epoll_create1: number
  readonly SYS_eventfd2: number
  readonly SYS_fstat: number
  readonly SYS_inotify_add_watch: number
  readonly SYS_inotify_init1: number
  readonly SYS_io_setup: number
  readonly SYS_io_uring_enter: number
  readonly SYS_io_uring_setup: number
  readonly SYS_newfstatat: number
  /** -1 for a machine that has `SYS_openat` alone. */
  readonly SYS_open: number
  readonly SYS_openat: number
  readonly SYS_pidfd_open: number
  readonly SYS_socket: number
  readonly SYS_statx: number
  readonly SYS_timerfd_create: number
}

interface Posix {
  readonly constants: Constants

  pipe2(flags: number): Pair
  openpty(): Pair
  eventfd(initial: number, flags: number): number
  epoll(): number
  epollAdd(epfd: number, fd: number): number
  timerfd(ms: number): number
  mkfifo(path: string, mode: number): number
  open(path: string, flags: number, mode: number): number
  close(fd: number): number
  dup(fd: number): number
  dup2(from: number, to: number): number
  read(fd: number, most: number): Uint8Array
  write(fd: number, data: Uint8Array): number
  lseek(fd: number, offset: number, whence: number): number
  ftruncate(fd: number, length: number): number
  fcntl(fd: number, command: number, argument: number): number
  fionread(fd: number): number
  packetMode(fd: number, on: number): number
  poll(fd: number, events: number, timeoutMs: number): number

  socket(domain: number, type: number, protocol: number): number
  socketpair(domain: number, type: number): Pair
  bindInet(fd: number, host: string, port: number): number
  bindUnix(fd: number, path: string): number
  connectInet(fd: number, host: string, port: number): number
  connectUnix(fd: number, path: string): number
  listen(fd: number, backlog: number): number
  getsocknamePort(fd: number): number
  accept(fd: number, flags: number): number
  send(fd: number, data: Uint8Array, flags: number): number
  sendtoInet(fd: number, data: Uint8Array, flags: number, host: string, port: number): number
  sendtoNetlink(fd: number, data: Uint8Array, port: number): number
  recv(fd: number, most: number, flags: number): Uint8Array
  shutdown(fd: number, how: number): number
  setsockopt(fd: number, level: number, option: number, value: number): number
  getsockopt(fd: number, level: number, option: number): number
  setLinger(fd: number, seconds: number): number

  spawn(path: string, argument: string, fd: number, pid: number): number
  waitpid(pid: number, flags: number): Pair
  pidfdOpen(pid: number): number
  forbid(call: number, errno: number): number
  sethostname(name: string): number

  getpid(): number
  gettid(): number
  kill(pid: number, signal: number): number
  tgkill(tid: number, signal: number): number
  raise(signal: number): number
  sigqueue(pid: number, signal: number, times: number): number
  sigaction(signal: number, what: number): number
  chain(signal: number, careless: number): number
  handler(signal: number): number
  handled(signal: number): number
  sigmask(signal: number, block: number): number
  storm(signal: number, threads: number, times: number): number
  calm(): number
  alarm(ms: number): number
  sigrtmin(): number
  sleepNs(ns: number): number
}

/** An addon of `test/native/`, seen from there as well as from `build/test/native/`. */
export function addon(name: string): unknown {
  return createRequire(import.meta.url)(
    join(packageRoot(), `test/native/build/Release/${name}.node`),
  )
}

function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory)
    if (parent === directory) throw new Error('posix: no package.json above this file')
    directory = parent
  }
  return directory
}

const posix = addon('posix') as Posix

function bytes(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? new TextEncoder().encode(data) : data
}

export const constants: Constants = posix.constants

/** [read end, write end]; `flags`: O_NONBLOCK, O_CLOEXEC, O_DIRECT. */
export const pipe2 = (flags = 0): Pair => posix.pipe2(flags)
/** [master, slave]. */
export const openpty = (): Pair => posix.openpty()
export const eventfd = (initial = 0, flags = 0): number => posix.eventfd(initial, flags)
/** A nonblocking timerfd that fires once in `ms` milliseconds, never if that is 0. */
/** epoll_create1(2). */
export const epoll = (): number => posix.epoll()
/** EPOLL_CTL_ADD with EPOLLIN. */
export const epollAdd = (epfd: number, fd: number): number => posix.epollAdd(epfd, fd)
export const timerfd = (ms: number): number => posix.timerfd(ms)
export const mkfifo = (path: string, mode = 0o600): number => posix.mkfifo(path, mode)
export const open = (path: string, flags = 0, mode = 0o600): number => posix.open(path, flags, mode)
export const close = (fd: number): number => posix.close(fd)
export const dup = (fd: number): number => posix.dup(fd)
export const dup2 = (from: number, to: number): number => posix.dup2(from, to)
/** At most 1 MiB; empty at the end of the file. */
export const read = (fd: number, most = 65536): Uint8Array => posix.read(fd, most)
export const write = (fd: number, data: Uint8Array | string): number => posix.write(fd, bytes(data))
export const lseek = (fd: number, offset: number, whence: number): number =>
  posix.lseek(fd, offset, whence)
export const ftruncate = (fd: number, length: number): number => posix.ftruncate(fd, length)
export const fcntl = (fd: number, command: number, argument = 0): number =>
  posix.fcntl(fd, command, argument)
/** FIONREAD: bytes that can be read. */
export const fionread = (fd: number): number => posix.fionread(fd)
/** Packet mode of the master of a pseudo-terminal, on or off. */
export const packetMode = (fd: number, on: boolean): number => posix.packetMode(fd, on ? 1 : 0)
/** The revents of one descriptor, 0 when the time was up first. */
export const poll = (fd: number, events: number, timeoutMs = 0): number =>
  posix.poll(fd, events, timeoutMs)

export const socket = (domain: number, type: number, protocol = 0): number =>
  posix.socket(domain, type, protocol)
export const socketpair = (domain: number, type: number): Pair => posix.socketpair(domain, type)
/** `host` in numbers, of IPv4 or IPv6; port 0 takes a free one. */
export const bindInet = (fd: number, host: string, port: number): number =>
  posix.bindInet(fd, host, port)
export const bindUnix = (fd: number, path: string): number => posix.bindUnix(fd, path)
export const connectInet = (fd: number, host: string, port: number): number =>
  posix.connectInet(fd, host, port)
export const connectUnix = (fd: number, path: string): number => posix.connectUnix(fd, path)
export const listen = (fd: number, backlog = 128): number => posix.listen(fd, backlog)
export const getsocknamePort = (fd: number): number => posix.getsocknamePort(fd)
/** `flags`: SOCK_NONBLOCK, SOCK_CLOEXEC for the new descriptor. */
export const accept = (fd: number, flags = 0): number => posix.accept(fd, flags)
export const send = (fd: number, data: Uint8Array | string, flags = 0): number =>
  posix.send(fd, bytes(data), flags)
export const sendto = (
  fd: number,
  data: Uint8Array | string,
  flags: number,
  host: string,
  port: number,
): number => posix.sendtoInet(fd, bytes(data), flags, host, port)
/** To the netlink socket of a port, which is mostly a pid: netlink(7). */
export const sendtoNetlink = (fd: number, data: Uint8Array, port: number): number =>
  posix.sendtoNetlink(fd, data, port | 0)
export const recv = (fd: number, most = 65536, flags = 0): Uint8Array => posix.recv(fd, most, flags)
export const shutdown = (fd: number, how: number): number => posix.shutdown(fd, how)
export const setsockopt = (fd: number, level: number, option: number, value: number): number =>
  posix.setsockopt(fd, level, option, value)
export const getsockopt = (fd: number, level: number, option: number): number =>
  posix.getsockopt(fd, level, option)
/** SO_LINGER on; with 0 seconds closing a TCP socket resets its connection. */
export const setLinger = (fd: number, seconds: number): number => posix.setLinger(fd, seconds)

/** Where the programs that tests run are: `test/native/build/Release`. */
export const program = (name: string): string =>
  join(packageRoot(), 'test/native/build/Release', name)
/**
 * Starts a program with one argument; `fd` is its descriptor 3. Node does not know of it. As
 * root it can have a certain pid.
 */
export const spawn = (path: string, argument: string, fd: number, pid = 0): number =>
  posix.spawn(path, argument, fd, pid)
/** WNOHANG of waitpid. */
export const WNOHANG = 1
/** [pid, status]; [0, 0] when there is nothing with WNOHANG. */
export const waitpid = (pid: number, flags = 0): Pair => posix.waitpid(pid, flags)
export const pidfdOpen = (pid: number): number => posix.pidfdOpen(pid)
/** A system call fails from now on, in this thread and in those that it starts. */
export const forbid = (call: number, errno: number): number => posix.forbid(call, errno)
export const sethostname = (name: string): number => posix.sethostname(name)

export const getpid = (): number => posix.getpid()
export const gettid = (): number => posix.gettid()
export const kill = (pid: number, signal: number): number => posix.kill(pid, signal)
/** Signals one thread of this process, else the calling one. */
export const tgkill = (signal: number, tid: number = posix.gettid()): number =>
  posix.tgkill(tid, signal)
/** Signals the calling thread. */
export const raise = (signal: number): number => posix.raise(signal)
/** Queues a signal for a process, `times` times. */
export const sigqueue = (pid: number, signal: number, times = 1): number =>
  posix.sigqueue(pid, signal, times)
const DISPOSITIONS = ['default', 'ignore', 'count', 'restore', 'save'] as const
/**
 * What the process does when a signal comes; 'count' is a handler in C, 'restore' what was
 * there before the first call for this signal, or when 'save' noted it.
 */
export const sigaction = (signal: number, what: (typeof DISPOSITIONS)[number]): number =>
  posix.sigaction(signal, DISPOSITIONS.indexOf(what))
/**
 * Installs a handler that counts and calls the one that is there; a careless one gives it
 * the number only.
 */
export const chain = (signal: number, how: 'well' | 'carelessly'): number =>
  posix.chain(signal, how === 'carelessly' ? 1 : 0)
/** The handler that is installed: 0 for SIG_DFL, 1 for SIG_IGN, else its address. */
export const handler = (signal: number): number => posix.handler(signal)
/** How often the handlers of `sigaction` and `chain` were called for a signal. */
export const handled = (signal: number): number => posix.handled(signal)
/** Blocks or unblocks a signal in the calling thread. */
export const sigmask = (signal: number, how: 'block' | 'unblock'): number =>
  posix.sigmask(signal, how === 'block' ? 1 : 0)
/** Starts threads that raise a signal `times` times each, every time for themselves. */
export const storm = (signal: number, threads: number, times: number): number =>
  posix.storm(signal, threads, times)
/** Waits for the threads of `storm`. */
export const calm = (): number => posix.calm()
/** SIGALRM for the process in `ms` milliseconds; 0 takes it back. */
/** The first signal that the C library leaves to programs: 34 with glibc, 35 with musl. */
export const SIGRTMIN = posix.sigrtmin()
export const alarm = (ms: number): number => posix.alarm(ms)
/** Blocks this thread. */
export const sleepNs = (ns: number): number => posix.sleepNs(ns)
