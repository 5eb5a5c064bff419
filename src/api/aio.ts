/**
 * Asynchronous I/O as on FreeBSD: requests to read, write and sync files, one by one or
 * in lists, whose ends are events of a queue: EVFILT_AIO and EVFILT_LIO. See aio(4).
 *
 *     const request = aio_read({ fd, buffer, kq })
 *     const [event] = await kq.wait()
 *     event.ident === request.id, event.udata === request, request.result
 */
import { DETACHED, options, wrongType } from '../core/copyin.js'
import { AIO_ALLDONE, AIO_CANCELED, AIO_NOTCANCELED } from '../core/filters/completion.js'
import { EBADF, EFAULT, EINVAL, fail, KqueueError } from '../errors.js'
import { Kqueue, queueOf } from './kqueue.js'
import type { AioJob, AioList, AioNotification, AioRequest, Bound, System } from './system.js'

/** Who is told, and what comes back with the event. */
export interface AioNotify {
  /** The queue that the event comes in; nobody is told without. */
  readonly kq?: Kqueue | undefined
  /** `udata` of the event; without, the request or the list that it is about. */
  readonly udata?: unknown
}

/** A request to be told when what was asked for before on this file is on the disk. */
export interface AioFsync extends AioNotify {
  /** The descriptor of a regular file, a directory or a block device. */
  readonly fd: number
  /** `O_SYNC` as by fsync(2), or `O_DSYNC` as by fdatasync(2): numbers of `fs.constants`. */
  readonly op?: number | undefined
}

/** A request to read. */
export interface AioRead extends AioNotify {
  /** The descriptor of a regular file or a block device. */
  readonly fd: number
  /** Where the bytes go, and how many there are at most. They are there when it is over. */
  readonly buffer: ArrayBufferView
  /** Bytes from the beginning, 0 to 2^53-1, 0 by default. The descriptor's own stays as it is. */
  readonly offset?: number | undefined
}

/** A request to write. */
export interface AioWrite extends AioNotify {
  /** The descriptor of a regular file or a block device. */
  readonly fd: number
  /** Copied when the request is made. */
  readonly bytes: ArrayBufferView
  /** As in `AioRead`; with O_APPEND it is written at the end. */
  readonly offset?: number | undefined
}

/** One of a list: `aio_lio_opcode`. */
export type AioEntry = ({ readonly op: 'read' } & AioRead) | ({ readonly op: 'write' } & AioWrite)

const NOTHING = new Uint8Array(0)
const INT_MAX = 0x7fffffff

export function aio_read(system: Bound, read: AioRead): AioRequest {
  const job = readJob(read, 'aio_read')
  return system().aio.submit(job, notification(read, 'aio_read'))
}

export function aio_write(system: Bound, write: AioWrite): AioRequest {
  const job = writeJob(write, 'aio_write')
  return system().aio.submit(job, notification(write, 'aio_write'))
}

export function aio_fsync(system: Bound, sync: AioFsync): AioRequest {
  const { O_SYNC, O_DSYNC } = system().flags
  const { fd, op = O_SYNC } = request(sync, 'aio_fsync')
  if (typeof op !== 'number') throw wrongType('op', 'O_SYNC or O_DSYNC', op)
  if (op !== O_SYNC && op !== O_DSYNC) {
    fail(EINVAL, 'aio_fsync', `op is O_SYNC or O_DSYNC, not ${op}`)
  }
  const operation = op === O_SYNC ? 'sync' : 'datasync'
  const job = { operation, fd: number(fd), offset: 0, view: NOTHING, syscall: 'aio_fsync' } as const
  return system().aio.submit(job, notification(sync, 'aio_fsync'))
}

export function lio_listio(
  system: Bound,
  entries: readonly AioEntry[],
  notify: AioNotify = {},
): AioList {
  if (!Array.isArray(entries)) throw wrongType('entries', 'an array of requests', entries)
  const all = notification(options(notify, 'notify'), 'lio_listio')
  const jobs = Array.from(entries as readonly AioEntry[], readEntry)
  if (jobs.length === 0) fail(EINVAL, 'lio_listio', 'the list is empty')
  return system().aio.submitList(jobs, all)
}

