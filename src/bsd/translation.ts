/**
 * Changes and events between a program, which has FreeBSD's numbers, and a kernel that has its
 * own. What a kernel lacks is refused with what would do instead, and never handed to it as
 * something else.
 *
 *     const translation = new Translation(fit(macos, addon.constants))
 *     translation.out(filter, flags, fflags, wanted)
 *     translation.in(filter, flags, fflags)
 */
import { constants } from 'node:os'
import { vocabulary } from '../api/vocabulary.js'
import { EINVAL, EIO, ENOTSUP, ENXIO, errnoName, refuse } from '../errors.js'
import * as event from '../event.js'
import {
  EV_EOF,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_WRITE,
} from '../event.js'
import { insteadOf } from './instead.js'
import type { Numbers, Vocabulary } from './vocabularies.js'

/** No errno of Linux is more. */
const MOST_ERRNO = 133

/** From, and to. */
type Pair = readonly [name: string, ours: number, theirs: number]

const OURS = vocabulary() as unknown as Numbers

/** What the package does itself, and what has no meaning in a change: it does not travel. */
const KEPT = event.EV_RECEIPT | event.EV_KEEPUDATA | event.EV_NOCPONFORK | event.EV_SYSFLAGS

/** The bits that have a name for a filter, on any system. */
const KNOWN_NOTES: Readonly<Record<string, readonly string[]>> = {
  EVFILT_READ: ['NOTE_LOWAT', 'NOTE_FILE_POLL'],
  EVFILT_WRITE: ['NOTE_LOWAT'],
  EVFILT_EXCEPT: ['NOTE_OOB'],
  EVFILT_VNODE: [
    'NOTE_DELETE',
    'NOTE_WRITE',
    'NOTE_EXTEND',
    'NOTE_ATTRIB',
    'NOTE_LINK',
    'NOTE_RENAME',
    'NOTE_REVOKE',
    'NOTE_OPEN',
    'NOTE_CLOSE',
    'NOTE_CLOSE_WRITE',
    'NOTE_READ',
  ],
  EVFILT_PROC: ['NOTE_EXIT', 'NOTE_FORK', 'NOTE_EXEC', 'NOTE_REAP', 'NOTE_TRACK'],
  EVFILT_PROCDESC: ['NOTE_EXIT', 'NOTE_FORK', 'NOTE_EXEC', 'NOTE_REAP'],
}

const UNITS = ['NOTE_SECONDS', 'NOTE_MSECONDS', 'NOTE_USECONDS', 'NOTE_NSECONDS']

function filterName(filter: number): string | undefined {
  return Object.keys(OURS).find((name) => name.startsWith('EVFILT_') && OURS[name] === filter)
}

function bits(names: readonly string[]): number {
  return names.reduce((mask, name) => (mask | OURS[name]!) >>> 0, 0)
}

function pairs(numbers: Numbers): Pair[] {
  return Object.entries(numbers).map(([name, theirs]) => [name, OURS[name]!, theirs])
}

/** A change as the kernel has it, or what it says of an event. */
export interface Translated {
  filter: number
  flags: number
  fflags: number
}

/** One filter. */
interface FilterRow {
  readonly name: string
  readonly ours: number
  readonly theirs: number
  /** undefined where all bits are the same. */
  readonly notes: readonly Pair[] | undefined
  /** The bits that have a name, and are not here. */
  readonly missing: readonly string[]
}

export class Translation {
  readonly #rows = new Map<number, FilterRow>()
  readonly #theirRows = new Map<number, FilterRow>()
  readonly #flags: readonly Pair[]
  readonly #flagMask: number
  readonly #timerMask = bits([...UNITS, 'NOTE_ABSTIME'])

  constructor(readonly vocabulary: Vocabulary) {
    for (const [name, ours, theirs] of pairs(vocabulary.filters)) {
      const notes = vocabulary.notes[name]
      const missing = (KNOWN_NOTES[name] ?? []).filter((note) => notes?.[note] === undefined)
      const row = { name, ours, theirs, notes: notes && pairs(notes), missing }
      this.#rows.set(ours, row)
      this.#theirRows.set(theirs, row)
    }
    this.#flags = pairs(vocabulary.flags)
    this.#flagMask = bits(Object.keys(vocabulary.flags))
  }

  /** Whether the kernel has a filter. */
  has(filter: number): boolean {
    return this.#rows.has(filter)
  }

