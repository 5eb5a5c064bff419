/**
 * A queue: the registrations of one kqueue and the list of active ones
 * (`struct kqueue`). `register` takes one change, `scan` hands out events, and a
 * queue is itself an open file that other queues can watch.
 */
import { EBADF, EINVAL, ELOOP, ENOENT, ENOMEM, KqueueError, refuse } from '../errors.js'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_DROP,
  EV_ENABLE,
  EV_FORCEONESHOT,
  EV_KEEPUDATA,
  EV_ONESHOT,
  EV_SET,
  EV_SYSFLAGS,
  EVFILT_READ,
  type EventSink,
  type Kevent,
} from '../event.js'
import { failureOf } from './failure.js'
import {
  EVENT_PROCESS,
  EVENT_REGISTER,
  type FilterEntry,
  type FilterOps,
  HINT_HAPPENED,
} from './filter.js'
import { fileFilter } from './filters/file.js'
import { kqueueFilter } from './filters/kqueue.js'
import type { FileTable, Kernel, OpenFile } from './kernel.js'
import { Knlist } from './knlist.js'
import {
  dropAll,
  KN_ACTIVE,
  KN_ATTACHING,
  KN_DISABLED,
  KN_DROPPED,
  KN_FORCED,
  KN_HELD,
  KN_QUEUED,
  Knote,
} from './knote.js'
import { NumberTable } from './table.js'
import { WaitList } from './waiting.js'

interface KnotesOfFilter {
  readonly filter: number
  readonly table: NumberTable<Knote>
  /** The filter as it was when the last knote was taken in; another may have come in its place. */
  entry: FilterEntry | undefined
}

export class Kqueue implements OpenFile {
  /** The knotes of the queues that watch this one. */
  readonly watchers = new Knlist()
  /** Who waits for its events. */
  readonly waiters: WaitList = new WaitList(this)
  /** Active knotes that wait to be handed out, and those among them that were disabled since. */
  count = 0
  closed = false

  /** Knotes in all, whatever their state. */
  size = 0
  /** By filter, as in `FilterTable`, and ident. */
  readonly #knotes = new NumberTable<KnotesOfFilter>(({ filter }) => -filter)
  // Announcements of children (NOTE_CHILD): beside the knote of the child, under
  // the same ident and filter, so they are in no table.
  readonly #unlisted = new Set<Knote>()
  #first: Knote | null = null
  #last: Knote | null = null
  #pass = 0
  /** Scans of this queue under way: a filter that is asked may scan again. */
  #scans = 0
  /** An error that a filter threw when there were events to hand out, for the next scan. */
  #failure: { error: unknown } | null = null
  /** Knotes of this queue that watch other queues. */
  readonly #nested = new Set<Knote>()
  readonly #out: Kevent = EV_SET(0, 0, 0)

  constructor(
    readonly kernel: Kernel,
    readonly files: FileTable,
  ) {}

  /** Whether its program deletes events of a descriptor before it closes that: KQUEUE_TRUSTFD. */
  get trusting(): boolean {
    return false
  }

  /** The first of the active knotes; the others follow by `queueNext`. */
  get first(): Knote | null {
    return this.#first
  }

  /** The knote of (ident, filter), if there is one. */
  find(ident: number, filter: number): Knote | undefined {
    return this.#knotes.get(-filter)?.table.get(ident)
  }

