/**
 * The edge of the machine: what a caller gives is read once, checked once, and
 * inside is trusted (copyin). A value of a wrong type is a `TypeError` with the
 * code that Node gives it; a number that cannot be is `EINVAL`.
 */
import { EINVAL, fail, KqueueError } from '../errors.js'
import {
  type Change,
  EV_SET,
  type Kevent,
  KQUEUE_CLOEXEC,
  KQUEUE_CPONFORK,
  KQUEUE_CPONFORKFD,
  KQUEUE_CPONFORKNONFD,
  KQUEUE_TRUSTFD,
  type Timeout,
} from '../event.js'

/** For ever, in ns. */
const FOREVER = -1
/** The last nanosecond of a second. */
const LAST_NSEC = 999_999_999

/** Why a view of a detached ArrayBuffer is EFAULT. */
export const DETACHED = 'the ArrayBuffer is detached'

/** A TypeError with Node's code for arguments of a wrong type. */
export function wrongType(name: string, wanted: string, value: unknown): TypeError {
  const given = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value
  const error = new TypeError(`${name} must be ${wanted}, not ${given}`)
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' })
}

function invalid(reason: string): KqueueError {
  return new KqueueError(EINVAL, 'kevent', { reason })
}

/** A whole number in a range. */
function whole(value: unknown, name: string, least: number, most: number): number {
  const given = number(value, name)
  if (!isWithin(given, least, most)) throw notWithin(given, name, least, most)
  return given
}

/** The same of the change at `i`. In the hot path itself the name would be made each time. */
function wholeField(value: unknown, i: number, field: string, least: number, most: number): void {
  whole(value, `changelist[${i}].${field}`, least, most)
}

function number(value: unknown, name: string): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value)
  return value
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}

function notWithin(value: number, name: string, least: number, most: number): KqueueError {
  return invalid(`${name} must be a whole number from ${least} to ${most}, not ${value}`)
}

/** A changelist that has been read; reused from call to call. */
export class ChangeBuffer {
  readonly changes: Kevent[] = []
  length = 0

  /**
   * Reads a changelist: every field once, before anything is applied.
   * @throws TypeError, KqueueError EINVAL naming the entry and the field
   */
  read(changelist: readonly Change[] | null | undefined): this {
    this.length = 0
    if (changelist === undefined || changelist === null) return this
    if (!Array.isArray(changelist)) {
      throw wrongType('changelist', 'an array of changes', changelist)
    }
    const n = changelist.length
    for (let i = 0; i < n; i++) {
      this.#read(changelist[i] as unknown, i)
      this.length = i + 1
    }
    return this
  }

  #read(change: unknown, i: number): void {
    if (typeof change !== 'object' || change === null) {
      throw wrongType(`changelist[${i}]`, 'a change', change)
    }
    const { ident, filter, flags, fflags = 0, data = 0, udata } = change as Change
    if (!isInt32(ident)) wholeField(ident, i, 'ident', MIN, MAX)
    if (!isInt32(filter) || filter < -32768 || filter > 32767) {
      wholeField(filter, i, 'filter', -32768, 32767)
    }
    if (!isInt32(flags) || flags < 0 || flags > 0xffff) {
      wholeField(flags, i, 'flags', 0, 0xffff)
    }
    if (!isInt32(fflags) && !isUint32(fflags)) {
      wholeField(fflags, i, 'fflags', -0x80000000, 0xffffffff)
    }
    if (!isInt32(data) && !isInt64(data)) wholeField(data, i, 'data', -DATA, DATA)
    this.changes[i] ??= EV_SET(0, 0, 0)
    const kev = this.changes[i]!
    kev.ident = ident
    kev.filter = filter
    kev.flags = flags
    // What JavaScript's own bit operators make of a mask is negative.
    kev.fflags = fflags >>> 0
    kev.data = data
    kev.udata = udata
  }

  /** Lets go of what the entries hold, and of most entries after a long list. */
  release(): void {
    for (let i = 0; i < this.length; i++) this.changes[i]!.udata = undefined
    if (this.changes.length > KEPT) this.changes.length = KEPT
    this.length = 0
  }
}

