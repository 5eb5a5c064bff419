/**
 * Asynchronous I/O on files of the tree (aio(4), vfs_aio.c). A request takes a time
 * on the virtual clock and is done at its end, all at once.
 *
 *     const request = aio.read(process, { fd, buffer, kq })
 *     // then an event of EVFILT_AIO with ident request.id
 *     request.result, request.error
 */
import { DETACHED } from '../core/copyin.js'
import { CompletionList, completionFilter, watchCompletion } from '../core/filters/completion.js'
import type { FileTable, Kernel } from '../core/kernel.js'
import { Kqueue } from '../core/kqueue.js'
import { EBADF, EFAULT, EINVAL, ENOTSUP, fail, KqueueError } from '../errors.js'
import { EVFILT_AIO, EVFILT_LIO } from '../event.js'
import { type AioList, AioRequest } from './aio-request.js'
import { RegularFile } from './regular.js'

/** ms that a request takes unless it says otherwise. */
const AIO_DELAY = 1

const NS_PER_MS = 1e6

/** Who is told, and what comes back with the event. */
export interface Notification {
  /** The descriptor of a queue; nobody is told by default. */
  readonly kq?: number
  /** The request, or the list, if it is not given. */
  readonly udata?: unknown
}

/** A request to be told when what was asked for before on this file is done. */
export interface AioSync extends Notification {
  /** The descriptor of the file. */
  readonly fd: number
  /** ms on the virtual clock, fractions count; 1 by default. */
  readonly delay?: number
}

/** A request to read. */
export interface AioRead extends AioSync {
  /** Where the bytes go, and how many there are at most. */
  readonly buffer: Uint8Array
  /** In the file, 0 by default; the offset of the descriptor stays where it is. */
  readonly offset?: number
}

/** A request to write. */
export interface AioWrite extends AioSync {
  /** Copied when the request is made. */
  readonly bytes: Uint8Array
  /** In the file, 0 by default; with O_APPEND it is written at the end. */
  readonly offset?: number
}

/** One of a list: `aio_lio_opcode`. */
export type AioEntry = ({ readonly op: 'read' } & AioRead) | ({ readonly op: 'write' } & AioWrite)

export class Aio {
  readonly #kernel: Kernel
  /** What is not over, by the process that asked, in the order in which it did. */
  readonly #pending = new Map<object, Set<AioRequest>>()
  #id = 1

  /** Installs EVFILT_AIO and EVFILT_LIO. */
  constructor(kernel: Kernel) {
    this.#kernel = kernel
    kernel.filters.install(EVFILT_AIO, completionFilter)
    kernel.filters.install(EVFILT_LIO, completionFilter)
  }

