/**
 * Errors: the errno numbers of Linux (which the simulated kernel uses too), and
 * `KqueueError`, made in the shape of Node's own system errors.
 */
import type { Change } from './event.js'

export const EPERM = 1
export const ENOENT = 2
export const ESRCH = 3
export const EINTR = 4
export const EIO = 5
export const ENXIO = 6
export const EBADF = 9
export const ECHILD = 10
export const EAGAIN = 11
export const ENOMEM = 12
export const EACCES = 13
export const EFAULT = 14
export const EBUSY = 16
export const EEXIST = 17
export const EXDEV = 18
export const ENOTDIR = 20
export const EISDIR = 21
export const EINVAL = 22
export const ENFILE = 23
export const EMFILE = 24
export const ENOTTY = 25
export const EFBIG = 27
export const ENOSPC = 28
export const ESPIPE = 29
export const EROFS = 30
export const EPIPE = 32
export const EDEADLK = 35
export const ENAMETOOLONG = 36
export const ENOSYS = 38
export const ENOTEMPTY = 39
export const ELOOP = 40
export const ENOTSOCK = 88
export const EDESTADDRREQ = 89
export const EMSGSIZE = 90
export const EPROTONOSUPPORT = 93
export const ENOTSUP = 95
export const EAFNOSUPPORT = 97
export const EADDRINUSE = 98
export const EADDRNOTAVAIL = 99
export const ECONNRESET = 104
export const ENOBUFS = 105
export const EISCONN = 106
export const ENOTCONN = 107
export const ECONNREFUSED = 111
export const EALREADY = 114
export const EINPROGRESS = 115
export const ECANCELED = 125

/** errno -> [name, text]. */
const ERRNOS = new Map<number, readonly [string, string]>([
  [EPERM, ['EPERM', 'operation not permitted']],
  [ENOENT, ['ENOENT', 'no such entry']],
  [ESRCH, ['ESRCH', 'no such process']],
  [EINTR, ['EINTR', 'interrupted by a signal']],
  [EIO, ['EIO', 'input/output error']],
  [ENXIO, ['ENXIO', 'no such device']],
  [EBADF, ['EBADF', 'bad file descriptor']],
  [ECHILD, ['ECHILD', 'no child processes']],
  [EAGAIN, ['EAGAIN', 'resource temporarily unavailable']],
  [ENOMEM, ['ENOMEM', 'not enough memory']],
  [EACCES, ['EACCES', 'permission denied']],
  [EFAULT, ['EFAULT', 'bad address']],
  [EBUSY, ['EBUSY', 'resource busy']],
  [EEXIST, ['EEXIST', 'already exists']],
  [EXDEV, ['EXDEV', 'on another file system']],
  [ENOTDIR, ['ENOTDIR', 'not a directory']],
  [EISDIR, ['EISDIR', 'is a directory']],
  [EINVAL, ['EINVAL', 'invalid argument']],
  [ENFILE, ['ENFILE', 'too many open files in the system']],
  [EMFILE, ['EMFILE', 'too many open files']],
  [ENOTTY, ['ENOTTY', 'inappropriate request for this file']],
  [EFBIG, ['EFBIG', 'file too large']],
  [ENOSPC, ['ENOSPC', 'no space left']],
  [ESPIPE, ['ESPIPE', 'illegal seek']],
  [EROFS, ['EROFS', 'read-only file system']],
  [EPIPE, ['EPIPE', 'broken pipe']],
  [EDEADLK, ['EDEADLK', 'deadlock']],
  [ENAMETOOLONG, ['ENAMETOOLONG', 'file name too long']],
  [ENOSYS, ['ENOSYS', 'not implemented on this system']],
  [ENOTEMPTY, ['ENOTEMPTY', 'directory not empty']],
  [ELOOP, ['ELOOP', 'loop']],
  [ENOTSOCK, ['ENOTSOCK', 'not a socket']],
  [EDESTADDRREQ, ['EDESTADDRREQ', 'destination address required']],
  [EMSGSIZE, ['EMSGSIZE', 'message too long']],
  [EPROTONOSUPPORT, ['EPROTONOSUPPORT', 'protocol not supported']],
  [ENOTSUP, ['ENOTSUP', 'not supported']],
  [EAFNOSUPPORT, ['EAFNOSUPPORT', 'address family not supported']],
  [EADDRINUSE, ['EADDRINUSE', 'address in use']],
  [EADDRNOTAVAIL, ['EADDRNOTAVAIL', 'address not available']],
  [ECONNRESET, ['ECONNRESET', 'connection reset']],
  [ENOBUFS, ['ENOBUFS', 'no buffer space']],
  [EISCONN, ['EISCONN', 'already connected']],
  [ENOTCONN, ['ENOTCONN', 'not connected']],
  [ECONNREFUSED, ['ECONNREFUSED', 'connection refused']],
  [EALREADY, ['EALREADY', 'already under way']],
  [EINPROGRESS, ['EINPROGRESS', 'in progress']],
  [ECANCELED, ['ECANCELED', 'cancelled']],
])

/** The name of a positive errno: 2 -> 'ENOENT'. */
export function errnoName(errno: number): string {
  return ERRNOS.get(errno)?.[0] ?? `E${errno}`
}

/** What a KqueueError carries beyond its errno. */
export interface KqueueErrorDetails {
  /** What was wrong and what would be right, a clause without a full stop. */
  reason?: string | undefined
  /** The change that failed. */
  change?: Change | undefined
  /** Its position in the changelist. */
  index?: number | undefined
}

/** A failed system call, in the shape of Node's own system errors. */
export class KqueueError extends Error {
  override readonly name = 'KqueueError'
  /** The errno's name: 'EBADF'. */
  readonly code: string
  /** The errno, negative as Node has it: -9. */
  readonly errno: number
  /** The system call that failed: 'kevent'. */
  readonly syscall: string
  /** What was wrong and what would be right, where that is known. */
  declare readonly reason?: string
  /** The change that failed, where one did. Those before it in the changelist have been applied. */
  declare readonly change?: Change
  /** The position in the changelist of the change that failed. */
  declare readonly index?: number

  /** @param errno positive, `ENOENT` for one */
  constructor(errno: number, syscall: string, { reason, change, index }: KqueueErrorDetails = {}) {
    const [code, text] = ERRNOS.get(errno) ?? [errnoName(errno), 'error']
    const where = index === undefined ? '' : ` (changelist[${index}])`
    super(`${code}: ${text}, ${syscall}${reason ? `: ${reason}` : ''}${where}`)
    this.code = code
    this.errno = -errno
    this.syscall = syscall
    if (reason) this.reason = reason
    if (change !== undefined) this.change = change
    if (index !== undefined) this.index = index
  }
}

/** Throws a KqueueError when `result` is a negative errno, and returns it otherwise. */
export function check(result: number, syscall: string, reason?: string): number {
  if (result < 0) throw new KqueueError(-result, syscall, { reason })
  return result
}

/** Fails a system call, with what was wrong. */
export function fail(errno: number, syscall: string, reason: string): never {
  throw new KqueueError(errno, syscall, { reason })
}

/** Refuses a change: what a filter, or the file that a knote is for, has to say against it. */
export function refuse(errno: number, reason: string): never {
  fail(errno, 'kevent', reason)
}
