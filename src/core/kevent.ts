/**
 * The first half of kevent(2), the same on every kernel: the changelist, and what a failure
 * is answered with.
 */
import { EBADF, KqueueError } from '../errors.js'
import { EV_ERROR, EV_RECEIPT, type EventSink, type Kevent } from '../event.js'
import { failureOf } from './failure.js'

/** A queue, as far as changes go. */
export interface Registrar {
  readonly closed: boolean
  /** Applies one change. @throws KqueueError with that change: why it is refused */
  register(change: Kevent): void
}

/**
 * Applies the first `n` changes in order. A change that fails, or that asks for a
 * receipt, is answered with an EV_ERROR event while there is room for `room` of
 * them. Answers the number of those events. kqueue_kevent.
 *
 * The answer is the change as `register` leaves it: its `fflags` are 0 where it was for a
 * new event.
 *
 * A receipt of success for which there is no room is left out (FreeBSD stops there).
 * @throws KqueueError when a change fails and there is no room: those before it have been applied
 */
export function applyChanges(
  kq: Registrar,
  changes: readonly Kevent[],
  n: number,
  sink: EventSink,
  room: number,
): number {
  let answered = 0
  for (let index = 0; index < n; index++) {
    const change = changes[index]!
    if (change.filter === 0) continue
    const given = change.fflags
    const failure = failureOfChange(kq, change)
    const error = failure === null ? 0 : -failure.errno
    if (error === 0 && (change.flags & EV_RECEIPT) === 0) continue
    if (answered < room) {
      const { ident, filter, fflags, udata } = change
      sink.put(ident, filter, EV_ERROR, fflags, error, udata)
      answered++
    } else if (failure !== null) {
      throw failureOf(failure, 'kevent', { change: { ...change, fflags: given }, index })
    }
    if (error === EBADF && kq.closed) break
  }
  return answered
}

/** Applies one change: null, or why it was refused. What else is thrown is for who called. */
function failureOfChange(kq: Registrar, change: Kevent): KqueueError | null {
  try {
    kq.register(change)
    return null
  } catch (error) {
    if (error instanceof KqueueError && error.change === change) return error
    throw error
  }
}
