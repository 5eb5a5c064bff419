/**
 * How each system with a kqueue of its own numbers what `sys/event.h` names, as of its newest
 * release: FreeBSD 15, macOS 15, NetBSD 10, OpenBSD 7.8. `fit` leaves out of a table what the
 * headers lacked that the addon was compiled with, and translation.ts uses it.
 *
 * Programs see FreeBSD's numbers everywhere. A name that is not in a table is refused there.
 */
import { ENOSYS, KqueueError } from '../errors.js'

export type Numbers = Readonly<Record<string, number>>

export interface Vocabulary {
  /** Of the system, for people. */
  readonly system: string
  readonly filters: Numbers
  /** What travels to the kernel and back; what else there is, the package does itself. */
  readonly flags: Numbers
  /** Bits of `fflags`, by filter. Of a filter that is not here all bits travel as they are. */
  readonly notes: Readonly<Record<string, Numbers>>
  /** Units of timers, each a number of `unitMask`, and NOTE_ABSTIME. */
  readonly units: Numbers
  /** The bits of `fflags` that hold the unit. */
  readonly unitMask: number
  /** A bit without which NOTE_EXIT comes without the status, where there is one. */
  readonly exitStatus?: number
}

const FILTERS = {
  EVFILT_READ: -1,
  EVFILT_WRITE: -2,
  EVFILT_VNODE: -4,
  EVFILT_PROC: -5,
  EVFILT_SIGNAL: -6,
  EVFILT_TIMER: -7,
}

const FLAGS = {
  EV_ADD: 0x1,
  EV_DELETE: 0x2,
  EV_ENABLE: 0x4,
  EV_DISABLE: 0x8,
  EV_ONESHOT: 0x10,
  EV_CLEAR: 0x20,
  EV_DISPATCH: 0x80,
  EV_EOF: 0x8000,
  EV_ERROR: 0x4000,
}

const LOWAT = { NOTE_LOWAT: 0x1 }

const VNODE = {
  NOTE_DELETE: 0x1,
  NOTE_WRITE: 0x2,
  NOTE_EXTEND: 0x4,
  NOTE_ATTRIB: 0x8,
  NOTE_LINK: 0x10,
  NOTE_RENAME: 0x20,
  NOTE_REVOKE: 0x40,
}

const OPENINGS = {
  NOTE_OPEN: 0x80,
  NOTE_CLOSE: 0x100,
  NOTE_CLOSE_WRITE: 0x200,
  NOTE_READ: 0x400,
}

const PROC = { NOTE_EXIT: 0x80000000, NOTE_FORK: 0x40000000, NOTE_EXEC: 0x20000000 }
const TRACKING = { NOTE_TRACK: 0x1, NOTE_TRACKERR: 0x2, NOTE_CHILD: 0x4 }

/** A unit is a number, not a bit. */
const COUNTED_UNITS = {
  NOTE_MSECONDS: 0,
  NOTE_SECONDS: 1,
  NOTE_USECONDS: 2,
  NOTE_NSECONDS: 3,
  NOTE_ABSTIME: 0x10,
}

export const freebsd: Vocabulary = {
  system: 'FreeBSD',
  filters: {
    ...FILTERS,
    EVFILT_PROCDESC: -8,
    EVFILT_FS: -9,
    EVFILT_USER: -11,
    EVFILT_EMPTY: -13,
  },
  flags: { ...FLAGS, EV_FORCEONESHOT: 0x100 },
  notes: {
    EVFILT_READ: { ...LOWAT, NOTE_FILE_POLL: 0x2 },
    EVFILT_WRITE: LOWAT,
    EVFILT_EMPTY: {},
    EVFILT_VNODE: { ...VNODE, ...OPENINGS },
    EVFILT_PROC: { ...PROC, ...TRACKING },
    EVFILT_PROCDESC: { NOTE_EXIT: PROC.NOTE_EXIT },
  },
  units: {
    NOTE_SECONDS: 1,
    NOTE_MSECONDS: 2,
    NOTE_USECONDS: 4,
    NOTE_NSECONDS: 8,
    NOTE_ABSTIME: 0x10,
  },
  unitMask: 0xf,
}

