/**
 * A request for asynchronous I/O on Linux (`struct aiocb`): how it goes, and how it has
 * ended.
 */
import type { AioJob, AioRequest as Request } from '../api/system.js'
import {
  AIO_CANCELED,
  type Completion,
  type CompletionList,
  type Part,
} from '../core/filters/completion.js'
import { Knlist } from '../core/knlist.js'
import { ECANCELED, EINPROGRESS } from '../errors.js'

/** Who carries requests out. */
interface Carrier {
  catchUp(): void
  cancel(request: AioRequest): number
}

export class AioRequest implements Request, Completion, Part {
  readonly klist = new Knlist()
  /** What the addon knows it by while it is not over. */
  handle = -1
  list: CompletionList<Part> | null = null
  outcome: number | null = null
  readonly #aio: Carrier
  #result: number | null = null

  constructor(
    aio: Carrier,
    readonly id: number,
    readonly job: AioJob,
  ) {
    this.#aio = aio
  }

  get fd(): number {
    return this.job.fd
  }

  get complete(): boolean {
    if (this.outcome === null) this.#aio.catchUp()
    return this.outcome !== null
  }

  get status(): 'pending' | 'done' | 'cancelled' {
    if (!this.complete) return 'pending'
    return this.outcome === ECANCELED ? 'cancelled' : 'done'
  }

  get result(): number | null {
    return this.complete ? this.#result : null
  }

  get error(): number {
    return this.complete ? this.outcome! : EINPROGRESS
  }

  cancel(): boolean {
    return this.outcome === null && this.#aio.cancel(this) === AIO_CANCELED
  }

  /** It is over, with a number of bytes or a negative errno. */
  finish(result: number): void {
    this.#result = Math.max(result, -1)
    this.outcome = result < 0 ? -result : 0
    this.klist.note(0)
    this.list?.partOver()
  }
}
