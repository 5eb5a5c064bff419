/**
 * A queue that is the kernel's own: each change is one kevent(2), which translation.ts puts in
 * the kernel's numbers, and beside it a registry of what the kernel cannot hold.
 */
import type { SystemFiles, SystemQueue } from '../api/system.js'
import type { Abort } from '../core/abort.js'
import { failureOf } from '../core/failure.js'
import { STATUS_UNKNOWN } from '../core/kernel.js'
import { applyChanges } from '../core/kevent.js'
import type { KnoteInfo } from '../core/knote.js'
import type { KqueueImage } from '../core/kqueue-image.js'
import { type Awaited, interrupted, WaitList } from '../core/waiting.js'
import { EACCES, EBADF, EINTR, EINVAL, ENOENT, ENOTSUP, KqueueError, refuse } from '../errors.js'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ERROR,
  EV_FORCEONESHOT,
  EV_KEEPUDATA,
  EV_ONESHOT,
  EV_RECEIPT,
  EV_SYSFLAGS,
  EVFILT_FS,
  EVFILT_PROC,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  type EventSink,
  type Kevent,
  NOTE_EXIT,
  NOTE_FFLAGSMASK,
  NOTE_TRACK,
} from '../event.js'
import { workerThreads } from '../late.js'
import { DATA, FFLAGS, FILTER, FLAGS, IDENT, type Native, RECORD, UDATA } from './native.js'
import { Proof } from './proof.js'
import { ACTIONS, type Entry, Registry } from './registry.js'
import { Sleepers } from './sleepers.js'
import { ourErrno, type Translation } from './translation.js'

/** Events taken in one call beyond what is registered: children of followed processes. */
const SPARE = 64

/** Pauses in a row that give the event loop no turn. */
const BURST = 64

/**
 * The longest that one call blocks, in ns: kernels refuse very long times, and a worker that is
 * to be terminated can be only between two calls.
 */
let longest: number | undefined

function longestBlock(): number {
  longest ??= workerThreads().isMainThread ? 86_400e9 : 100e6
  return longest
}

/** What a queue knows of its system. */
export interface QueueHost {
  readonly native: Native
  readonly translation: Translation
  readonly files: SystemFiles
  /** Its descriptor is its own no more. */
  removeQueue(queue: BsdQueue): void
}

export class BsdQueue implements SystemQueue, Awaited {
  readonly native: Native
  readonly fd: number
  closed = false
  readonly kernel: Sleepers = new Sleepers(this)
  readonly waiters: WaitList = new WaitList(this)
  readonly #registry = new Registry()
  readonly #wanted = { filter: 0, flags: 0, fflags: 0 }
  #proof: Proof | undefined
  #records = new Float64Array(RECORD)
  #lost = false
  #pauses = 0

  constructor(readonly host: QueueHost) {
    this.native = host.native
    this.fd = this.native.kqueue()
    if (this.fd < 0) throw new KqueueError(ourErrno(-this.fd), 'kqueue')
  }

  expose(): number {
    if (this.#proof === undefined && !this.closed) {
      this.#proof = new Proof(this.native, this.fd, this.host.translation)
    }
    return this.fd
  }

  get awaited(): boolean {
    return this.waiters.length > 0
  }

  /** The number was given to a new queue, so this one's descriptor has been closed. */
  superseded(): void {
    this.#lost = true
    this.close()
  }

