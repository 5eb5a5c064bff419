/** A queue as programs have it: kevent(2) in its three forms, blocking, awaited, and iterated. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { Abort } from '../core/abort.js'
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
import type { KnoteInfo } from '../core/knote.js'
import type { KqueueImage } from '../core/kqueue-image.js'
import { EINVAL, ENOSYS, fail } from '../errors.js'
import type { Change, EventSink, Kevent, Timeout } from '../event.js'
import { abortSignal } from './arguments.js'
import { EventIterator } from './iteration.js'
import type { Bound, SystemQueue } from './system.js'

export interface WaitOptions {
  /** Changes to apply first, as in `kevent`. */
  changelist?: readonly Change[] | undefined
  /** The most events to hand out; 64 without. */
  nevents?: number | undefined
  /** How long to wait; for ever without. */
  timeout?: Timeout | undefined
  /** Gives up, rejecting with the signal's reason. */
  signal?: Abort | undefined
}

/** Events that `wait` hands out at most when not told. */
export const NEVENTS = 64

/** The making of a Kqueue is left to kqueue(), kqueuex() and kqueue1(). */
const MAKE = Symbol('make')

/** The queue behind a Kqueue, for calls that take one. */
export let queueOf: (kq: Kqueue) => SystemQueue

export class Kqueue {
  static {
    queueOf = (kq) => kq.#queue
  }

  /**
   * A new queue made of an image of another, in the same thread or in a worker. It has the
   * same events in the same states, and those that were pending are pending in the same order.
   * Timers go on at the same moments; what has happened since the image is reported. An event
   * with EV_CLEAR of a descriptor may come once more. Events of descriptors that were closed
   * since are left out, and processes are told from others that have their numbers by now.
   * See docs/fork.md.
   *
   * @throws KqueueError EINVAL what is given is no image, of another version or of another
   *   process, with the field that is wrong; there is no such filter here; otherwise like
   *   `kqueue` and the adding of the event, and there is no new queue
   */
  static fromImage(_image: KqueueImage): Kqueue {
    fail(ENOSYS, 'fromImage', 'take Kqueue from the system itself')
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && #queue in value
  }

  readonly #queue: SystemQueue
  // Taken while a call is under way: a getter in a changelist may call again.
  #spare: ChangeBuffer | null = new ChangeBuffer()

  /** @internal */
  constructor(make: symbol, queue?: SystemQueue) {
    if (make !== MAKE || queue === undefined)
      throw new TypeError('a Kqueue is made by kqueue(), not by new')
    this.#queue = queue
  }

  /**
   * The queue's descriptor: readable, for poll(2) and its kin, while events are
   * pending. It belongs to the thread that made the queue.
   * @throws KqueueError EBADF when the queue is closed
   */
  get fd(): number {
    this.#queue.assertOpen()
    return this.#queue.expose()
  }

