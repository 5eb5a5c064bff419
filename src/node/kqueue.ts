/**
 * The system calls as a Node.js program makes them: `kqueue()` and its kin make a
 * queue, and class `Kqueue` is kevent(2) in its three forms: blocking, awaited,
 * and iterated.
 */
import {
  ChangeBuffer,
  eventCount,
  givenTimeout,
  nanoseconds,
  options,
  wrongType,
} from '../core/copyin.js'
import { EventArray, EventList } from '../core/event-list.js'
import { KN_ACTIVE, KN_DISABLED, KN_QUEUED, type Knote } from '../core/knote.js'
import { EBADF, EINVAL, KqueueError } from '../errors.js'
import {
  type Change,
  type Kevent,
  KQUEUE_CLOEXEC,
  KQUEUE_CPONFORK,
  KQUEUE_CPONFORKFD,
  KQUEUE_CPONFORKNONFD,
  type Timeout,
} from '../event.js'
import { LinuxKernel } from '../linux/kernel.js'
import { LinuxQueue, Waiter } from '../linux/queue.js'
import { abortSignal } from './arguments.js'

/** What is registered, and in which state it is: an entry of `Kqueue.knotes`. */
export interface KnoteInfo extends Kevent {
  /** The filter flags that were asked for. */
  sfflags: number
  /** The data that was given. */
  sdata: number
  /** The event has happened. */
  active: boolean
  /** It waits to be handed out. */
  queued: boolean
  /** It is not to be reported. */
  disabled: boolean
  /** What the filter adds. */
  [detail: string]: unknown
}

export interface WaitOptions {
  /** Changes to apply first, as in `kevent`. */
  changelist?: readonly Change[] | undefined
  /** The most events to hand out; 64 without. */
  nevents?: number | undefined
  /** How long to wait; for ever without. */
  timeout?: Timeout | undefined
  /** Gives up, rejecting with the signal's reason. */
  signal?: AbortSignal | undefined
}

/** Events that `wait` hands out at most when not told. */
const NEVENTS = 64
/** Waits in a row that may be answered without giving the event loop a turn. */
const BURST = 64

/** The making of a Kqueue is left to kqueue(), kqueuex() and kqueue1(). */
const MAKE = Symbol('make')

/** The queue behind a Kqueue, for calls that take one. */
export let queueOf: (kq: Kqueue) => LinuxQueue

export class Kqueue {
  static {
    queueOf = (kq) => kq.#queue
  }

  readonly #queue: LinuxQueue
  // Taken while a call is under way: a getter in a changelist may call again.
  #spare: ChangeBuffer | null = new ChangeBuffer()
  #burst = 0

  /** @internal */
  constructor(make: symbol) {
    if (make !== MAKE) throw new TypeError('a Kqueue is made by kqueue(), not by new')
    this.#queue = new LinuxQueue(LinuxKernel.ofThread())
  }

  /**
   * The queue's descriptor: readable, for poll(2) and its kin, while events are
   * pending. It belongs to the thread that made the queue.
   * @throws KqueueError EBADF when the queue is closed
   */
  get fd(): number {
    this.#queue.assertOpen()
    this.#queue.expose()
    return this.#queue.fd
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
      this.#queue.kevent(buffer.changes, buffer.length, sink, max, given)
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
      return this.#queue.kevent(buffer.changes, buffer.length, list, list.capacity, given)
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
  async wait(given: WaitOptions = {}): Promise<Kevent[]> {
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
      if (queue.waiters.length === 0 || ns === 0) queue.collect(sink, max, 0)
    })
    if (sink.events.length > 0 || ns === 0) {
      await this.#turn()
      return sink.events
    }
    abort?.throwIfAborted()
    queue.assertOpen()
    return this.#sleep(max, ns, abort)
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
  events(given: { nevents?: number; signal?: AbortSignal } = {}): AsyncIterableIterator<Kevent> {
    const { nevents = NEVENTS, signal } = options(given, 'options')
    const batch = eventCount(nevents)
    if (batch === 0) {
      throw new KqueueError(EINVAL, 'kevent', { reason: 'nevents must be 1 or more' })
    }
    return this.#iterate(batch, abortSignal(signal))
  }

