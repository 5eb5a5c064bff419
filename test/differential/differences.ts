/**
 * The one table of what Linux and the simulated kernel do not do alike: rows of
 * docs/differences.md, by the beginning of their first cell, and how a program is kept from them.
 */
import {
  EV_ADD,
  EV_CLEAR,
  EV_EOF,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_VNODE,
  EVFILT_WRITE,
  type Kevent,
  NOTE_LOWAT,
} from 'kqueue/core'
import { type Change, SLOTS } from './command.js'

export type Kind =
  | 'file'
  | 'directory'
  | 'pipe'
  | 'fifo'
  | 'stream'
  | 'dgram'
  | 'listener'
  | 'eventfd'
  | 'process'
  | 'queue'

/** An open file of the program; duplicates share it. */
export interface Open {
  readonly kind: Kind
  /** Slots that have it. */
  slots: number
  /** The other end. */
  peer?: Open
  /** One of the ends was shut down. */
  shut?: boolean
  /** Of a fifo: its name. */
  name?: string
  /** A listener: the number by which the World knows it, and connections that wait. */
  number?: number
  waiting?: Open[]
  /** The connection was reset, and a call has seen that. */
  reset?: boolean
  failed?: boolean
  /** It has been written to until there was no room. */
  filled?: boolean
}

interface Row {
  /** How its row in docs/differences.md begins. */
  readonly row: string
  /** Whether a change is left out. */
  leftOut?(open: Open | undefined, change: Change, look: boolean): boolean
  /** Whether `data` is compared only as to whether it is above 0. */
  counted?(open: Open | undefined, event: Kevent): boolean
  /** Whether `fflags` are not compared. */
  unnoted?(open: Open | undefined, event: Kevent): boolean
}

const writes = ({ filter }: Change) => filter === EVFILT_WRITE || filter === EVFILT_EMPTY

export const TABLE: readonly Row[] = [
  {
    // Such watches are deleted before.
    row: '`EVFILT_READ` with `EV_CLEAR` of a Unix socket whose peer shuts its reading',
  },
  {
    // Such watches are deleted before, too.
    row: '`EVFILT_READ` with `EV_CLEAR` of a socket whose peer has ended',
  },
  {
    // No program has it: `lseek` always moves.
    row: 'A descriptor that `lseek` leaves where it is',
  },
  {
    row: 'A socket whose own side was shut for writing',
    leftOut: (open, change) => open?.shut === true && writes(change),
  },
  {
    row: '`EVFILT_WRITE` added for a pipe whose other end is gone',
    leftOut: (open, change) => open?.kind === 'pipe' && open.peer?.slots === 0 && writes(change),
  },
  {
    row: '`EVFILT_WRITE` with `EV_CLEAR`',
    leftOut: (_, change) => writes(change) && (change.flags & EV_CLEAR) !== 0,
  },
  {
    row: 'The socket error of `EV_EOF`',
    unnoted: (open, { flags }) => open?.failed === true && (flags & EV_EOF) !== 0,
  },
  {
    row: '`EVFILT_VNODE` on a fifo',
    leftOut: (open, { filter }) => open?.kind === 'fifo' && filter === EVFILT_VNODE,
  },
  {
    row: '`data` of a datagram socket',
    leftOut: (open, { fflags }) => open?.kind === 'dgram' && (fflags & NOTE_LOWAT) !== 0,
    counted: (open, { filter }) => open?.kind === 'dgram' && filter === EVFILT_READ,
  },
  {
    row: '`data` for writing',
    leftOut: (_, change) => writes(change) && (change.fflags & NOTE_LOWAT) !== 0,
    counted: (_, { filter }) => filter === EVFILT_WRITE,
  },
  {
    row: '`EVFILT_READ` on a directory',
    leftOut: (open, { filter }) => open?.kind === 'directory' && filter === EVFILT_READ,
  },
  {
    // Forced, what cannot be written to reports how much it could hold.
    row: '`data` for writing',
    leftOut: (open, { filter }) => open?.kind === 'listener' && filter === EVFILT_WRITE,
  },
  {
    row: '`EVFILT_SIGNAL` of `SIGSEGV`, `SIGBUS`, `SIGFPE`, `SIGILL`, `SIGTRAP`',
    leftOut: (_, { filter, of }) => filter === EVFILT_SIGNAL && [4, 5, 7, 8, 11].includes(of),
  },
  {
    row: 'What came and went before anybody looked',
    leftOut: (_, { filter, of }, look) => filter === EVFILT_READ && of >= SLOTS && !look,
  },
  {
    row: '`EVFILT_EXCEPT`',
    leftOut: (open, { filter }) => filter === EVFILT_EXCEPT && open?.kind !== 'stream',
  },
]

/** @param look whether somebody looks after each command */
export function isLeftOut(open: Open | undefined, change: Change, look: boolean): boolean {
  if ((change.flags & EV_ADD) === 0) return false
  return TABLE.some(({ leftOut }) => leftOut?.(open, change, look) === true)
}

export function isUncounted(open: Open | undefined, event: Kevent): boolean {
  // How much a buffer holds is not what kqueue is about.
  const filled = open?.filled === true || open?.peer?.filled === true
  return filled || TABLE.some(({ counted }) => counted?.(open, event) === true)
}

export function isUnnoted(open: Open | undefined, event: Kevent): boolean {
  return TABLE.some(({ unnoted }) => unnoted?.(open, event) === true)
}
