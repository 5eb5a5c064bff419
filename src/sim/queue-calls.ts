/** The system calls on queues of a process: kqueue(2), kevent(2). */
import {
  ChangeBuffer,
  eventCount,
  type GivenTimeout,
  givenTimeout,
  nanoseconds,
  options,
  wrongType,
} from '../core/copyin.js'
import { EventArray, EventList } from '../core/event-list.js'
import { EINVAL, KqueueError } from '../errors.js'
import {
  type Change,
  type EventSink,
  type Kevent,
  KQUEUE_CLOEXEC,
  KQUEUE_CPONFORK,
  KQUEUE_CPONFORKFD,
  KQUEUE_CPONFORKNONFD,
  type Timeout,
} from '../event.js'
import type { SimProcess } from './process.js'
import { SimQueue } from './queue.js'
import { SocketCalls } from './socket-calls.js'

const FLAGS = KQUEUE_CLOEXEC | KQUEUE_CPONFORK | KQUEUE_CPONFORKFD | KQUEUE_CPONFORKNONFD
/** Events that `wait` hands out at most, unless told otherwise. */
const NEVENTS = 64

/** What `wait` takes. */
export interface WaitOptions {
  changelist?: readonly Change[] | null
  /** The most events to hand out, 64 by default. */
  nevents?: number
  /** How long to wait, for ever by default. */
  timeout?: Timeout
}

export abstract class QueueCalls extends SocketCalls {
  /** kqueue(2): the descriptor of a new queue. @throws KqueueError EMFILE */
  kqueue(): number {
    return this.kqueuex(0)
  }

  /**
   * kqueuex(2): the descriptor of a new queue.
   * @param flags KQUEUE_CLOEXEC, KQUEUE_CPONFORK, KQUEUE_CPONFORKFD, KQUEUE_CPONFORKNONFD
   * @throws KqueueError EINVAL other flags, EMFILE
   */
  kqueuex(flags: number): number {
    this.enter('kqueue')
    if (!Number.isInteger(flags) || flags & ~FLAGS) {
      throw new KqueueError(EINVAL, 'kqueuex', {
        reason: `${String(flags)} is not made of KQUEUE_CLOEXEC and KQUEUE_CPONFORK*`,
      })
    }
    const queue = new SimQueue(this as unknown as SimProcess, flags)
    return this.descriptors.install(queue, 'kqueue', (flags & KQUEUE_CLOEXEC) !== 0)
  }

  /**
   * kevent(2): applies the changes, then hands out at most `nevents` events. With
   * `nevents` 0 it returns at once. While there are none it sleeps for at most `timeout`
   * ms by moving the clock from callout to callout; no other program runs meanwhile.
   *
   * @throws KqueueError EBADF `fd` is not open; EINVAL it is not a queue, `nevents` or `timeout`; EDEADLK it
   *   would sleep for ever, because nothing can happen any more; the error of a change for
   *   which there is no room: those before it have been applied. TypeError for values of
   *   a wrong type.
   */
  kevent(
    fd: number,
    changelist?: readonly Change[] | null,
    nevents = 0,
    timeout: Timeout | undefined = null,
  ): Kevent[] {
    const sink = new EventArray()
    this.#kevent(fd, changelist, sink, eventCount(nevents), givenTimeout(timeout))
    return sink.events
  }

  /**
   * kevent(2) into a list that is used again and again: it has room for `list.capacity`
   * events. Answers how many there are. Otherwise like `kevent`.
   */
  keventInto(
    fd: number,
    changelist: readonly Change[] | null | undefined,
    list: EventList,
    timeout: Timeout | undefined = null,
  ): number {
    if (!(list instanceof EventList)) throw wrongType('list', 'an EventList', list)
    list.length = 0
    return this.#kevent(fd, changelist, list, list.capacity, givenTimeout(timeout))
  }

  #kevent(
    fd: number,
    changelist: readonly Change[] | null | undefined,
    sink: EventSink,
    max: number,
    timeout: GivenTimeout,
  ): number {
    const queue = this.#queue(fd)
    const buffer = new ChangeBuffer()
    buffer.read(changelist)
    return queue.kevent(buffer.changes, buffer.length, sink, max, timeout)
  }

  /**
   * kevent(2) for programs written as async functions: while it sleeps the others run.
   * Who waits for a queue first is served first, and no event is handed out twice. The
   * promise is settled in a turn that `kernel.run` or `kernel.settle` gives; when the
   * process exits it never is.
   *
   * @throws (rejects with) what `kevent` throws, except EDEADLK; EINTR a signal was handled
   *   before there were events; EBADF the queue was closed
   */
  async wait(fd: number, given: WaitOptions = {}): Promise<Kevent[]> {
    const { changelist, nevents = NEVENTS, timeout = null } = options(given, 'options')
    const max = eventCount(nevents)
    const limit = givenTimeout(timeout)
    const queue = this.#queue(fd)
    const buffer = new ChangeBuffer()
    buffer.read(changelist)
    const sink = new EventArray()
    const errors = queue.change(buffer.changes, buffer.length, sink, max)
    if (errors === 0 && max > 0) {
      return queue.sleep(max, nanoseconds(limit), { interruptible: true })
    }
    await this.kernel.scheduler.pause(queue.process)
    return sink.events
  }

  #queue(fd: number): SimQueue {
    const file = this.file(fd, 'kevent')
    if (file instanceof SimQueue) return file
    throw new KqueueError(EINVAL, 'kevent', { reason: `${fd} is not the descriptor of a queue` })
  }
}
