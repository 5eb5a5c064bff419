/**
 * A file as an image of a queue has it: what it was then, and what has happened to it since,
 * as far as that can be seen. What nothing shows is reported as what inotify has lost is: as
 * all that was asked for.
 */
import { constants, readlinkSync } from 'node:fs'
import { list, numbers, record, text } from '../../core/image-check.js'
import {
  NOTE_ATTRIB,
  NOTE_CLOSE,
  NOTE_CLOSE_WRITE,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_OPEN,
  NOTE_READ,
  NOTE_RENAME,
  NOTE_WRITE,
} from '../../event.js'
import {
  STAT_CHANGED,
  STAT_CHANGED_NSEC,
  STAT_GID,
  STAT_LINKS,
  STAT_MODE,
  STAT_MODIFIED,
  STAT_MODIFIED_NSEC,
  STAT_SIZE,
  STAT_UID,
} from '../hub/native.js'

export interface VnodeState {
  /** The statistics at the image, as `stateFields` has them. */
  readonly now: readonly number[]
  /** What the vnode compares with. */
  readonly remembered: readonly number[]
  /** What /proc said of the descriptor; '' where there is none. */
  readonly path: string
}

const { S_IFDIR, S_IFMT } = constants

export const stateFields = [
  STAT_MODE,
  STAT_SIZE,
  STAT_LINKS,
  STAT_UID,
  STAT_GID,
  STAT_MODIFIED,
  STAT_MODIFIED_NSEC,
  STAT_CHANGED,
  STAT_CHANGED_NSEC,
]

/** Notes of which a file keeps no trace. */
const TRACELESS = NOTE_OPEN | NOTE_CLOSE | NOTE_CLOSE_WRITE | NOTE_READ

/** What /proc puts after the path of a file whose name is gone; a name may end like this. */
export const DELETED = ' (deleted)'

/** @throws KqueueError EINVAL */
export function checkVnodeState(state: unknown): VnodeState {
  const given = record<'now' | 'remembered' | 'path'>(state, 'state')
  return {
    now: numbers(given.now, 'state.now', stateFields.length),
    remembered: numbers(list(given.remembered, 'state.remembered'), 'state.remembered'),
    path: text(given.path, 'state.path'),
  }
}

/**
 * What has happened to a file since an image of it, in the words of EVFILT_VNODE.
 * @param statistics of `fd` now
 */
export function notesSince(
  { now: before, path }: VnodeState,
  fd: number,
  statistics: Float64Array,
): number {
  const was = (field: number): number => before[stateFields.indexOf(field)]!
  const differs = (...fields: number[]): boolean =>
    fields.some((field) => was(field) !== statistics[field])
  const links = statistics[STAT_LINKS]! - was(STAT_LINKS)
  const isDirectory = (statistics[STAT_MODE]! & S_IFMT) === S_IFDIR
  const isModified = differs(STAT_MODIFIED, STAT_MODIFIED_NSEC)
  let notes = TRACELESS
  if (differs(STAT_MODE, STAT_UID, STAT_GID)) notes |= NOTE_ATTRIB
  if (isDirectory) {
    if (isModified) notes |= NOTE_WRITE | NOTE_EXTEND
    if (links !== 0) notes |= NOTE_LINK
  } else {
    const grown = statistics[STAT_SIZE]! - was(STAT_SIZE)
    if (isModified || grown !== 0) notes |= NOTE_WRITE
    if (grown > 0) notes |= NOTE_EXTEND
    if (grown < 0) notes |= NOTE_ATTRIB
    if (links !== 0) notes |= linkNotes(links, statistics[STAT_LINKS]!)
  }
  const moved = pathNotes(path, pathOf(fd))
  notes |= moved
  if (isDirectory && statistics[STAT_LINKS] === 0) notes |= NOTE_DELETE
  const isExplained = isModified || links !== 0 || moved !== 0 || (notes & NOTE_ATTRIB) !== 0
  if (differs(STAT_CHANGED, STAT_CHANGED_NSEC) && !isExplained) notes |= NOTE_ATTRIB
  return notes >>> 0
}

/** A name that is lost is NOTE_DELETE, and NOTE_LINK as well where others are left. */
export function linkNotes(more: number, now: number): number {
  if (more > 0) return NOTE_LINK
  return now === 0 ? NOTE_DELETE : NOTE_DELETE | NOTE_LINK
}

function pathNotes(before: string, now: string): number {
  if (before === now || before === '' || now === '') return 0
  if (now.endsWith(DELETED) && !before.endsWith(DELETED)) return NOTE_DELETE
  return NOTE_RENAME
}

/** What /proc says of a descriptor. */
export function pathOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
