/**
 * A request for asynchronous I/O (`struct aiocb`) and a list of them: how they go, and
 * how they end.
 */
import { Callout } from '../core/callout.js'
import type { Completion, CompletionList, Part } from '../core/filters/completion.js'
import type { Kernel } from '../core/kernel.js'
import { Knlist } from '../core/knlist.js'
import { ECANCELED, EINPROGRESS, KqueueError } from '../errors.js'
import type { VnodeFile } from './vnode.js'

export class AioRequest implements Completion, Part {
  readonly klist = new Knlist()
  status: 'pending' | 'done' | 'cancelled' = 'pending'
  /** Bytes, 0 for a sync, -1 when it failed or was cancelled; null while it goes on. aio_return(2). */
  result: number | null = null
  /** 0, or a positive errno; EINPROGRESS while it goes on. aio_error(2). */
  error = EINPROGRESS
  /** Ends the request at its time. */
  readonly callout = new Callout(() => this.#run())
  /** The list that it is one of. */
  list: CompletionList<Part> | null = null
  /** Called once when it is over, before anybody is told. */
  over: () => void = () => {}

  constructor(
    private readonly kernel: Kernel,
    readonly id: number,
    /** The descriptor that it was made with. */
    readonly fd: number,
    readonly file: VnodeFile | null,
    private readonly perform: () => number,
  ) {}

  /** A request that could not be made. */
  static failed(kernel: Kernel, id: number, fd: number, errno: number): AioRequest {
    const request = new AioRequest(kernel, id, fd, null, () => 0)
    request.#finish('done', -1, errno)
    return request
  }

  get complete(): boolean {
    return this.status !== 'pending'
  }

  get outcome(): number | null {
    return this.complete ? this.error : null
  }

  /**
   * Takes the request back if it is not over: it ends with ECANCELED, and that is reported.
   * Answers whether it was in time. aio_cancel(2).
   */
  cancel(): boolean {
    if (this.complete) return false
    this.kernel.callouts.cancel(this.callout)
    this.#finish('cancelled', -1, ECANCELED)
    return true
  }

  #run(): void {
    let result = -1
    let errno = 0
    try {
      result = this.perform()
    } catch (error) {
      if (!(error instanceof KqueueError)) throw error
      errno = -error.errno
    }
    this.#finish('done', result, errno)
  }

  #finish(status: 'done' | 'cancelled', result: number, errno: number): void {
    this.status = status
    this.result = result
    this.error = errno
    this.over()
    this.klist.note(0)
    this.list?.partOver()
  }
}

/** Requests that were asked for together. */
export type AioList = CompletionList<AioRequest>