  /**
   * Fills in what the kernel is to be told.
   * @throws KqueueError ENOTSUP the system lacks it; ENXIO, EINVAL there is no such filter
   */
  out(filter: number, flags: number, fflags: number, into: Translated): void {
    const row = this.#row(filter)
    into.filter = row.theirs
    into.flags = this.#flagsOut(flags & ~KEPT)
    into.fflags = row.ours === EVFILT_TIMER ? this.#unitsOut(fflags) : this.#notesOut(row, fflags)
  }

  /** What an event of the kernel is here. `fflags` may be an errno, of a socket at its end. */
  in(filter: number, flags: number, fflags: number): Translated {
    const row = this.#theirRows.get(filter)
    if (row === undefined) return { filter, flags, fflags }
    const ours = translated(flags, this.#flags, 'in')
    const filtered = { filter: row.ours, flags: ours, fflags }
    if (row.ours === EVFILT_TIMER) filtered.fflags = this.#unitsIn(fflags)
    else if (ours & EV_EOF && isSocketSide(row.ours)) filtered.fflags = ourErrno(fflags)
    else if (row.notes !== undefined) filtered.fflags = translated(fflags, row.notes, 'in')
    return filtered
  }

  #row(filter: number): FilterRow {
    const row = this.#rows.get(filter)
    if (row !== undefined) return row
    const name = filterName(filter)
    if (name !== undefined && name !== 'EVFILT_SENDFILE') return this.#lacks(name)
    return name === undefined
      ? refuse(EINVAL, `there is no filter ${filter}`)
      : refuse(ENXIO, `this system has no filter ${filter}`)
  }

  #lacks(name: string): never {
    const { system } = this.vocabulary
    return refuse(ENOTSUP, `${system} has no ${name}; ${insteadOf(name, system)}`)
  }

  #flagsOut(flags: number): number {
    if (flags & ~this.#flagMask & event.EV_FORCEONESHOT) this.#lacks('EV_FORCEONESHOT')
    return translated(flags, this.#flags, 'out')
  }

  #notesOut({ notes, missing }: FilterRow, fflags: number): number {
    if (notes === undefined) return fflags
    for (const name of missing) if (fflags & OURS[name]!) this.#lacks(name)
    return translated(fflags, notes, 'out')
  }

  #unitsOut(fflags: number): number {
    const given = UNITS.filter((name) => fflags & OURS[name]!)
    if (given.length > 1) refuse(EINVAL, `a timer has one unit, not ${given.join(' and ')}`)
    if (fflags & ~this.#timerMask) refuse(EINVAL, 'fflags of a timer are a unit and NOTE_ABSTIME')
    const unit = this.#unit(given[0] ?? 'NOTE_MSECONDS')
    return fflags & event.NOTE_ABSTIME ? unit | this.#unit('NOTE_ABSTIME') : unit
  }

  #unit(name: string): number {
    return this.vocabulary.units[name] ?? this.#lacks(name)
  }

  #unitsIn(fflags: number): number {
    const { units, unitMask } = this.vocabulary
    const { NOTE_ABSTIME = 0, ...rest } = units
    const unit = Object.entries(rest).find(([, number]) => number === (fflags & unitMask))
    const absolute = fflags & NOTE_ABSTIME ? event.NOTE_ABSTIME : 0
    return (unit === undefined ? 0 : OURS[unit[0]]!) | absolute
  }
}

/** Hot path. */
function translated(bits: number, numbers: readonly Pair[], way: 'in' | 'out'): number {
  let result = 0
  for (const [, ours, theirs] of numbers) {
    if (bits & (way === 'out' ? ours : theirs)) result |= way === 'out' ? theirs : ours
  }
  return result >>> 0
}

function isSocketSide(filter: number): boolean {
  return [EVFILT_READ, EVFILT_WRITE, EVFILT_EMPTY, EVFILT_EXCEPT].includes(filter)
}

/** errno of this system -> that of Linux, which the package has everywhere. */
let errnos: ReadonlyMap<number, number> | undefined

function translatedErrnos(): ReadonlyMap<number, number> {
  const ours = new Map(
    Array.from({ length: MOST_ERRNO + 1 }, (_, errno) => [errnoName(errno), errno]),
  )
  return new Map(
    Object.entries(constants.errno).flatMap(([name, number]) => {
      const errno = ours.get(name === 'EOPNOTSUPP' ? 'ENOTSUP' : name)
      return errno === undefined ? [] : [[number, errno] as const]
    }),
  )
}

/** The package's number of an errno of this system, EIO for one that it has no name for. */
export function ourErrno(errno: number): number {
  errnos ??= translatedErrnos()
  return errno === 0 ? 0 : (errnos.get(errno) ?? EIO)
}
