/**
 * A knote is one registration in one queue (`struct knote`): what was asked,
 * what has happened, and which state it is in. All changes of its state are
 * here.
 *
 * Of the states of the C code, KN_MARKER, KN_SCAN and the influx count are gone:
 * they keep threads off a knote that another thread works on, and here one
 * thread runs one machine. What a filter may do to its own knote while it is
 * asked (delete it, register others) is covered by KN_DROPPED.
 */
import { EV_ADD, EV_DELETE, EV_DISABLE, EV_ENABLE, EV_FORCEONESHOT, type Kevent } from '../event.js'
import type { FilterOps } from './filter.js'
import type { OpenFile } from './kernel.js'
import type { Knlist } from './knlist.js'
import type { Kqueue } from './kqueue.js'

/** The event has happened. */
export const KN_ACTIVE = 0x01
/** The knote is on its queue's list of active knotes. */
export const KN_QUEUED = 0x02
/** The event is not to be reported. */
export const KN_DISABLED = 0x04
/** The knote has been removed from its queue. */
export const KN_DROPPED = 0x08
/** The event is to be reported whatever the filter says (EV_FORCEONESHOT). */
export const KN_FORCED = 0x10

/** The knote watches a descriptor through a filter that the program added. */
export const KN_HELD = 0x20

/** Its filter is attaching it. */
export const KN_ATTACHING = 0x40

/** What of a state is in an image of the knote; that it is queued is in the order. */
export const KN_TRAVELS = KN_ACTIVE | KN_DISABLED | KN_FORCED

/** Flags of a change that are actions, not properties of the knote. */
const ACTIONS = EV_ADD | EV_DELETE | EV_ENABLE | EV_DISABLE | EV_FORCEONESHOT

export class Knote implements Kevent {
  // kn_kevent: what is handed out
  readonly ident: number
  readonly filter: number
  flags: number
  fflags = 0
  data = 0
  udata: unknown
  // What was asked: kn_sfflags, kn_sdata
  sfflags: number
  sdata: number

  status = 0
  /** The filter; a descriptor's file puts its own in place of the table's. */
  ops: FilterOps
  readonly kq: Kqueue
  /** The open file behind `ident` for filters of descriptors. */
  readonly file: OpenFile | null
  /** For the filter's own use: kn_hook. */
  hook: unknown = null

  // On the knlist of the object it is attached to
  list: Knlist | null = null
  listNext: Knote | null = null
  listPrevious: Knote | null = null

  // On the queue's list of active knotes
  queueNext: Knote | null = null
  queuePrevious: Knote | null = null
  /** The last scan that visited it. */
  visited = 0

  constructor(kq: Kqueue, change: Kevent, ops: FilterOps, file: OpenFile | null) {
    this.kq = kq
    this.ident = change.ident
    this.filter = change.filter
    this.flags = change.flags & ~ACTIONS
    this.udata = change.udata
    this.sfflags = change.fflags
    this.sdata = change.data
    this.ops = ops
    this.file = file
    if (change.flags & EV_DISABLE) this.status = KN_DISABLED
  }

  /** Has its file know of it, before its filter does: that may add others of the same file. */
  hold(): void {
    this.status |= KN_HELD
    this.file?.holdKnote?.(this)
  }

  /** Fills in what is handed out of it. */
  copyOut(kev: Kevent): void {
    kev.ident = this.ident
    kev.filter = this.filter
    kev.flags = this.flags
    kev.fflags = this.fflags
    kev.data = this.data
    kev.udata = this.udata
  }

  /**
   * The event has happened: queues the knote, unless it is disabled. One that is there since it
   * was handed out may have others waiting, who let it go to somebody else. KNOTE_ACTIVATE.
   */
  activate(): void {
    this.status |= KN_ACTIVE
    if (this.status & (KN_DISABLED | KN_DROPPED)) return
    if (this.status & KN_QUEUED) wakeAgain(this.kq)
    else this.kq.enqueue(this)
  }

  /** Nothing to report (any more): takes the knote off the queue. */
  deactivate(): void {
    this.status &= ~(KN_ACTIVE | KN_FORCED)
    if (this.status & KN_QUEUED) this.kq.dequeue(this)
  }

  /** Reports once, whatever the filter says. */
  force(): void {
    this.status |= KN_FORCED
    this.activate()
  }

  /**
   * Keeps the event from being reported; what happened is kept. One that waits to be handed
   * out keeps its place until it is looked at.
   */
  disable(): void {
    this.status |= KN_DISABLED
  }

  /** Lets the event be reported again; what happened meanwhile is asked by the caller. */
  enable(): void {
    this.status &= ~KN_DISABLED
  }

  /** Removes the knote from its queue and its object. knote_drop. */
  drop(): void {
    if (this.status & KN_DROPPED) return
    this.kq.remove(this)
    // While it is being attached, who attaches it undoes that.
    if ((this.status & KN_ATTACHING) === 0) this.ops.detach(this)
  }
}

/** Wakes those who wait for a queue, and for others in which it is pending already as a file. */
function wakeAgain(kq: Kqueue): void {
  if (kq.waiters.length > 0) kq.kernel.wakeup(kq)
  if (kq.watchers.empty) return
  const reached = new Set([kq])
  for (const { watchers } of reached) {
    for (const { status, kq: outer } of watchers) {
      if ((status & KN_QUEUED) === 0 || reached.has(outer)) continue
      reached.add(outer)
      if (outer.waiters.length > 0) outer.kernel.wakeup(outer)
    }
  }
}

/** Drops knotes. A filter that throws does not save the others. */
export function dropAll(knotes: Iterable<Knote>): void {
  let failed = false
  let failure: unknown
  for (const kn of [...knotes]) {
    try {
      kn.drop()
    } catch (error) {
      if (!failed) failure = error
      failed = true
    }
  }
  if (failed) throw failure
}

/** What is registered, and in which state it is. */
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

export function describe(kn: Knote): KnoteInfo {
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