  /** All knotes, by filter; any may be dropped meanwhile. */
  *knotes(): IterableIterator<Knote> {
    for (const { table } of this.#knotes.values()) yield* table.values()
    yield* this.#unlisted
  }

  /**
   * Applies one change. What it leaves in `change.fflags` is for the answer. kqueue_register.
   * @throws KqueueError with this `change`, why it was refused; what a filter throws otherwise
   */
  register(change: Kevent): void {
    const { kernel } = this
    if (this.closed) throw refusal(change, EBADF, 'this kqueue is closed')
    change.flags &= ~EV_SYSFLAGS
    const { flags, filter, ident } = change
    const knotes = this.#knotes.get(-filter)
    const ops = knotes?.entry?.ops ?? kernel.filters.find(filter)
    if (ops === undefined) throw noFilter(change)
    if ((flags & EV_ENABLE) !== 0 && (flags & EV_DISABLE) !== 0) {
      throw refusal(change, EINVAL, 'EV_ENABLE and EV_DISABLE exclude each other')
    }
    const adding = (flags & EV_ADD) !== 0
    if (adding && (flags & EV_KEEPUDATA) !== 0) {
      throw refusal(change, EINVAL, 'EV_KEEPUDATA is for changes without EV_ADD')
    }
    let file: OpenFile | null = null
    if (ops.isFd) {
      file = this.files.fget(ident, adding && ops === fileFilter)
      if (file === null) throw notOpen(change)
      if (file === this) throw refusal(change, EINVAL, 'a kqueue cannot watch itself')
    }
    let kn = knotes?.table.get(ident)
    // What it watched has ended, with nothing to report: as good as gone.
    if (kn !== undefined && kn.flags & EV_DROP) {
      kn.drop()
      kn = undefined
    }
    if (kn !== undefined) {
      if (flags & EV_DELETE) kn.drop()
      else this.#modify(kn, change)
    } else if (adding) {
      this.#add(change, ops, file)
    } else {
      throw notRegistered(change)
    }
  }

  #add(change: Kevent, ops: FilterOps, file: OpenFile | null): void {
    if (this.size >= this.kernel.sysctl.kq_knotemax) {
      throw refusal(change, ENOMEM, `sysctl.kq_knotemax allows ${this.size} knotes in a queue`)
    }
    const kn = new Knote(this, change, ops, file)
    if (ops.isFd && ops !== fileFilter) kn.hold()
    this.#attach(kn, change)
    if (kn.status & KN_DROPPED) return
    if (change.flags & EV_FORCEONESHOT) {
      kn.flags |= EV_ONESHOT
      kn.force()
    }
    this.#ask(kn)
  }

