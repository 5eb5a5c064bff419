/**
 * What queues tell, in words that are the same in each World that does the same: descriptors
 * are told by their slots, processes as children.
 */
import {
  EV_ERROR,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  type Kevent,
  NOTE_CHILD,
} from 'kqueue/core'
import type { Queue } from '../scenarios/world.js'
import { filterName } from './command.js'
import { isUncounted, isUnnoted, type Open } from './differences.js'
import type { Family } from './family.js'

/** More events than there can be. */
export const ALL = 64
/** For what happens a moment later, in ms. */
const MOMENT = 2000

export const OF_DESCRIPTORS: ReadonlySet<number> = new Set([
  EVFILT_READ,
  EVFILT_WRITE,
  EVFILT_VNODE,
  EVFILT_EMPTY,
  EVFILT_PROCDESC,
  EVFILT_EXCEPT,
])

export interface Slot {
  readonly fd: number
  readonly open: Open
}

export class Words {
  readonly #slots: ReadonlyMap<number, Slot>
  readonly #queues: readonly Queue[]
  readonly #family: Family

  constructor(slots: ReadonlyMap<number, Slot>, queues: readonly Queue[], family: Family) {
    this.#slots = slots
    this.#queues = queues
    this.#family = family
  }

  /** What is pending; waits a moment where it is not what was expected. */
  settled(queue: Queue, room: number, expected?: string): string {
    let events = this.#gather(queue, room)
    let told = this.told(events)
    if (!this.#family.used || expected === undefined) return told
    for (const start = performance.now(); told !== expected; told = this.told(events)) {
      if (performance.now() - start > MOMENT) break
      events = merge(events, queue.kevent([], ALL, 1))
    }
    return told
  }

  /** Goes once over all that is pending. */
  #gather(queue: Queue, room: number): Kevent[] {
    const found = new Map<string, Kevent[]>()
    for (;;) {
      const events = queue.kevent([], room, 0)
      if (events.length > room)
        throw new Error(`${events.length} events where there is room for ${room}`)
      const known = new Set(found.keys())
      for (const event of events) {
        const key = `${event.filter} ${event.ident}`
        if (known.has(key)) continue
        found.set(key, [...(found.get(key) ?? []), event])
      }
      if (events.length < room || events.some((e) => known.has(`${e.filter} ${e.ident}`))) break
    }
    return [...found.values()].flat()
  }

  /** In any order: what has happened at once comes so. */
  told(events: readonly Kevent[]): string {
    return events
      .map((event) => this.#words(event))
      .sort()
      .join(', ')
  }

  #words(event: Kevent): string {
    const { filter, flags, fflags, udata } = event
    const [of, open] = this.#subject(event)
    const notes = isUnnoted(open, event) ? 'some' : fflags.toString(16)
    return `${filterName(filter)} of ${of} flags ${flags.toString(16)} fflags ${notes} data ${this.#data(event, open)} udata ${udata}`
  }

  #data(event: Kevent, open: Open | undefined): string {
    const { data, filter, fflags, flags } = event
    if (flags & EV_ERROR) return `${data}`
    if (filter === EVFILT_PROC && fflags & NOTE_CHILD) return this.#family.name(data)
    if (isUncounted(open, event)) return data > 0 ? 'some' : 'none'
    return `${data}`
  }

  /** What an event is of, and the open file if it is one. */
  #subject({ ident, filter }: Kevent): [string, Open | undefined] {
    if (filter === EVFILT_PROC) return [this.#family.name(ident), undefined]
    if (!OF_DESCRIPTORS.has(filter)) return [`${ident}`, undefined]
    for (const [slot, { fd, open }] of this.#slots) if (fd === ident) return [`slot ${slot}`, open]
    const queue = this.#queues.findIndex(({ fd }) => fd === ident)
    return [
      queue === -1 ? (ident > 1e6 || ident < 0 ? `${ident}` : 'what is closed') : `queue ${queue}`,
      undefined,
    ]
  }
}

/** Events of what forgets what it has reported, and what came of it later. */
function merge(before: readonly Kevent[], more: readonly Kevent[]): Kevent[] {
  const merged = before.map((event) => ({ ...event }))
  for (const event of more) {
    const same = merged.find((e) => e.ident === event.ident && e.filter === event.filter)
    if (same === undefined) {
      merged.push({ ...event })
      continue
    }
    const isCount = event.filter === EVFILT_SIGNAL || event.filter === EVFILT_TIMER
    same.data = isCount ? same.data + event.data : event.data
    same.fflags = event.filter === EVFILT_USER ? event.fflags : (same.fflags | event.fflags) >>> 0
    same.flags |= event.flags
  }
  return merged
}
