/**
 * How a peer numbers what `sys/event.h` names. Names that a peer lacks are left out: their
 * flags do not reach it, and scenarios about their filters do not run on it.
 */

import * as ours from 'kqueue/core'
import { freebsd as freebsdTable, macos, type Vocabulary as Table } from '#bsd/vocabularies.js'

type Numbers = Readonly<Record<string, number>>

export interface Vocabulary {
  readonly filters: Numbers
  readonly flags: Numbers
  /** By filter. Of a filter that is not here, `fflags` are the same everywhere. */
  readonly notes: Readonly<Record<string, Numbers>>
}

const constants: Numbers = ours as unknown as Numbers

/** The names of these, with our numbers, which are FreeBSD's. */
function same(prefix: string, names: string): Record<string, number> {
  return Object.fromEntries(
    names.split(' ').map((name) => [`${prefix}${name}`, constants[`${prefix}${name}`]!]),
  )
}

const COMMON = same('EVFILT_', 'READ WRITE VNODE PROC SIGNAL TIMER')
const FLAGS = same(
  'EV_',
  'ADD DELETE ENABLE DISABLE ONESHOT CLEAR RECEIPT DISPATCH EOF ERROR SYSFLAGS',
)
const VNODE = same('NOTE_', 'DELETE WRITE EXTEND ATTRIB LINK RENAME')
const PROC = same('NOTE_', 'EXIT FORK EXEC TRACK TRACKERR CHILD')
const LOWAT = same('NOTE_', 'LOWAT')

const freebsd: Vocabulary = {
  filters: { ...COMMON, ...same('EVFILT_', 'AIO PROCDESC FS LIO USER EMPTY') },
  flags: { ...FLAGS, ...same('EV_', 'FORCEONESHOT KEEPUDATA') },
  notes: {
    EVFILT_READ: { ...LOWAT, ...same('NOTE_', 'FILE_POLL') },
    EVFILT_VNODE: { ...VNODE, ...same('NOTE_', 'REVOKE OPEN CLOSE CLOSE_WRITE READ') },
    EVFILT_PROC: PROC,
    EVFILT_TIMER: same('NOTE_', 'SECONDS MSECONDS USECONDS NSECONDS ABSTIME'),
  },
}

const darwin: Vocabulary = {
  filters: { ...COMMON, EVFILT_AIO: -3, EVFILT_FS: -9, EVFILT_USER: -10, EVFILT_EXCEPT: -15 },
  flags: FLAGS,
  notes: {
    EVFILT_READ: LOWAT,
    EVFILT_VNODE: { ...VNODE, ...same('NOTE_', 'REVOKE') },
    EVFILT_PROC: { ...PROC, NOTE_REAP: 0x10000000 },
    EVFILT_TIMER: {
      NOTE_SECONDS: 1,
      NOTE_MSECONDS: 0,
      NOTE_USECONDS: 2,
      NOTE_NSECONDS: 4,
      NOTE_ABSTIME: 8,
    },
  },
}

const openbsd: Vocabulary = {
  filters: { ...COMMON, EVFILT_EXCEPT: -9, EVFILT_USER: -10 },
  flags: FLAGS,
  notes: {
    EVFILT_READ: { ...LOWAT, NOTE_EOF: 2 },
    EVFILT_EXCEPT: { NOTE_OOB: 4 },
    EVFILT_VNODE: { ...VNODE, ...same('NOTE_', 'REVOKE') },
    EVFILT_PROC: PROC,
    // The unit is a number there, not a bit.
    EVFILT_TIMER: {
      NOTE_SECONDS: 1,
      NOTE_MSECONDS: 0,
      NOTE_USECONDS: 2,
      NOTE_NSECONDS: 3,
      NOTE_ABSTIME: 0x10,
    },
  },
}

/** libkqueue. */
const linux: Vocabulary = {
  filters: { ...COMMON, EVFILT_USER: -11 },
  flags: FLAGS,
  notes: {
    EVFILT_READ: LOWAT,
    EVFILT_WRITE: LOWAT,
    EVFILT_VNODE: VNODE,
    EVFILT_PROC: PROC,
    EVFILT_TIMER: darwin.notes.EVFILT_TIMER!,
  },
}

/** That of libkqueue as the package's system for a kernel's own kqueue takes it. */
export const libkqueue: Table = {
  ...macos,
  system: 'libkqueue',
  filters: linux.filters,
  notes: {
    EVFILT_READ: LOWAT,
    EVFILT_WRITE: LOWAT,
    EVFILT_VNODE: VNODE,
    EVFILT_PROC: freebsdTable.notes.EVFILT_PROC!,
  },
  exitStatus: 0,
}

const VOCABULARIES: Readonly<Partial<Record<NodeJS.Platform, Vocabulary>>> = {
  darwin,
  freebsd,
  linux,
  openbsd,
}

/** That of the peers on this platform. */
export const vocabulary: Vocabulary = VOCABULARIES[process.platform] ?? freebsd

const FILTER_NAMES = new Map(
  Object.entries(constants)
    .filter(([name]) => name.startsWith('EVFILT_'))
    .map(([name, number]) => [number, name]),
)

/** The peer's number of a filter of ours; a number that names no filter stays what it is. */
export function theirFilter(filter: number): number {
  return vocabulary.filters[FILTER_NAMES.get(filter) ?? ''] ?? filter
}

export function ourFilter(filter: number): number {
  const found = Object.entries(vocabulary.filters).find(([, number]) => number === filter)
  return found === undefined ? filter : constants[found[0]]!
}

function translate(bits: number, pairs: readonly (readonly [from: number, to: number])[]): number {
  let result = 0
  for (const [from, to] of pairs) if (from !== 0 && (bits & from) >>> 0 === from) result |= to
  return result >>> 0
}

function pairs(numbers: Numbers, direction: 'out' | 'in'): [number, number][] {
  return Object.entries(numbers)
    .filter(([name]) => constants[name] !== undefined)
    .map(([name, number]) =>
      direction === 'out' ? [constants[name]!, number] : [number, constants[name]!],
    )
}

export function theirFlags(flags: number): number {
  const { EV_SYSFLAGS, ...named } = vocabulary.flags
  return translate(flags, pairs(named, 'out')) | (flags & EV_SYSFLAGS!)
}

export function ourFlags(flags: number): number {
  const { EV_SYSFLAGS, ...named } = vocabulary.flags
  return translate(flags, pairs(named, 'in')) | (flags & EV_SYSFLAGS!)
}

/** `fflags` of a filter of ours. */
export function theirNotes(filter: number, fflags: number): number {
  const notes = vocabulary.notes[FILTER_NAMES.get(filter) ?? '']
  return notes === undefined ? fflags >>> 0 : translate(fflags, pairs(notes, 'out'))
}

export function ourNotes(filter: number, fflags: number): number {
  const notes = vocabulary.notes[FILTER_NAMES.get(filter) ?? '']
  return notes === undefined ? fflags >>> 0 : translate(fflags, pairs(notes, 'in'))
}