  /** Has the filter attach a knote; it may do to the queue what it likes meanwhile. */
  #attach(kn: Knote, change: Kevent): void {
    const { ops } = kn
    const { fflags } = change
    change.fflags = 0
    kn.status |= KN_ATTACHING
    this.adopt(kn)
    let attached = false
    try {
      heed('attach', kn, ops.attach(kn))
      attached = true
    } catch (thrown) {
      // Where only the attaching finds out that the descriptor is not open, see `fget`.
      const closed = thrown instanceof KqueueError && thrown.errno === -EBADF
      if (closed && ops === fileFilter) change.fflags = fflags
      throw failureOf(thrown, 'kevent', { change })
    } finally {
      kn.status &= ~KN_ATTACHING
      if (!attached && (kn.status & KN_DROPPED) === 0) this.remove(kn)
    }
    if (kn.status & KN_DROPPED) kn.ops.detach(kn)
  }

  /** Takes in a knote. knote_attach. */
  adopt(kn: Knote): void {
    const { filter } = kn
    let knotes = this.#knotes.get(-filter)
    if (knotes === undefined) {
      knotes = { filter, table: new NumberTable(identOf), entry: undefined }
      this.#knotes.set(knotes)
    }
    if (knotes.entry?.ops === undefined) knotes.entry = this.kernel.filters.entry(filter)
    if (knotes.entry !== undefined) knotes.entry.references++
    knotes.table.set(kn)
    this.size++
    if (kn.file instanceof Kqueue) this.#nested.add(kn)
  }

  /** Takes in a knote that no change can find. */
  adoptUnlisted(kn: Knote): void {
    this.#unlisted.add(kn)
    this.size++
    this.kernel.filters.entry(kn.filter)!.references++
  }

  #modify(kn: Knote, change: Kevent): void {
    const { flags } = change
    this.#change(kn, change)
    if ((flags & EV_KEEPUDATA) === 0) kn.udata = change.udata
    // Before it is disabled, so that who watches this queue is told.
    if (flags & EV_FORCEONESHOT) {
      kn.flags |= EV_ONESHOT
      kn.force()
    }
    if (flags & EV_ENABLE) kn.enable()
    else if (flags & EV_DISABLE) kn.disable()
    this.#ask(kn)
  }

  /** Has the filter take a change of its knote. */
  #change(kn: Knote, change: Kevent): void {
    const { ops } = kn
    try {
      if (!ops.isFd && ops.touch !== undefined) {
        heed('touch', kn, ops.touch(kn, change, EVENT_REGISTER))
        return
      }
      if (ops.modify !== undefined) heed('modify', kn, ops.modify(kn, change))
    } catch (thrown) {
      throw failureOf(thrown, 'kevent', { change })
    }
    kn.sfflags = change.fflags
    kn.sdata = change.data
  }

  /** After a change: queues the knote if it has something to report. */
  #ask(kn: Knote): void {
    if (kn.status & (KN_DISABLED | KN_DROPPED)) return
    if (kn.ops.event(kn, 0) || kn.status & KN_ACTIVE) kn.activate()
  }

  /**
   * Walks the active knotes once, asks each filter again, and hands out at most
   * `max` events. Those that stay active go to the tail, so that none starves
   * another. Answers how many were handed out. With `samePass` the walk goes on
   * where the last one ended: what that one handed out is not handed out again.
   * Hot path. kqueue_scan.
   */
  scan(sink: EventSink, max: number, samePass = false): number {
    if (this.#failure !== null) this.#throwFailure()
    if (!samePass && this.#scans === 0) this.#pass++
    const pass = this.#pass
    let handed = 0
    this.#scans++
    try {
      while (handed < max) {
        const kn = this.#first
        if (kn === null || kn.visited === pass) break
        kn.visited = pass
        if (this.#visit(kn, sink)) handed++
      }
    } catch (error) {
      // What has been handed out is not to be lost.
      if (handed === 0) throw error
      this.#failure = { error }
    } finally {
      this.#scans--
    }
    return handed
  }

  #throwFailure(): never {
    const { error } = this.#failure!
    this.#failure = null
    throw error
  }

  /** Asks one active knote, and hands it out if it holds: whether it did. Hot path. */
  #visit(kn: Knote, sink: EventSink): boolean {
    if (kn.status & KN_DISABLED) {
      this.dequeue(kn)
      return false
    }
    if (kn.flags & EV_DROP) {
      kn.drop()
      return false
    }
    // Whose filter does not find out itself, or whose word is not what counts.
    if (kn.status & (KN_HELD | KN_FORCED) && kn.file?.current?.() === false) return false
    // A filter that throws is not to be in the way of the others.
    this.#toTail(kn)
    // Who is forced is asked as well, for what is to be handed out.
    if (!kn.ops.event(kn, 0) && (kn.status & KN_FORCED) === 0) {
      kn.deactivate()
      return false
    }
    // The filter may have dropped or disabled its own knote while it was asked.
    if ((kn.status & (KN_QUEUED | KN_DISABLED)) !== KN_QUEUED) return false
    return this.#handOut(kn, sink)
  }

  #handOut(kn: Knote, sink: EventSink): boolean {
    const { ops, flags } = kn
    if (!ops.isFd && ops.touch !== undefined) {
      const out = this.#out
      ops.touch(kn, out, EVENT_PROCESS)
      if ((kn.status & (KN_QUEUED | KN_DISABLED)) !== KN_QUEUED) return false
      sink.put(out.ident, out.filter, out.flags, out.fflags, out.data, out.udata)
      out.udata = undefined
    } else {
      sink.put(kn.ident, kn.filter, kn.flags, kn.fflags, kn.data, kn.udata)
      if (flags & EV_CLEAR) kn.data = kn.fflags = 0
    }
    if (flags & EV_ONESHOT) {
      this.#dropHandedOut(kn)
    } else if (flags & (EV_CLEAR | EV_DISPATCH)) {
      kn.deactivate()
      if (flags & EV_DISPATCH) kn.disable()
    }
    return true
  }

  #dropHandedOut(kn: Knote): void {
    try {
      kn.drop()
    } catch (error) {
      this.#failure ??= { error }
    }
  }

  /** Puts an active knote on the list and wakes who waits. knote_enqueue. */
  enqueue(kn: Knote): void {
    this.append(kn)
    this.kernel.wakeup(this)
    if (!this.watchers.empty) noteWatchers(this)
  }

  /** Puts an active knote on the list, and wakes nobody. */
  append(kn: Knote): void {
    kn.status |= KN_QUEUED
    this.count++
    this.#link(kn)
  }

  /** Takes a knote off the list. knote_dequeue. */
  dequeue(kn: Knote): void {
    kn.status &= ~KN_QUEUED
    this.count--
    this.#unlink(kn)
  }

  /** Lets no change find a knote any more. */
  unlist(kn: Knote): void {
    this.#knotes.get(-kn.filter)?.table.delete(kn.ident)
    this.#unlisted.add(kn)
  }

  /** Forgets a knote that has been detached. */
  remove(kn: Knote): void {
    if (kn.status & KN_QUEUED) this.dequeue(kn)
    kn.status |= KN_DROPPED
    const unlisted = this.#unlisted.size > 0 && this.#unlisted.delete(kn)
    const knotes = this.#knotes.get(-kn.filter)
    if (!unlisted) knotes?.table.delete(kn.ident)
    const entry = knotes?.entry ?? this.kernel.filters.entry(kn.filter)
    if (entry !== undefined) entry.references--
    this.size--
    if (this.#nested.size > 0) this.#nested.delete(kn)
    if (kn.status & KN_HELD) kn.file?.releaseKnote?.(kn)
  }

  /** A descriptor was closed: drops its knotes. knote_fdclose. */
  closeDescriptor(fd: number): void {
    for (const { table } of this.#knotes.values()) {
      const kn = table.get(fd)
      if (kn?.ops.isFd) kn.drop()
    }
  }

  /**
   * How many active knotes there are, for who watches this queue; a kernel in which descriptors
   * vanish unseen looks for those that have.
   */
  pending(): number {
    return this.count
  }

  /** Whether it is open; a kernel in which descriptors vanish unseen finds out. */
  alive(): boolean {
    return !this.closed
  }

  /**
   * Drops all knotes, and those of other queues that watch this one, and ends who waits with
   * EBADF. kqueue_close.
   */
  close(): void {
    if (this.closed) return
    this.closed = true
    try {
      dropAll([...this.watchers, ...this.knotes()])
    } finally {
      this.waiters.close()
    }
  }

  /** Another queue watches this one. kqueue_kqfilter. */
  kqfilter(kn: Knote): number {
    if (kn.filter !== EVFILT_READ) {
      return refuse(EINVAL, 'a kqueue can be watched with EVFILT_READ only')
    }
    if (this.reaches(kn.kq)) {
      return refuse(ELOOP, 'the kqueue to be watched watches this one')
    }
    kn.ops = kqueueFilter
    this.watchers.add(kn)
    return 0
  }

  /** Whether this queue watches `target`, directly or through others. */
  reaches(target: Kqueue): boolean {
    const seen = new Set<Kqueue>([this])
    for (const kq of seen) {
      if (kq === target) return true
      for (const { file } of kq.#nested) seen.add(file as Kqueue)
    }
    return false
  }

  #link(kn: Knote): void {
    kn.queuePrevious = this.#last
    if (this.#last === null) this.#first = kn
    else this.#last.queueNext = kn
    this.#last = kn
  }

  #unlink(kn: Knote): void {
    if (kn.queuePrevious === null) this.#first = kn.queueNext
    else kn.queuePrevious.queueNext = kn.queueNext
    if (kn.queueNext === null) this.#last = kn.queuePrevious
    else kn.queueNext.queuePrevious = kn.queuePrevious
    kn.queueNext = kn.queuePrevious = null
  }

  #toTail(kn: Knote): void {
    if (this.#last === kn) return
    this.#unlink(kn)
    this.#link(kn)
  }
}