/** Entries of a changelist that are kept for the next one. */
const KEPT = 1024
const MAX = Number.MAX_SAFE_INTEGER
const MIN = -MAX
/** `data` may be past what is exact: a time of day in ns is. */
const DATA = 2 ** 63

/** What nearly all values are, and is found out fast. */
function isInt32(value: unknown): value is number {
  return typeof value === 'number' && (value | 0) === value
}

/** The same for masks, of which NOTE_EXIT has the highest bit. */
function isUint32(value: unknown): value is number {
  return typeof value === 'number' && value >>> 0 === value
}

function isInt64(value: unknown): value is number {
  return Number.isInteger(value) && Math.abs(value as number) <= DATA
}

/** The most events to hand out. */
export function eventCount(nevents: unknown): number {
  return whole(nevents, 'nevents', 0, MAX)
}

/**
 * A timeout that has been read: ns, -1 for ever, or the error that it is for who waits.
 * kevent(2) applies the changes first, and where there is no room for events it does not
 * look at the timeout at all.
 */
export type GivenTimeout = number | KqueueError

/**
 * Reads a timeout: milliseconds, fractions of them, or a timespec.
 * @throws TypeError for a value of a wrong type
 */
export function givenTimeout(timeout: Timeout | undefined): GivenTimeout {
  if (timeout === undefined || timeout === null) return FOREVER
  if (typeof timeout === 'number') {
    if (!(timeout >= 0)) return invalid(`a timeout is 0 or more ms, not ${timeout}`)
    return timeout === Number.POSITIVE_INFINITY ? FOREVER : Math.ceil(timeout * 1e6)
  }
  if (typeof timeout !== 'object') {
    throw wrongType('timeout', 'a number of ms, a timespec { sec, nsec } or null', timeout)
  }
  const sec = number(timeout.sec, 'timeout.sec')
  const nsec = number(timeout.nsec, 'timeout.nsec')
  if (!isWithin(sec, 0, MAX)) return notWithin(sec, 'timeout.sec', 0, MAX)
  if (!isWithin(nsec, 0, LAST_NSEC)) return notWithin(nsec, 'timeout.nsec', 0, LAST_NSEC)
  return sec * 1e9 + nsec
}

/**
 * A timeout that is looked at, in ns, -1 for ever.
 * @throws KqueueError EINVAL when it is negative, not a number, or nsec is not 0..999999999
 */
export function nanoseconds(timeout: GivenTimeout): number {
  if (typeof timeout !== 'number') throw timeout
  return timeout
}

/** An object of options. */
export function options<T extends object>(value: T | undefined | null, name: string): Partial<T> {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object') throw wrongType(name, 'an object', value)
  return value
}

/** All that kqueuex(2) takes. */
export const KQUEUE_FLAGS =
  KQUEUE_CLOEXEC | KQUEUE_CPONFORK | KQUEUE_CPONFORKFD | KQUEUE_CPONFORKNONFD | KQUEUE_TRUSTFD

/** @throws TypeError; KqueueError EINVAL flags that are not known */
export function checkFlags(flags: number, known: number, syscall: string, names: string): void {
  if (typeof flags !== 'number') throw wrongType('flags', 'a number', flags)
  // Bit operators would cut what is no int to one.
  const isMask = Number.isInteger(flags) && flags >= 0 && flags <= 0x7fffffff
  if (isMask && (flags & ~known) === 0) return
  fail(EINVAL, syscall, `flags are ${names}, not ${flags}`)
}

/** Whether a queue with these flags is copied. */
export function isCopied(flags: number): boolean {
  return (flags & (KQUEUE_CPONFORK | KQUEUE_CPONFORKFD | KQUEUE_CPONFORKNONFD)) !== 0
}