export function aio_cancel(system: Bound, fd: number, one?: AioRequest): number {
  const { aio, files } = system()
  if (!files.isOpen(number(fd))) fail(EBADF, 'aio_cancel', `${fd} is not an open descriptor`)
  const chosen = one === undefined ? null : madeBy(system(), one)
  const answers = aio
    .pending(fd)
    .filter((each) => chosen === null || each === chosen)
    // The last ones first, so that none begins in the place of one that is taken back.
    .reverse()
    .map((each) => aio.cancel(each))
  if (answers.includes(AIO_NOTCANCELED)) return AIO_NOTCANCELED
  return answers.includes(AIO_CANCELED) ? AIO_CANCELED : AIO_ALLDONE
}

export function aio_error(system: Bound, request: AioRequest): number {
  return madeBy(system(), request).error
}

/** Requests whose result has been returned. */
const returned = new WeakSet<AioRequest>()

export function aio_return(system: Bound, request: AioRequest): number {
  const made = madeBy(system(), request)
  const { result, error } = made
  if (result === null || returned.has(made)) {
    const reason = result === null ? 'the request goes on' : 'the result has been returned'
    fail(EINVAL, 'aio_return', reason)
  }
  returned.add(made)
  system().aio.forget(made)
  if (error !== 0) throw new KqueueError(error, 'aio_return')
  return result
}

// What the caller gives

function request<T extends object>(given: T, name: string): T {
  if (typeof given !== 'object' || given === null) throw wrongType(name, 'an object', given)
  return given
}

function madeBy({ aio }: System, request: unknown): AioRequest {
  if (aio.made(request)) return request
  throw wrongType('request', 'what aio_read, aio_write or aio_fsync has returned', request)
}

function number(fd: unknown): number {
  if (typeof fd !== 'number') throw wrongType('fd', 'a descriptor', fd)
  // That it is no descriptor is for Linux to say.
  return Number.isInteger(fd) && fd >= 0 && fd <= INT_MAX ? fd : -1
}

function position(offset: unknown, syscall: string): number {
  if (typeof offset !== 'number') throw wrongType('offset', 'a number of bytes', offset)
  if (Number.isSafeInteger(offset) && offset >= 0) return offset
  fail(EINVAL, syscall, `an offset is a whole number from 0 to 2^53-1, not ${offset}`)
}

/** The bytes of a view. Of one that is detached, the addon says so. */
function bytesOf(view: unknown, name: string, syscall: string): Uint8Array {
  if (view instanceof Uint8Array) return view
  if (!ArrayBuffer.isView(view)) throw wrongType(name, 'a view of an ArrayBuffer', view)
  try {
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  } catch {
    fail(EFAULT, syscall, DETACHED)
  }
}

function notification({ kq, udata }: AioNotify, syscall: string): AioNotification {
  if (kq === undefined) return { queue: null, udata }
  if (!(kq instanceof Kqueue)) throw wrongType('kq', 'a Kqueue', kq)
  const queue = queueOf(kq)
  queue.assertOpen(syscall)
  return { queue, udata }
}

function readJob(read: AioRead, syscall: string): AioJob {
  const { fd, buffer, offset = 0 } = request(read, syscall)
  const view = bytesOf(buffer, 'buffer', syscall)
  const at = position(offset, syscall)
  return { operation: 'read', fd: number(fd), offset: at, view, syscall }
}

function writeJob(write: AioWrite, syscall: string): AioJob {
  const { fd, bytes, offset = 0 } = request(write, syscall)
  const view = bytesOf(bytes, 'bytes', syscall)
  const at = position(offset, syscall)
  return { operation: 'write', fd: number(fd), offset: at, view, syscall }
}

function readEntry(entry: AioEntry, i: number): [AioJob, AioNotification] {
  // Read once: it may be a getter.
  const { op } = request(entry, `entries[${i}]`)
  const read = op === 'read'
  if (!read && op !== 'write') throw wrongType(`entries[${i}].op`, `'read' or 'write'`, op)
  const job = read
    ? readJob(entry as AioRead, 'aio_read')
    : writeJob(entry as AioWrite, 'aio_write')
  return [job, notification(entry, 'lio_listio')]
}