  async *#iterate(
    batch: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Kevent, void, undefined> {
    const queue = this.#queue
    queue.assertOpen()
    for (let taken = 0; ; taken++) {
      signal?.throwIfAborted()
      const sink = new EventArray()
      // Between two looks at the kernel the queue is only walked on.
      if (taken % batch !== 0) queue.walkOn(sink, 1)
      if (sink.events.length > 0) {
        await this.#turn()
      } else {
        try {
          sink.events.push(...(await this.wait({ nevents: 1, signal })))
        } catch (error) {
          if (queue.closed && error instanceof KqueueError && error.errno === -EBADF) return
          throw error
        }
      }
      yield* sink.events
    }
  }

  /** What is registered, and in which state. Descriptors that were closed are not among them. */
  knotes(): KnoteInfo[] {
    this.#queue.assertOpen()
    this.#queue.kernel.sweep()
    return [...this.#queue.knotes()].map(describe)
  }

  /** Waiting for this queue keeps the process alive, as it does from the start. */
  ref(): this {
    this.#queue.kernel.loop.reference(this.#queue, true)
    return this
  }

  /** Waiting for this queue does not keep the process alive. */
  unref(): this {
    this.#queue.kernel.loop.reference(this.#queue, false)
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

  #sleep(max: number, ns: number, signal: AbortSignal | undefined): Promise<Kevent[]> {
    const queue = this.#queue
    const { kernel } = queue
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(queue, max, signal, resolve, reject)
      if (ns > 0) kernel.schedule(waiter.timer, kernel.uptime() + ns)
      kernel.loop.enter(waiter)
    })
  }

  /**
   * Lets the event loop have a turn now and then, so that a queue that always has
   * events does not starve everything else.
   */
  async #turn(): Promise<void> {
    if (this.#burst++ % BURST === BURST - 1) await new Promise((resolve) => setImmediate(resolve))
  }
}

function describe(kn: Knote): KnoteInfo {
  const { ident, filter, flags, fflags, data, udata, sfflags, sdata, status } = kn
  return {
    ...kn.ops.dump?.(kn),
    ident,
    filter,
    flags,
    fflags: fflags >>> 0,
    data,
    udata,
    sfflags: sfflags >>> 0,
    sdata,
    active: (status & KN_ACTIVE) !== 0,
    queued: (status & KN_QUEUED) !== 0,
    disabled: (status & KN_DISABLED) !== 0,
  }
}

/**
 * kqueue(2): a new queue.
 * @throws KqueueError EMFILE, ENFILE no descriptor is free; ENOSYS this system has no kqueue
 */
export function kqueue(): Kqueue {
  return new Kqueue(MAKE)
}

/** Whether a number can be an int of flags; bit operators would cut others to one. */
function isMask(flags: number): boolean {
  return Number.isInteger(flags) && flags >= 0 && flags <= 0x7fffffff
}

const KQUEUE_FLAGS = KQUEUE_CLOEXEC | KQUEUE_CPONFORK | KQUEUE_CPONFORKFD | KQUEUE_CPONFORKNONFD

/**
 * kqueuex(2): a new queue with flags. Queues are always closed on exec here.
 * @param flags KQUEUE_CLOEXEC, KQUEUE_CPONFORK, KQUEUE_CPONFORKFD, KQUEUE_CPONFORKNONFD
 * @throws KqueueError EINVAL for other flags; otherwise like `kqueue`
 */
export function kqueuex(flags: number): Kqueue {
  if (typeof flags !== 'number') throw wrongType('flags', 'a number', flags)
  if (!isMask(flags) || (flags & ~KQUEUE_FLAGS) !== 0) {
    throw new KqueueError(EINVAL, 'kqueuex', { reason: `flags are KQUEUE_*, not ${flags}` })
  }
  return new Kqueue(MAKE)
}

/** Linux's O_CLOEXEC, and O_NONBLOCK, which NetBSD takes too and which means nothing for a queue. */
const O_CLOEXEC = 0o2000000
const O_NONBLOCK = 0o4000

/**
 * kqueue1(2) of NetBSD: a new queue with open(2) flags.
 * @param flags O_CLOEXEC, O_NONBLOCK
 * @throws KqueueError EINVAL for other flags; otherwise like `kqueue`
 */
export function kqueue1(flags: number): Kqueue {
  if (typeof flags !== 'number') throw wrongType('flags', 'a number', flags)
  if (!isMask(flags) || (flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) {
    throw new KqueueError(EINVAL, 'kqueue1', {
      reason: `flags are O_CLOEXEC and O_NONBLOCK, not ${flags}`,
    })
  }
  return new Kqueue(MAKE)
}