export const macos: Vocabulary = {
  system: 'macOS',
  filters: { ...FILTERS, EVFILT_FS: -9, EVFILT_USER: -10, EVFILT_EXCEPT: -15 },
  flags: FLAGS,
  notes: {
    EVFILT_READ: LOWAT,
    EVFILT_WRITE: LOWAT,
    EVFILT_EXCEPT: { NOTE_OOB: 0x2 },
    EVFILT_VNODE: VNODE,
    EVFILT_PROC: PROC,
  },
  units: {
    NOTE_MSECONDS: 0,
    NOTE_SECONDS: 1,
    NOTE_USECONDS: 2,
    NOTE_NSECONDS: 4,
    NOTE_ABSTIME: 0x8,
  },
  unitMask: 0x7,
  exitStatus: 0x04000000,
}

export const netbsd: Vocabulary = {
  system: 'NetBSD',
  filters: {
    EVFILT_READ: 0,
    EVFILT_WRITE: 1,
    EVFILT_VNODE: 3,
    EVFILT_PROC: 4,
    EVFILT_SIGNAL: 5,
    EVFILT_TIMER: 6,
    EVFILT_FS: 7,
    EVFILT_USER: 8,
    EVFILT_EMPTY: 9,
  },
  flags: FLAGS,
  notes: {
    EVFILT_READ: LOWAT,
    EVFILT_WRITE: LOWAT,
    EVFILT_EMPTY: {},
    EVFILT_VNODE: { ...VNODE, ...OPENINGS },
    EVFILT_PROC: { ...PROC, ...TRACKING },
  },
  units: COUNTED_UNITS,
  unitMask: 0x3,
}

export const openbsd: Vocabulary = {
  system: 'OpenBSD',
  filters: { ...FILTERS, EVFILT_EXCEPT: -9, EVFILT_USER: -10 },
  flags: FLAGS,
  notes: {
    EVFILT_READ: LOWAT,
    EVFILT_WRITE: LOWAT,
    EVFILT_EXCEPT: { NOTE_OOB: 0x4 },
    EVFILT_VNODE: VNODE,
    EVFILT_PROC: { ...PROC, ...TRACKING },
  },
  units: COUNTED_UNITS,
  unitMask: 0x3,
}

/** By `process.platform`. */
export const VOCABULARIES: ReadonlyMap<string, Vocabulary> = new Map([
  ['darwin', macos],
  ['freebsd', freebsd],
  ['netbsd', netbsd],
  ['openbsd', openbsd],
])

/**
 * The table without what older headers lack.
 * @param header the numbers of the headers, by name
 * @throws KqueueError ENOSYS a number is another there: events would be taken for others
 */
export function fit(table: Vocabulary, header: Numbers): Vocabulary {
  const has = ([name, number]: readonly [string, number]): boolean => {
    // Milliseconds need no bit, nor a name.
    if (number === 0 && name.startsWith('NOTE_')) return true
    const found = header[name]
    if (found === undefined || found === number) return found !== undefined
    throw new KqueueError(ENOSYS, 'kqueue', {
      reason: `${name} is ${found} in the headers of this ${table.system}, and ${number} was expected; kqueue/sim runs everywhere`,
    })
  }
  const only = (numbers: Numbers): Numbers =>
    Object.fromEntries(Object.entries(numbers).filter(has))
  const notes = Object.entries(table.notes).map(([filter, bits]) => [filter, only(bits)] as const)
  const { NOTE_NSECONDS } = header
  const unitless = NOTE_NSECONDS === undefined
  return {
    ...table,
    filters: only(table.filters),
    flags: only(table.flags),
    notes: Object.fromEntries(notes),
    units: unitless ? { NOTE_MSECONDS: 0 } : only(table.units),
    unitMask: unitless ? 0 : table.unitMask,
  }
}
