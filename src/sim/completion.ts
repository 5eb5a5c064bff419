/**
 * Something that will be complete once, and the filter of its knotes: EVFILT_AIO and
 * EVFILT_LIO (`aio_filtops`, `lio_filtops`). Who asks for it registers the knote with
 * `watchCompletion`; kevent(2) cannot, but can disable, enable and delete it.
 */
import type { FilterOps } from '../core/filter.js'
import type { Knlist } from '../core/knlist.js'
import type { Kqueue } from '../core/kqueue.js'
import { EPERM, KqueueError } from '../errors.js'
import { EV_ADD, EV_EOF, EV_ONESHOT, EV_SET, EVFILT_AIO } from '../event.js'

export interface Completion {
  /** The `ident` of its events. */
  readonly id: number
  readonly complete: boolean
  /** 0, or a positive errno: `data` of its event. */
  readonly error: number
  readonly klist: Knlist
}

/** What `watchCompletion` is registering: FreeBSD marks it with EV_FLAG1 and a pointer. */
let registering: Completion | null = null

export const completionFilter: FilterOps = {
  isFd: false,

  attach(kn) {
    if (registering === null) {
      return kn.kq.kernel.refuse(EPERM, 'this event is added by the request that it is about')
    }
    kn.hook = registering
    registering.klist.add(kn)
    return 0
  },

  detach: (kn) => (kn.hook as Completion).klist.remove(kn),

  event(kn) {
    const { complete, error } = kn.hook as Completion
    if (!complete) return false
    kn.data = error
    if (kn.filter === EVFILT_AIO) kn.flags |= EV_EOF
    return true
  },
}

/**
 * Adds the event of a completion to a queue.
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
    const change = EV_SET(completion.id, filter, EV_ADD | EV_ONESHOT, 0, 0, udata)
    const error = kq.register(change)
    if (error !== 0) throw new KqueueError(error, syscall, { reason: kq.kernel.reason })
  } finally {
    registering = outer
  }
}