  /**
   * kevent(2): applies the changes, and then hands out at most `nevents` events,
   * blocking the thread for at most `timeout` until there are some. With `nevents` 0
   * it returns at once. A change that fails is answered with an EV_ERROR event with
   * the errno in `data` while there is room for events, and thrown otherwise; when
   * there are such answers, no events are drained.
   *
   * @throws KqueueError EBADF closed queue; EINTR a signal that the program handles came first; EINVAL nevents,
   *   or a timeout that is to be waited for: the changes have been applied; the error of a change
   *   for which there is no room: those before it have been applied, those after it have not.
   *   TypeError for values of a wrong type.
   */
  kevent(
    changelist?: readonly Change[] | null,
    nevents = 0,
    timeout: Timeout | undefined = null,
  ): Kevent[] {
    const max = eventCount(nevents)
    const given = givenTimeout(timeout)
    const sink = new EventArray()
    this.#call(changelist, (buffer) => {
      kevent(this.#queue, buffer, sink, max, given)
    })
    return sink.events
  }

  /**
   * kevent(2) into a list that is used again and again: it has room for
   * `list.capacity` events. Answers how many there are. Otherwise like `kevent`.
   */
  keventInto(
    changelist: readonly Change[] | null | undefined,
    list: EventList,
    timeout: Timeout | undefined = null,
  ): number {
    if (!(list instanceof EventList)) throw wrongType('list', 'an EventList', list)
    const given = givenTimeout(timeout)
    const buffer = this.#spare ?? new ChangeBuffer()
    this.#spare = null
    try {
      buffer.read(changelist)
      list.length = 0
      return kevent(this.#queue, buffer, list, list.capacity, given)
    } finally {
      buffer.release()
      this.#spare = buffer
    }
  }

  /**
   * kevent(2) that awaits instead of blocking. Each event goes to one waiter only;
   * who came first is served first. Answers no events when the time is over.
   *
   * @throws (rejects with) what `kevent` throws; the signal's reason when it is aborted,
   *   in which case events not handed out stay queued; EBADF when the queue is closed
   */
  wait(given: WaitOptions = {}): Promise<Kevent[]> {
    try {
      return this.#wait(given)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Not async: who waits gets the promise that is settled, and goes on turns earlier. */
  #wait(given: WaitOptions): Promise<Kevent[]> {
    const { changelist, nevents = NEVENTS, timeout = null, signal } = options(given, 'options')
    const max = eventCount(nevents)
    const limit = givenTimeout(timeout)
    const abort = abortSignal(signal)
    abort?.throwIfAborted()
    const queue = this.#queue
    const sink = new EventArray()
    let ns = 0
    this.#call(changelist, (buffer) => {
      const errors = queue.change(buffer.changes, buffer.length, sink, max)
      if (errors > 0 || max === 0) return
      ns = nanoseconds(limit)
      // Who waits already comes first.
      if (!queue.awaited || ns === 0) queue.collect(sink, max, 0)
    })
    if (sink.events.length > 0 || ns === 0) {
      const pause = queue.pause()
      return pause === null ? Promise.resolve(sink.events) : pause.then(() => sink.events)
    }
    abort?.throwIfAborted()
    queue.assertOpen()
    return queue.sleep(max, ns, abort)
  }

  /** All events, one after another, until the queue is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Kevent> {
    return this.events()
  }

  /**
   * All events, one after another, until the queue is closed. An event is taken from
   * the queue when it is asked for, so none is lost when the loop is left. `nevents`, 1
   * to 2^53-1, is how many may be taken before the kernel is asked again what has
   * happened.
   * @throws (rejects with) the reason of `signal` when it is aborted; EBADF when the
   *   queue is closed from the start
   */
  events(given: { nevents?: number; signal?: Abort } = {}): AsyncIterableIterator<Kevent> {
    const { nevents = NEVENTS, signal } = options(given, 'options')
    const batch = eventCount(nevents)
    if (batch === 0) fail(EINVAL, 'kevent', 'nevents must be 1 or more')
    return new EventIterator(this, this.#queue, batch, abortSignal(signal))
  }

  /** What is registered, and in which state. Descriptors that were closed are not among them. */
  knotes(): KnoteInfo[] {
    this.#queue.assertOpen()
    return this.#queue.describe()
  }

  /**
   * What is registered and what is pending, as plain data: `postMessage` takes it to a worker
   * of the process, and `Kqueue.fromImage` makes a queue of it. The queue itself is as before.
   * Left out is what cannot be copied: AIO, and filters of the program's own without `copy`.
   * @throws KqueueError EBADF the queue is closed; EINVAL a `udata` that structuredClone does
   *   not take, which is its `cause`
   */
  image(): KqueueImage {
    this.#queue.assertOpen('image')
    return this.#queue.takeImage()
  }

  /** Waiting for this queue keeps the process alive, as it does from the start. */
  ref(): this {
    this.#queue.reference(true)
    return this
  }

  /** Waiting for this queue does not keep the process alive. */
  unref(): this {
    this.#queue.reference(false)
    return this
  }

  /** Closes the queue: removes its knotes, and ends who waits for it with EBADF. Once is enough. */
  close(): void {
    this.#queue.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #call(
    changelist: readonly Change[] | null | undefined,
    run: (buffer: ChangeBuffer) => void,
  ): void {
    const buffer = this.#spare ?? new ChangeBuffer()
    this.#spare = null
    try {
      buffer.read(changelist)
      run(buffer)
    } finally {
      buffer.release()
      this.#spare = buffer
    }
  }
}

/**
 * The whole of kevent(2): `change`, and then, where that has answered nothing and `max` is not 0,
 * `collect`. Answers the number of events. Hot path.
 */
export function kevent(
  queue: Pick<SystemQueue, 'change' | 'collect'>,
  { changes, length }: ChangeBuffer,
  sink: EventSink,
  max: number,
  timeout: GivenTimeout,
): number {
  const errors = queue.change(changes, length, sink, max)
  return errors > 0 || max === 0 ? errors : queue.collect(sink, max, nanoseconds(timeout))
}

/** The class as a system has it, which makes queues of images there. */
export function kqueueClass(system: Bound): typeof Kqueue {
  const own = class extends Kqueue {
    static override fromImage(image: KqueueImage): Kqueue {
      return makeKqueue(system().openImage(image))
    }
  }
  return Object.defineProperty(own, 'name', { value: Kqueue.name })
}

/** A Kqueue over the queue of a system. */
export function makeKqueue(queue: SystemQueue): Kqueue {
  return new Kqueue(MAKE, queue)
}