  assertOpen(syscall = 'kevent'): void {
    if (!this.closed && this.#proof?.holds() === false) this.superseded()
    if (this.closed) throw new KqueueError(EBADF, syscall, { reason: 'this kqueue is closed' })
  }

  change(changes: readonly Kevent[], n: number, sink: EventSink, room: number): number {
    this.assertOpen()
    return applyChanges(this, changes, n, sink, room)
  }

  collect(sink: EventSink, max: number, timeout: number): number {
    if (this.closed) this.assertOpen()
    const room = Math.min(max, this.#registry.size + SPARE)
    if (this.#records.length < room * RECORD) this.#records = new Float64Array(room * RECORD)
    const deadline = timeout < 0 ? Number.POSITIVE_INFINITY : performance.now() * 1e6 + timeout
    let left = timeout < 0 ? Number.POSITIVE_INFINITY : timeout
    for (;;) {
      const wait = Math.ceil(Math.min(left, longestBlock()))
      const n = this.native.collect(
        this.fd,
        this.#records,
        room,
        Math.floor(wait / 1e9),
        wait % 1e9,
      )
      if (n < 0) throw this.#failure(n)
      for (let i = 0; i < n; i++) this.#tell(i * RECORD, sink)
      if (n > 0 || left === 0) return n
      left = deadline - performance.now() * 1e6
      if (left <= 0) return 0
    }
  }

  /** The kernel is asked; what it knows is what has happened. */
  walkOn(sink: EventSink, max: number): number {
    if (this.closed) return 0
    this.assertOpen()
    return this.collect(sink, max, 0)
  }

  /** Only the kernel knows how many events are pending: one may be. */
  get count(): number {
    return this.closed ? 0 : 1
  }

  scan(sink: EventSink, max: number): number {
    return this.walkOn(sink, max)
  }

  sleep(max: number, timeout: number, signal: Abort | undefined): Promise<Kevent[]> {
    return this.waiters.wait(max, timeout, { signal })
  }

  pause(): Promise<void> | null {
    if (++this.#pauses % BURST !== 0) return null
    return new Promise((resolve) => setImmediate(resolve))
  }

  takeImage(): KqueueImage {
    throw new KqueueError(ENOTSUP, 'image', {
      reason: 'what is pending is known to the kernel alone; knotes() tells what is registered',
    })
  }

  describe(): KnoteInfo[] {
    for (const entry of [...this.#registry]) if (this.#isGone(entry)) this.#registry.remove(entry)
    return [...this.#registry].map(({ ident, filter, flags, fflags, data, udata, disabled }) => {
      const asked = { sfflags: fflags, sdata: data }
      const state = { active: false, queued: false, disabled }
      return { ident, filter, flags, fflags: 0, data: 0, udata, ...asked, ...state }
    })
  }

  reference(referenced: boolean): void {
    this.kernel.reference(referenced)
  }

  close(): void {
    if (this.closed) return
    if (this.#proof?.holds() === false) this.#lost = true
    this.closed = true
    this.waiters.close()
    this.kernel.close()
    this.#registry.clear()
    this.host.removeQueue(this)
    if (!this.#lost) this.native.close(this.fd)
  }

  #failure(error: number): KqueueError {
    const errno = ourErrno(-error)
    if (errno === EINTR) return interrupted()
    if (errno === EBADF) this.superseded()
    return new KqueueError(errno, 'kevent')
  }

  register(change: Kevent): void {
    try {
      this.#apply(change)
    } catch (error) {
      throw failureOf(error, 'kevent', { change })
    }
  }

  #apply(change: Kevent): void {
    change.flags &= ~EV_SYSFLAGS
    const { flags, filter, ident } = change
    if (flags & EV_ENABLE && flags & EV_DISABLE) {
      refuse(EINVAL, 'EV_ENABLE and EV_DISABLE exclude each other')
    }
    if (flags & EV_ADD && flags & EV_KEEPUDATA) {
      refuse(EINVAL, 'EV_KEEPUDATA is for changes without EV_ADD')
    }
    const known = this.#known(change)
    const entry = known ?? this.#registry.prepare(change)
    const { fflags } = change
    const { translation } = this.host
    const isNew = known === undefined && (flags & EV_ADD) !== 0
    if (isNew && translation.has(filter)) change.fflags = 0
    translation.out(filter, flags, isHeeded(change, known) ? fflags : 0, this.#wanted)
    const error = this.#hand(change, entry.id)
    if (error === 0) {
      this.#applied(change, fflags, entry, known !== undefined)
      if (known !== undefined && filter === EVFILT_USER && (flags & EV_DELETE) === 0) {
        change.fflags &= NOTE_FFLAGSMASK
      }
      return
    }
    if (error === ENOENT && known !== undefined) this.#registry.remove(known)
    if (error === EBADF) change.fflags = fflags
    refuse(error, reasonOf(error, ident, filter))
  }

  /** The entry of what a change is for. One of a descriptor that was closed since is none. */
  #known({ filter, ident, flags }: Kevent): Entry | undefined {
    const entry = this.#registry.find(filter, ident)
    if (entry === undefined || (flags & EV_ADD) === 0 || this.#holds(entry)) return entry
    this.#registry.remove(entry)
    return undefined
  }

  /** Hands a change to the kernel: 0, or our errno. */
  #hand({ ident, data, filter }: Pick<Kevent, 'ident' | 'data' | 'filter'>, id: number): number {
    const { exitStatus = 0 } = this.host.translation.vocabulary
    const { native, fd } = this
    const wanted = this.#wanted
    const records = this.#records
    records[IDENT] = ident
    records[FILTER] = wanted.filter
    records[FLAGS] = wanted.flags
    records[FFLAGS] = wanted.fflags
    records[DATA] = data
    records[UDATA] = id
    const withStatus =
      exitStatus !== 0 && filter === EVFILT_PROC && (wanted.fflags & NOTE_EXIT) !== 0
    if (withStatus) records[FFLAGS] = (wanted.fflags | exitStatus) >>> 0
    let error = ourErrno(-native.change(fd, records))
    // The status of a process of somebody else is not told; its exit is.
    if (withStatus && error === EACCES) {
      records[FFLAGS] = wanted.fflags
      error = ourErrno(-native.change(fd, records))
    }
    return error
  }

  #applied(change: Kevent, fflags: number, entry: Entry, existed: boolean): void {
    const { flags, filter } = change
    if (flags & EV_DELETE) {
      if (existed) this.#registry.remove(entry, isFollowing(entry))
      return
    }
    if (!existed) this.#registry.add(entry)
    if ((flags & EV_KEEPUDATA) === 0) entry.udata = change.udata
    if (flags & EV_FORCEONESHOT) entry.flags |= EV_ONESHOT
    if (flags & EV_DISABLE) entry.disabled = true
    else if (flags & (EV_ADD | EV_ENABLE)) entry.disabled = false
    // A timer is set by EV_ADD alone.
    if (filter === EVFILT_TIMER && (flags & EV_ADD) === 0) return
    entry.fflags = fflags
    entry.data = change.data
  }

  /**
   * Whether the kernel has what is in the registry. It drops events of descriptors that are
   * closed, and of processes that have exited, without a word. The change that asks does nothing.
   */
  #holds(entry: Entry): boolean {
    const { filter } = entry
    if (filter !== EVFILT_PROC && !isOfDescriptor(filter)) return true
    const flags = entry.disabled ? EV_DISABLE : 0
    this.host.translation.out(filter, flags, entry.fflags, this.#wanted)
    const error = this.#hand(entry, entry.id)
    return error !== ENOENT && error !== EBADF
  }

  /** The same without a change where that would let an edge come once more. */
  #isGone(entry: Entry): boolean {
    const { ident, filter, flags } = entry
    if ((flags & EV_CLEAR) === 0 || filter === EVFILT_PROC) return !this.#holds(entry)
    return isOfDescriptor(filter) && !this.host.files.isOpen(ident)
  }

  /** Hands out the event at a place of the records. */
  #tell(at: number, sink: EventSink): void {
    const records = this.#records
    const ident = records[at + IDENT]!
    const raw = records[at + FFLAGS]!
    const { translation } = this.host
    const event = translation.in(records[at + FILTER]!, records[at + FLAGS]!, raw)
    const { filter } = event
    const entry = this.#registry.ofEvent(records[at + UDATA]!, filter, ident)
    const flags = (event.flags & ~ACTIONS) | ((entry?.flags ?? 0) & EV_RECEIPT)
    let data = records[at + DATA]!
    if (flags & EV_ERROR) data = ourErrno(data)
    if (filter === EVFILT_PROC && event.fflags & NOTE_EXIT) {
      const { exitStatus = 0 } = translation.vocabulary
      if (exitStatus !== 0 && (raw & exitStatus) === 0) data = STATUS_UNKNOWN
    }
    const fflags = filter === EVFILT_TIMER ? 0 : event.fflags
    sink.put(ident, filter, flags, fflags, data, entry?.udata)
    if (entry === undefined) return
    if (flags & EV_ONESHOT) this.#registry.remove(entry, isFollowing(entry))
    else if (flags & EV_DISPATCH) entry.disabled = true
  }
}

/** Whether `fflags` are looked at: of what is there, or is to be added, and not removed. */
function isHeeded({ flags, filter }: Kevent, known: Entry | undefined): boolean {
  if (flags & EV_DELETE) return false
  // The kernel itself adds those of the children of followed processes.
  return known !== undefined || (flags & EV_ADD) !== 0 || filter === EVFILT_PROC
}

function isOfDescriptor(filter: number): boolean {
  return ![EVFILT_TIMER, EVFILT_USER, EVFILT_SIGNAL, EVFILT_FS, EVFILT_PROC].includes(filter)
}

function isFollowing({ filter, fflags }: Entry): boolean {
  return filter === EVFILT_PROC && (fflags & NOTE_TRACK) !== 0
}

function reasonOf(errno: number, ident: number, filter: number): string {
  if (errno === ENOENT) return `nothing is registered for ident ${ident}; EV_ADD adds it`
  if (errno === EBADF) return `${ident} is not an open descriptor`
  return `the kernel refuses filter ${filter} for ident ${ident}`
}
