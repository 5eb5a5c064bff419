/**
 * The level of a descriptor as Linux tells it, turned into what the BSD filters
 * report: pure functions from `poll(2)` bits and counts to knote fields.
 */

import type { Knote } from '../../core/knote.js'
import { EV_EOF, EV_ONESHOT, NOTE_LOWAT, NOTE_OOB } from '../../event.js'
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from '../hub/native.js'

/** What was learned of one side of a descriptor. */
export interface Level {
  /** `POLL*` bits. */
  events: number
  /** Bytes to read, connections waiting, bytes of room, or 1 for out-of-band data. */
  count: number
  /** The pending socket error, 0 for none. */
  error: number
}

/** What the bits mean depends on what it is; asked only where it matters. */
export interface FileKind {
  readonly isSocket: boolean
  /** A pipe, with a name or without. */
  readonly isFifo: boolean
  /** A pipe without a name, of which no end can be opened again. */
  readonly isPipe: boolean
}

function reachesLowat(kn: Knote): boolean {
  return (kn.sfflags & NOTE_LOWAT) === 0 || kn.data >= Math.max(1, kn.sdata)
}

function endOfFile(kn: Knote, error: number): true {
  kn.flags |= EV_EOF
  kn.fflags = error
  return true
}

/**
 * EVFILT_READ. Linux says POLLHUP of a stream socket that was never connected,
 * too; only together with POLLRDHUP it is the end.
 */
export function readable(kn: Knote, level: Level, file: FileKind): boolean {
  const { events } = level
  kn.data = level.count
  if (events & POLLRDHUP || (events & POLLHUP && !file.isSocket)) return endOfFile(kn, level.error)
  kn.flags &= ~EV_EOF
  kn.fflags = 0
  if ((events & POLLIN) === 0 && file.isFifo) {
    // At the writing end there is nothing to read, and its error is that nobody reads: the end
    // of a pipe, which on FreeBSD goes both ways.
    kn.data = 0
    return (events & POLLERR) !== 0 && file.isPipe && endOfFile(kn, 0)
  }
  return (events & (POLLIN | POLLERR)) !== 0 && reachesLowat(kn)
}

/**
 * Whether nobody will take what is written. A pipe without a reader is POLLERR, and POLLHUP is
 * of its other end; a socket that both sides have shut is POLLHUP with POLLRDHUP; one that was
 * never connected is POLLHUP alone.
 */
function unread(events: number, file: FileKind): boolean {
  if ((events & (POLLERR | POLLHUP)) === 0) return false
  if (file.isFifo) return (events & POLLERR) !== 0
  const shut = POLLHUP | POLLRDHUP
  return !file.isSocket || (events & shut) === shut
}

/**
 * EVFILT_WRITE. That the other end of a pipe is gone is the last that there is to say of it:
 * knlist_clear of its list.
 */
export function writable(kn: Knote, level: Level, file: FileKind): boolean {
  const { events } = level
  kn.data = level.count
  if (unread(events, file)) {
    if (!file.isSocket) kn.data = 0
    if (file.isPipe) kn.flags |= EV_ONESHOT
    return endOfFile(kn, level.error)
  }
  kn.flags &= ~EV_EOF
  kn.fflags = 0
  if ((events & POLLOUT) === 0 && file.isFifo) {
    kn.data = 0
    // At the reading end POLLHUP is that nobody writes.
    if ((events & POLLHUP) === 0 || !file.isPipe) return false
    kn.flags |= EV_ONESHOT
    return endOfFile(kn, 0)
  }
  if (events & POLLHUP) return false
  return (events & (POLLOUT | POLLERR)) !== 0 && reachesLowat(kn)
}

/**
 * EVFILT_EMPTY: FreeBSD's filt_soempty, which does not mind whether there is a connection.
 * @param queued bytes that were written and not yet taken
 */
export function drained(kn: Knote, level: Level, file: FileKind, queued: number): boolean {
  if (unread(level.events, file)) return endOfFile(kn, level.error)
  kn.flags &= ~EV_EOF
  kn.fflags = 0
  return queued <= 0
}

/** EVFILT_EXCEPT, for who asks with NOTE_OOB: OpenBSD's filt_soexcept, filt_ptcexcept. */
export function urgent(kn: Knote, level: Level): boolean {
  if ((kn.sfflags & NOTE_OOB) === 0 || level.count <= 0) return false
  kn.fflags = NOTE_OOB
  return true
}
