/**
 * Asynchronous I/O as on FreeBSD: requests to read, write and sync files, one by one or
 * in lists, whose ends are events of a queue: EVFILT_AIO and EVFILT_LIO. See aio(4).
 *
 *     const request = aio_read({ fd, buffer, kq })
 *     const [event] = await kq.wait()
 *     event.ident === request.id, event.udata === request, request.result
 */
import { constants } from 'node:fs'
import { options, wrongType } from '../core/copyin.js'
import { EBADF, EFAULT, EINVAL, KqueueError } from '../errors.js'
import { type AioJob, type AioNotification, DETACHED } from '../linux/aio.js'
import { AioRequest as LinuxRequest } from '../linux/aio-request.js'
import { LinuxKernel } from '../linux/kernel.js'
import {
  AIO_ALLDONE,
  AIO_CANCELED,
  AIO_DSYNC,
  AIO_NOTCANCELED,
  AIO_READ,
  AIO_SYNC,
  AIO_WRITE,
} from '../linux/native.js'
import { Kqueue, queueOf } from './kqueue.js'

export { AIO_ALLDONE, AIO_CANCELED, AIO_NOTCANCELED }

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

/** A request: `struct aiocb`. What it says is how it goes now. */
export interface AioRequest {
  /** `ident` of its event; no other request of this thread has it. */
  readonly id: number
  /** The descriptor that it was made with. */
  readonly fd: number
  readonly status: 'pending' | 'done' | 'cancelled'
  /** Whether it is over. */
  readonly complete: boolean
  /** Bytes, 0 for a sync, -1 when it failed or was cancelled; null while it goes on. */
  readonly result: number | null
  /** 0, or a positive errno; EINPROGRESS (115) while it goes on. */
  readonly error: number
  /** Takes it back if it has not begun: it ends with ECANCELED. Answers whether it was in time. */
  cancel(): boolean
}

/** A list of requests. */
export interface AioList {
  /** `ident` of its event. */
  readonly id: number
  readonly requests: readonly AioRequest[]
  /** Whether all are over. */
  readonly complete: boolean
  /** Takes back all that have not begun. */
  cancel(): void
}

const NOTHING = new Uint8Array(0)
const INT_MAX = 0x7fffffff

/**
 * aio_read(2): reads from a file while the program goes on. The bytes are in `buffer` when
 * the request is over, which is when its event has been handed out, or it says so itself.
 *
 * @throws KqueueError EBADF no descriptor that is open for reading, or a closed queue;
 *   ENOTSUP a pipe, socket or device, with which I/O may never end; EINVAL an offset that
 *   there is not; EFAULT a detached buffer; ENOMEM too many knotes; EMFILE no descriptor is
 *   free. TypeError for values of a wrong type. What fails later is `error` of the request:
 *   EISDIR, EIO, and EFAULT when the buffer has been detached meanwhile.
 */
export function aio_read(read: AioRead): AioRequest {
  const job = readJob(read, 'aio_read')
  return LinuxKernel.ofThread().aio.submit(job, notification(read, 'aio_read'))
}

/**
 * aio_write(2): writes to a file while the program goes on. Throws as `aio_read` does. What
 * fails later is `error` of the request: ENOSPC, EFBIG, EIO.
 */
export function aio_write(write: AioWrite): AioRequest {
  const job = writeJob(write, 'aio_write')
  return LinuxKernel.ofThread().aio.submit(job, notification(write, 'aio_write'))
}

/**
 * aio_fsync(2): over when what was asked for before on this file is over and on the disk.
 * @throws KqueueError EINVAL another `op`; otherwise as `aio_read` does
 */
export function aio_fsync(sync: AioFsync): AioRequest {
  const { fd, op = constants.O_SYNC } = request(sync, 'aio_fsync')
  if (typeof op !== 'number') throw wrongType('op', 'O_SYNC or O_DSYNC', op)
  if (op !== constants.O_SYNC && op !== constants.O_DSYNC) {
    throw new KqueueError(EINVAL, 'aio_fsync', { reason: `op is O_SYNC or O_DSYNC, not ${op}` })
  }
  const operation = op === constants.O_SYNC ? AIO_SYNC : AIO_DSYNC
  const job = { operation, fd: number(fd), offset: 0, view: NOTHING, syscall: 'aio_fsync' }
  return LinuxKernel.ofThread().aio.submit(job, notification(sync, 'aio_fsync'))
}

/**
 * lio_listio(2) with LIO_NOWAIT: asks for all, with one system call where there is io_uring,
 * and tells in one event when all are over. They are done in any order. One that cannot be
 * asked for is over at once, with its error; entries may have events of their own, too.
 *
 * @throws KqueueError EINVAL the list is empty, EBADF a closed queue, ENOMEM too many knotes.
 *   TypeError for values of a wrong type. Nothing has been asked for then.
 */
