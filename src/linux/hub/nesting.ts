/**
 * Why the thread's epoll instance cannot be where it has to be: in the event loop's, or in
 * the descriptor of a queue. epoll(7) allows no loop of instances, and five in each other.
 */
import { EAGAIN, EBADF, EINVAL, ELOOP, ENOENT, EPERM, KqueueError, refuse } from '../../errors.js'
import { EPOLL_CTL } from './facility.js'
import type { Sets } from './sets.js'

/** Of a descriptor that is refused, or that makes others be refused. */
export const TOO_DEEP =
  'an epoll instance that leads back to where it is watched, or that makes more than the five in each other that Linux allows'

/** For who cannot wait. `error` is a negative errno. */
export function pollFailure(sets: Sets, error: number): KqueueError {
  return new KqueueError(-error, 'kevent', { reason: reasonToWait(sets, -error) })
}

function reasonToWait(sets: Sets, errno: number): string {
  if (errno === ELOOP) {
    const found = culprits(sets)
    return found.length === 0
      ? `the event loop cannot wait for ${TOO_DEEP}`
      : `the event loop cannot wait for descriptor ${found.join(', ')}, ${TOO_DEEP}`
  }
  if (errno === EBADF || errno === EINVAL || errno === EPERM || errno === ENOENT) {
    return `descriptor ${sets.read.fd}, in which the events of this thread arrive, was closed by somebody else`
  }
  if (errno === EAGAIN) return 'the system allows no more threads, of which waiting takes one here'
  return EPOLL_CTL.explain(errno)
}

/** The descriptors that the event loop would not bear, each by itself. */
function culprits(sets: Sets): number[] {
  const found = new Set<number>()
  for (const [set, levels] of sets.all()) {
    for (const fd of set.nested()) {
      if (sets.native.loopProbe(fd, levels) === -ELOOP) found.add(fd)
    }
  }
  return [...found]
}

/** For who wants to know the descriptor of a queue. `error` is a negative errno. */
export function exposureFailure(sets: Sets, error: number, fd: number): KqueueError {
  const nested = [...sets.all()].flatMap(([set]) => [...set.nested()])
  const holding = [...new Set(nested)].join(' or ')
  const reason =
    error === -ELOOP
      ? `the queue ${fd} would hold descriptor ${holding}, ${TOO_DEEP}`
      : EPOLL_CTL.explain(-error)
  return new KqueueError(-error, 'kqueue', { reason })
}

/** For a descriptor that cannot be added. `error` is a positive errno. */
export function refusePoll(error: number, fd: number): never {
  if (error === EBADF) refuse(EBADF, `${fd} is not an open descriptor`)
  if (error === ELOOP) refuse(ELOOP, `descriptor ${fd} is ${TOO_DEEP}`)
  throw EPOLL_CTL.failure(error)
}
