/**
 * Asynchronous I/O of a thread: EVFILT_AIO and EVFILT_LIO. Requests are given to the
 * addon, which has them done by io_uring, or by threads where there is none; what is
 * over is collected when its descriptor fires, or when somebody asks.
 *
 *     const request = hub.aio.submit({ operation: 'read', fd, offset, view, syscall }, notify)
 */
import type { AioJob, AioNotification, SystemAio, SystemQueue } from '../api/system.js'
import { DETACHED, wrongType } from '../core/copyin.js'
import { failureOf } from '../core/failure.js'
import { CompletionList, watchCompletion } from '../core/filters/completion.js'
import { Kqueue } from '../core/kqueue.js'
import { EBADF, EFAULT, EMFILE, ENOTSUP, KqueueError } from '../errors.js'
import { EVFILT_AIO, EVFILT_LIO } from '../event.js'
import { AioRequest } from './aio-request.js'
import { AIO as FACILITY, AIO_REQUEST as REQUEST } from './hub/facility.js'
import type { Hub } from './hub/hub.js'
import { AIO_DSYNC, AIO_READ, AIO_SYNC, AIO_WRITE } from './hub/native.js'

/** What is asked of the addon. */
const OPERATIONS = { read: AIO_READ, write: AIO_WRITE, sync: AIO_SYNC, datasync: AIO_DSYNC }

/** Idents are no small numbers, for which a table of knotes has an array. */
const FIRST_ID = 2 ** 32
/** Handles of one call to the addon. */
const BATCH = 1024

/** A list whose state is looked at when it is asked for. */
export class AioList extends CompletionList<AioRequest> {
  readonly #aio: Aio

  constructor(aio: Aio, id: number) {
    super(id)
    this.#aio = aio
  }

  override get complete(): boolean {
    if (this.outcome === null) this.#aio.catchUp()
    return super.complete
  }
}

export class Aio implements SystemAio {
  /** The descriptor that fires, -1 while there is no I/O. */
  #fd = -1
  /** What is not over, by handle. */
  readonly #requests: (AioRequest | undefined)[] = []
  #going = 0
  #nextId = FIRST_ID
  readonly #handles = new Int32Array(BATCH)

  constructor(readonly hub: Hub) {}

  submit(job: AioJob, notification: AioNotification): AioRequest {
    const isFirst = this.#fd === -1
    try {
      return this.#submit(job, notification, true)
    } catch (error) {
      // Nothing came of it.
      if (isFirst) this.#close()
      throw error
    } finally {
      this.attendOrClose()
    }
  }

  submitList(
    jobs: readonly (readonly [AioJob, AioNotification])[],
    { queue, udata }: AioNotification,
  ): AioList {
    const list = new AioList(this, this.#nextId++)
    if (queue !== null) watchCompletion(this.#machine(queue), EVFILT_LIO, list, udata, 'lio_listio')
    const requests = jobs.map(([job, notification]) => this.#entry(job, notification))
    list.take(requests)
    if (this.#fd !== -1) this.hub.native.aioStart()
    this.attendOrClose()
    this.hub.settle()
    return list
  }

  #entry(job: AioJob, notification: AioNotification): AioRequest {
    try {
      return this.#submit(job, notification, false)
    } catch (error) {
      if (!(error instanceof KqueueError)) throw error
      const request = new AioRequest(this, this.#nextId++, job)
      request.finish(error.errno)
      return request
    }
  }

  #submit(job: AioJob, { queue, udata }: AioNotification, now: boolean): AioRequest {
    const { operation, fd, offset, view, syscall } = job
    this.#open(syscall)
    const request = new AioRequest(this, this.#nextId++, job)
    if (queue !== null) watchCompletion(this.#machine(queue), EVFILT_AIO, request, udata, syscall)
    const handle = this.hub.native.aioSubmit(OPERATIONS[operation], fd, offset, view, now)
    if (handle < 0) {
      request.klist.clear()
      throw new KqueueError(-handle, syscall, {
        reason: reasonOf(-handle, fd) ?? REQUEST.explain(-handle),
      })
    }
    request.handle = handle
    this.#requests[handle] = request
    this.#going++
    return request
  }

  #machine(queue: SystemQueue): Kqueue {
    if (queue instanceof Kqueue && queue.kernel === this.hub) return queue
    throw wrongType('kq', 'a Kqueue of this system', queue)
  }

  #open(syscall: string): void {
    if (this.#fd !== -1) return
    const { native } = this.hub
    const fd = FACILITY.check(native.aioOpen(), syscall)
    try {
      this.hub.adopt(fd, () => this.collect())
    } catch (error) {
      native.aioClose()
      throw failureOf(error, syscall)
    }
    this.#fd = fd
  }

  /** Tells the requests that are over. */
  collect(): void {
    if (this.#fd === -1) return
    const { native } = this.hub
    const handles = this.#handles
    let n: number
    do {
      n = native.aioCollect(handles)
      for (let i = 0; i < n; i++) this.#end(handles[i]!)
    } while (n === BATCH)
    if (this.#going === 0) this.attendOrClose()
  }

  #end(handle: number): void {
    const request = this.#requests[handle]!
    this.#requests[handle] = undefined
    this.#going--
    request.finish(this.hub.native.aioTake(handle, request.job.view))
  }

  /** Somebody asks how it goes. */
  catchUp(): void {
    this.collect()
    this.hub.settle()
  }

  cancel(request: AioRequest): number {
    const answer = this.hub.native.aioCancel(request.handle)
    this.catchUp()
    return answer
  }

  pending(fd: number): AioRequest[] {
    this.catchUp()
    return this.#requests.filter((request) => request?.job.fd === fd) as AioRequest[]
  }

  made(request: unknown): request is AioRequest {
    return request instanceof AioRequest
  }

  forget(request: AioRequest): void {
    request.klist.clear()
    this.hub.settle()
  }

  /**
   * Where nobody has a queue to look into, the event loop looks until all is over; then
   * nothing is kept.
   */
  attendOrClose(): void {
    const { hub } = this
    if (this.#fd === -1 || hub.hasQueues) return
    hub.attend(this.#going > 0)
    if (this.#going === 0) this.#close()
  }

  #close(): void {
    if (this.#fd === -1) return
    const { hub } = this
    hub.disown(this.#fd)
    this.#fd = -1
    this.#requests.length = 0
    hub.native.aioClose()
  }
}

function reasonOf(errno: number, fd: number): string | undefined {
  switch (errno) {
    case EBADF:
      return `${fd} is not a descriptor that is open for this`
    case ENOTSUP:
      return `${fd} is no regular file, directory or block device, with which I/O ends by itself`
    case EFAULT:
      return DETACHED
    case EMFILE:
      return 'a file stays open until its requests are over, for which no descriptor is free'
    default:
      return undefined
  }
}
