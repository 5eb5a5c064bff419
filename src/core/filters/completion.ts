/**
 * Something that will be over once, and the filter of its knotes: EVFILT_AIO and
 * EVFILT_LIO (`aio_filtops`, `lio_filtops`). Who asks for it registers the knote with
 * `watchCompletion`; kevent(2) cannot, but can disable, enable and delete it.
 */
import { EPERM, refuse } from '../../errors.js'
import { EV_ADD, EV_EOF, EV_ONESHOT, EV_SET, EVFILT_AIO } from '../../event.js'
import { failureOf } from '../failure.js'
import type { FilterOps } from '../filter.js'
import { Knlist } from '../knlist.js'
import type { Kqueue } from '../kqueue.js'

/** What aio_cancel(2) answers, with FreeBSD's numbers: it was taken back. */
export const AIO_CANCELED = 1
/** It cannot be taken back (any more), and goes on. */
export const AIO_NOTCANCELED = 2
/** It is over. */
export const AIO_ALLDONE = 3

export interface Completion {
  /** The `ident` of its events. */
  readonly id: number
  /** null while it goes on, then 0 or a positive errno: `data` of its event. */
  readonly outcome: number | null
  readonly klist: Knlist
}

/** What `watchCompletion` is registering: FreeBSD marks it with EV_FLAG1 and a pointer. */
let registering: Completion | null = null

export const completionFilter: FilterOps = {
  isFd: false,

  attach(kn) {
    if (registering === null) {
      return refuse(EPERM, 'this event is added by the request that it is about')
    }
    kn.hook = registering
    registering.klist.add(kn)
    return 0
  },

  detach: (kn) => (kn.hook as Completion).klist.remove(kn),

  event(kn) {
    const { outcome } = kn.hook as Completion
    if (outcome === null) return false
    kn.data = outcome
    if (kn.filter === EVFILT_AIO) kn.flags |= EV_EOF
    return true
  },
}

/**
 * Adds the event of a completion to a queue.
 * @param udata what comes back with the event, the completion itself if undefined
 * @throws KqueueError what the queue says, ENOMEM for one
 */
export function watchCompletion(
  kq: Kqueue,
  filter: number,
  completion: Completion,
  udata: unknown,
  syscall: string,
): void {
  const outer = registering
  registering = completion
  try {
    const given = udata === undefined ? completion : udata
    kq.register(EV_SET(completion.id, filter, EV_ADD | EV_ONESHOT, 0, 0, given))
  } catch (error) {
    throw failureOf(error, syscall)
  } finally {
    registering = outer
  }
}

/** One of a list. */
export interface Part {
  readonly outcome: number | null
  /** The list that it is one of, which it tells when it is over. */
  list: CompletionList<Part> | null
  cancel(): boolean
}

/** A list of requests (`struct aioliojob`): over when all of them are. */
export class CompletionList<Request extends Part> implements Completion {
  readonly klist = new Knlist()
  #requests: readonly Request[] = []
  /** How many are not over; those that are to be asked for are not. */
  #left = 1

  constructor(readonly id: number) {}

  get requests(): readonly Request[] {
    return this.#requests
  }

  /** All that were asked for. */
  take(requests: readonly Request[]): void {
    this.#requests = requests
    for (const request of requests) {
      request.list = this
      if (request.outcome === null) this.#left++
    }
    this.partOver()
  }

  get outcome(): 0 | null {
    return this.#left === 0 ? 0 : null
  }

  /** Whether all are over. */
  get complete(): boolean {
    return this.outcome !== null
  }

  /** Takes back all that can be taken back. */
  cancel(): void {
    for (const request of this.#requests) request.cancel()
  }

  /** One has ended: tells if it was the last. */
  partOver(): void {
    if (--this.#left === 0) this.klist.note(0)
  }
}
