/**
 * Filters: how one kind of event attaches, detaches and is asked
 * (`struct filterops`), and the table of them, to which a program can add its
 * own at run time (kqueue_add_filteropts(9), kfilter_register(9)).
 */
import { EBUSY, EEXIST, EINVAL, ENXIO, fail, refuse } from '../errors.js'
import type { Kevent } from '../event.js'
import type { Origin } from './image.js'
import type { Knote } from './knote.js'
import { NumberTable } from './table.js'

/** `touch` is called because of a change to an existing knote. */
export const EVENT_REGISTER = 1
/** `touch` is called because the event is handed out. */
export const EVENT_PROCESS = 2

/** The hint of an object with one thing to tell: it has happened, and need not be asked for. */
export const HINT_HAPPENED = 1

/**
 * Who cannot do what is asked throws a KqueueError, whose errno and reason are the answer; a
 * filter that a program brings may answer a positive errno instead of 0.
 */
export interface FilterOps {
  /** Whether `ident` is a descriptor. */
  readonly isFd: boolean
  /** Attaches a new knote to what it watches, or leaves nothing behind: 0. */
  attach(kn: Knote): number
  /** Undoes `attach`. */
  detach(kn: Knote): void
  /**
   * Whether there is something to report, with `kn.data` and `kn.fflags` brought
   * up to date. `hint` is what the object noted, 0 when the machine asks.
   */
  event(kn: Knote, hint: number): boolean
  /**
   * Takes over what the machine does by itself: EVENT_REGISTER, a change to an
   * existing knote: take what you want from `kev` (default: `fflags` and `data`).
   * EVENT_PROCESS, handing out: fill `kev`, and reset for EV_CLEAR. Answers 0.
   * Not used for descriptors.
   */
  touch?(kn: Knote, kev: Kevent, type: typeof EVENT_REGISTER | typeof EVENT_PROCESS): number
  /**
   * A change to an existing knote is about to replace its `fflags` and `data`, for filters of
   * descriptors: 0.
   */
  modify?(kn: Knote, kev: Kevent): number
  /**
   * Makes `kn`, a copy of `from`, stand on its own: 0. Who cannot is left out. For filters that
   * the program adds; those of the system have `restore`.
   */
  copy?(kn: Knote, from: Knote): number
  /** What `hook` stands for, as plain data, for a copy of the knote; null without it. */
  image?(kn: Knote): unknown
  /**
   * Attaches `kn`, which has the fields of its original, as that was: 0, or an errno, leaving
   * nothing behind. What has happened since the image is reported with `activate`.
   * @throws KqueueError EINVAL `state` cannot be what `image` made
   */
  restore?(kn: Knote, state: unknown, origin: Origin): number
  /** What the filter has to say about a knote, for `knotes()`. */
  dump?(kn: Knote): Record<string, unknown>
}

/** What is known of a number that has a filter. */
export interface FilterEntry {
  readonly filter: number
  /** Undefined when it has been removed. */
  ops: FilterOps | undefined
  /** Where the filter was registered by name. */
  name: string | undefined
  /** Part of the system: cannot be removed. */
  system: boolean
  /** Knotes that use it. */
  references: number
}

/** The numbers of the system are -1 and so many below, whether there is a filter or not: EVFILT_SYSCOUNT. */
const SYSTEM = 13

/** What a number of the system stands for that has no filter: filt_nullattach. */
const nullFilter: FilterOps = {
  isFd: false,
  attach: (kn) => refuse(ENXIO, `this system has no filter ${kn.filter}`),
  detach() {},
  event: () => false,
}

/** The lowest filter number: `filter` is a C short. */
const LOWEST = -32768
/** Numbers given out by name start here and go down. */
const FIRST_NAMED = -128

export class FilterTable {
  /** By number, of which most are small and negative: -1 is at 1. */
  readonly #entries = new NumberTable<FilterEntry>(({ filter }) => -filter)