  /**
   * aio_read(2): when it is done the bytes are in `buffer`, and `result` says how many.
   * @throws KqueueError EBADF no descriptor of a file that is open for reading, or none of
   * a queue; ENOTSUP no regular file; EINVAL an offset or a delay that there is not
   */
  read(process: FileTable, request: AioRead): AioRequest {
    const file = findFile(process, request.fd, 'aio_read')
    if (!file.readable) fail(EBADF, 'aio_read', 'the file was not opened for reading')
    const { buffer, offset = 0 } = request
    const { length } = buffer
    checkOffset(offset, 'aio_read')
    return this.#submit(process, request, file, 'aio_read', () => {
      const bytes = file.pread(length, offset)
      // The ArrayBuffer may have been detached meanwhile.
      if (buffer.length < bytes.length) fail(EFAULT, 'aio_read', DETACHED)
      buffer.set(bytes)
      return bytes.length
    })
  }

  /** aio_write(2): `result` says how many bytes. Throws as `read` does. */
  write(process: FileTable, request: AioWrite): AioRequest {
    const file = findFile(process, request.fd, 'aio_write')
    if (!file.writable) fail(EBADF, 'aio_write', 'the file was not opened for writing')
    const { offset = 0 } = request
    checkOffset(offset, 'aio_write')
    const bytes = request.bytes.slice()
    return this.#submit(process, request, file, 'aio_write', () => file.pwrite(bytes, offset))
  }

  /** aio_fsync(2): done when what was asked for before on this file is. Throws as `read` does. */
  fsync(process: FileTable, request: AioSync): AioRequest {
    const file = findFile(process, request.fd, 'aio_fsync')
    let after = 0
    for (const requests of this.#pending.values()) {
      for (const { file: other, callout } of requests) {
        if (other?.vnode === file.vnode) after = Math.max(after, callout.time)
      }
    }
    return this.#submit(process, request, file, 'aio_fsync', () => 0, after)
  }

  /**
   * lio_listio(2) with LIO_NOWAIT: asks for all, and tells when all are over. One that cannot
   * be asked for is over at once, with its error.
   * @throws KqueueError EINVAL the list is empty, EBADF no queue
   */
  lio(process: FileTable, entries: readonly AioEntry[], notification: Notification = {}): AioList {
    if (entries.length === 0) fail(EINVAL, 'lio_listio', 'the list is empty')
    const list = new CompletionList<AioRequest>(this.#id++)
    const { kq, udata } = notification
    if (kq !== undefined) {
      watchCompletion(findQueue(process, kq, 'lio_listio'), EVFILT_LIO, list, udata, 'lio_listio')
    }
    list.take(entries.map((entry) => this.#entry(process, entry)))
    return list
  }

  /** What a process has asked for with a descriptor and is not over, in that order. */
  pending(process: FileTable, fd: number): AioRequest[] {
    return [...(this.#pending.get(owner(process)) ?? [])].filter((request) => request.fd === fd)
  }

  /** A process exits or executes: takes back what it has asked for. aio_proc_rundown. */
  rundown(process: FileTable): void {
    for (const request of [...(this.#pending.get(owner(process)) ?? [])]) request.cancel()
  }

  #entry(process: FileTable, entry: AioEntry): AioRequest {
    try {
      return entry.op === 'read' ? this.read(process, entry) : this.write(process, entry)
    } catch (error) {
      if (!(error instanceof KqueueError)) throw error
      return AioRequest.failed(this.#kernel, this.#id++, entry.fd, -error.errno)
    }
  }

  /** @param after ns: not before this time */
  #submit(
    process: FileTable,
    { fd, kq, udata, delay = AIO_DELAY }: AioSync,
    file: RegularFile,
    syscall: string,
    perform: () => number,
    after = 0,
  ): AioRequest {
    if (!(delay >= 0 && delay < Number.POSITIVE_INFINITY)) {
      fail(EINVAL, syscall, `a delay is a number of ms, not ${delay}`)
    }
    const queue = kq === undefined ? null : findQueue(process, kq, syscall)
    const request = new AioRequest(this.#kernel, this.#id++, fd, file, perform)
    if (queue !== null) watchCompletion(queue, EVFILT_AIO, request, udata, syscall)
    file.fhold()
    this.#keep(owner(process), request)
    request.over = () => {
      this.#forget(owner(process), request)
      file.fdrop()
    }
    const time = Math.max(this.#kernel.uptime() + delay * NS_PER_MS, after)
    this.#kernel.schedule(request.callout, time)
    return request
  }

  #keep(process: object, request: AioRequest): void {
    const pending = this.#pending.get(process)
    if (pending === undefined) this.#pending.set(process, new Set([request]))
    else pending.add(request)
  }

  #forget(process: object, request: AioRequest): void {
    const pending = this.#pending.get(process)
    pending?.delete(request)
    if (pending?.size === 0) this.#pending.delete(process)
  }
}

/** The process behind a table of descriptors, which may be the process itself. */
function owner(process: FileTable): object {
  return process.process ?? process
}

function findFile(process: FileTable, fd: number, syscall: string): RegularFile {
  const file = process.fget(fd, false)
  if (file === null) fail(EBADF, syscall, `${fd} is not an open descriptor`)
  return file instanceof RegularFile ? file : fail(ENOTSUP, syscall, `${fd} is not a regular file`)
}

function findQueue(process: FileTable, fd: number, syscall: string): Kqueue {
  const file = process.fget(fd, false)
  return file instanceof Kqueue ? file : fail(EBADF, syscall, `${fd} is not a kqueue`)
}

function checkOffset(offset: number, syscall: string): void {
  if (Number.isSafeInteger(offset) && offset >= 0) return
  fail(EINVAL, syscall, `${offset} is not an offset`)
}