function identOf({ ident }: Knote): number {
  return ident
}

// Functions of their own, since V8 makes a text of a number before it knows whether it is needed.

function noFilter(change: Kevent): KqueueError {
  return refusal(change, EINVAL, `there is no filter ${change.filter}`)
}

function notOpen(change: Kevent): KqueueError {
  return refusal(change, EBADF, `${change.ident} is not an open descriptor`)
}

function notRegistered(change: Kevent): KqueueError {
  return refusal(change, ENOENT, `nothing is registered for ident ${change.ident}; EV_ADD adds it`)
}

function refusal(change: Kevent, errno: number, reason: string): KqueueError {
  return new KqueueError(errno, 'kevent', { reason, change })
}

/** Takes what a filter of a program has answered: 0, or an errno. */
function heed(method: string, { filter }: Knote, answer: number): void {
  if (answer === 0) return
  if (Number.isInteger(answer) && answer > 0) throw new KqueueError(answer, 'kevent')
  refuse(EINVAL, `the ${method} of filter ${filter} did not answer 0 or an errno`)
}

// Queues whose watchers are to be told. A list and not a recursion, because
// queues nest to any depth; FreeBSD uses a task queue for the same reason.
const noting: Kqueue[] = []

function noteWatchers(kq: Kqueue): void {
  if (noting.push(kq) > 1) return
  try {
    for (const each of noting) each.watchers.note(HINT_HAPPENED)
  } finally {
    noting.length = 0
  }
}