export function lio_listio(entries: readonly AioEntry[], notify: AioNotify = {}): AioList {
  if (!Array.isArray(entries)) throw wrongType('entries', 'an array of requests', entries)
  const all = notification(options(notify, 'notify'), 'lio_listio')
  const jobs = Array.from(entries as readonly AioEntry[], readEntry)
  if (jobs.length === 0) {
    throw new KqueueError(EINVAL, 'lio_listio', { reason: 'the list is empty' })
  }
  return LinuxKernel.ofThread().aio.submitList(jobs, all)
}

/**
 * aio_cancel(2): takes back a request, or all that were made with a descriptor. Each that was
 * taken back ends with ECANCELED, and its event comes as of any other. Answers AIO_CANCELED
 * (all were taken back), AIO_NOTCANCELED (one goes on), AIO_ALLDONE (all were over).
 * @throws KqueueError EBADF no open descriptor
 */
export function aio_cancel(fd: number, one?: AioRequest): number {
  const kernel = LinuxKernel.ofThread()
  if (kernel.stat(number(fd)) !== 0) {
    throw new KqueueError(EBADF, 'aio_cancel', { reason: `${fd} is not an open descriptor` })
  }
  const chosen = one === undefined ? null : madeHere(one)
  kernel.aio.look()
  const answers = kernel.aio
    .of(fd)
    .filter((each) => chosen === null || each === chosen)
    // The last ones first, so that none begins in the place of one that is taken back.
    .reverse()
    .map((each) => kernel.aio.cancel(each))
  if (answers.includes(AIO_NOTCANCELED)) return AIO_NOTCANCELED
  return answers.includes(AIO_CANCELED) ? AIO_CANCELED : AIO_ALLDONE
}

/** aio_error(2): 0, a positive errno, or EINPROGRESS while it goes on. The same as `error`. */
export function aio_error(request: AioRequest): number {
  return madeHere(request).error
}

/**
 * aio_return(2): the number of bytes, once. An event that was not handed out yet goes with it.
 * @throws KqueueError the error of the request; EINVAL it goes on, or was asked before
 */
export function aio_return(request: AioRequest): number {
  const made = madeHere(request)
  const { result, error } = made
  if (result === null || made.returned) {
    const reason = result === null ? 'the request goes on' : 'the result has been returned'
    throw new KqueueError(EINVAL, 'aio_return', { reason })
  }
  made.returned = true
  made.klist.clear()
  LinuxKernel.ofThread().settle()
  if (error !== 0) throw new KqueueError(error, 'aio_return', { reason: made.job.syscall })
  return result
}

// What the caller gives

function request<T extends object>(given: T, name: string): T {
  if (typeof given !== 'object' || given === null) throw wrongType(name, 'an object', given)
  return given
}

function madeHere(request: unknown): LinuxRequest {
  if (request instanceof LinuxRequest) return request
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
  const reason = `an offset is a whole number from 0 to 2^53-1, not ${offset}`
  throw new KqueueError(EINVAL, syscall, { reason })
}

/** The bytes of a view. Of one that is detached, the addon says so. */
function bytesOf(view: unknown, name: string, syscall: string): Uint8Array {
  if (view instanceof Uint8Array) return view
  if (!ArrayBuffer.isView(view)) throw wrongType(name, 'a view of an ArrayBuffer', view)
  try {
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  } catch {
    throw new KqueueError(EFAULT, syscall, { reason: DETACHED })
  }
}

function notification({ kq, udata }: AioNotify, syscall: string): AioNotification {
  if (kq === undefined) return { queue: null, udata }
  if (!(kq instanceof Kqueue)) throw wrongType('kq', 'a Kqueue', kq)
  const queue = queueOf(kq)
  if (!queue.alive()) throw new KqueueError(EBADF, syscall, { reason: 'this kqueue is closed' })
  return { queue, udata }
}

function readJob(read: AioRead, syscall: string): AioJob {
  const { fd, buffer, offset = 0 } = request(read, syscall)
  const view = bytesOf(buffer, 'buffer', syscall)
  const at = position(offset, syscall)
  return { operation: AIO_READ, fd: number(fd), offset: at, view, syscall }
}

function writeJob(write: AioWrite, syscall: string): AioJob {
  const { fd, bytes, offset = 0 } = request(write, syscall)
  const view = bytesOf(bytes, 'bytes', syscall)
  const at = position(offset, syscall)
  return { operation: AIO_WRITE, fd: number(fd), offset: at, view, syscall }
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