  /** Adds a filter that is part of the system. */
  install(filter: number, ops: FilterOps): void {
    this.#entries.set({ filter, ops, name: undefined, system: true, references: 0 })
  }

  /**
   * The filter of this number, or undefined. A number of the system without a filter has one
   * that refuses to attach. kqueue_fo_find.
   */
  find(filter: number): FilterOps | undefined {
    const found = this.#entries.get(-filter)?.ops
    if (found !== undefined) return found
    return filter < 0 && filter >= -SYSTEM ? nullFilter : undefined
  }

  /** What counts the knotes that use a filter; undefined for a number without one. */
  entry(filter: number): FilterEntry | undefined {
    return this.#entries.get(-filter)
  }

  /**
   * kqueue_add_filteropts(9): adds a filter under a number.
   * @throws KqueueError EEXIST when the number is taken, EINVAL when it is not in -32768..-1
   */
  add(filter: number, ops: FilterOps, name?: string): void {
    const syscall = name === undefined ? 'kqueue_add_filteropts' : 'kfilter_register'
    if (!Number.isInteger(filter) || filter >= 0 || filter < LOWEST) {
      fail(EINVAL, syscall, `a filter's number is from ${LOWEST} to -1, not ${String(filter)}`)
    }
    if (this.#entries.get(-filter) !== undefined) fail(EEXIST, syscall, `filter ${filter} exists`)
    validate(ops, syscall)
    this.#entries.set({ filter, ops, name, system: false, references: 0 })
  }

  /**
   * kqueue_del_filteropts(9): removes a filter that was added.
   * @throws KqueueError EINVAL when there is none or it belongs to the system, EBUSY while knotes use it
   */
  remove(filter: number, syscall = 'kqueue_del_filteropts'): void {
    const entry = this.#entries.get(-filter)
    if (entry === undefined || entry.system) {
      const reason =
        entry === undefined
          ? `there is no filter ${String(filter)}`
          : `filter ${filter} is part of the system`
      fail(EINVAL, syscall, reason)
    }
    if (entry.references > 0) {
      fail(EBUSY, syscall, `${entry.references} knotes use filter ${filter}`)
    }
    this.#entries.delete(-filter)
    entry.ops = undefined
  }

  /**
   * kfilter_register(9): adds a filter under a name and answers its number.
   * @throws KqueueError EEXIST when the name is taken, EINVAL for an empty name
   */
  register(name: string, ops: FilterOps): number {
    if (typeof name !== 'string' || name === '') {
      fail(EINVAL, 'kfilter_register', `a filter's name is a string that is not empty`)
    }
    if (this.byName(name) !== undefined) fail(EEXIST, 'kfilter_register', `filter '${name}' exists`)
    let filter = FIRST_NAMED
    while (this.#entries.get(-filter) !== undefined) filter--
    this.add(filter, ops, name)
    return filter
  }

  /** kfilter_unregister(9): removes a filter that was registered by name. Throws as `remove` does. */
  unregister(name: string): void {
    const filter = this.byName(name)
    if (filter === undefined) {
      fail(EINVAL, 'kfilter_unregister', `there is no filter '${String(name)}'`)
    }
    this.remove(filter, 'kfilter_unregister')
  }

  /** The name that a filter was registered under, undefined where it has none. */
  nameOf(filter: number): string | undefined {
    return this.#entries.get(-filter)?.name
  }

  /** The number of the filter registered under a name. */
  byName(name: string): number | undefined {
    return this.#entries.values().find((entry) => entry.name === name)?.filter
  }
}

function validate(ops: FilterOps, syscall: string): void {
  const whole =
    typeof ops === 'object' &&
    ops !== null &&
    typeof ops.isFd === 'boolean' &&
    [ops.attach, ops.detach, ops.event].every((method) => typeof method === 'function')
  if (!whole) fail(EINVAL, syscall, 'a filter has isFd, attach, detach and event')
}
