/**
 * The vocabulary of inotify(7), and how EVFILT_VNODE's is asked for in it.
 */
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
  NOTE_REVOKE,
  NOTE_WRITE,
} from '../../event.js'

export const IN_ACCESS = 0x00000001
export const IN_MODIFY = 0x00000002
export const IN_ATTRIB = 0x00000004
export const IN_CLOSE_WRITE = 0x00000008
export const IN_CLOSE_NOWRITE = 0x00000010
export const IN_OPEN = 0x00000020
export const IN_MOVED_FROM = 0x00000040
export const IN_MOVED_TO = 0x00000080
export const IN_CREATE = 0x00000100
export const IN_DELETE = 0x00000200
export const IN_DELETE_SELF = 0x00000400
export const IN_MOVE_SELF = 0x00000800
export const IN_Q_OVERFLOW = 0x00004000
export const IN_IGNORED = 0x00008000
export const IN_ONLYDIR = 0x01000000
/** Nothing of files that have no name there any more. */
export const IN_EXCL_UNLINK = 0x04000000
/** Adds to what is asked for already. */
export const IN_MASK_ADD = 0x20000000
export const IN_ISDIR = 0x40000000

/** Entries of a directory come and go. */
export const IN_ENTRIES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO

/** Everything that EVFILT_VNODE can report. */
export const ALL_NOTES =
  NOTE_DELETE |
  NOTE_WRITE |
  NOTE_EXTEND |
  NOTE_ATTRIB |
  NOTE_LINK |
  NOTE_RENAME |
  NOTE_REVOKE |
  NOTE_OPEN |
  NOTE_CLOSE |
  NOTE_CLOSE_WRITE |
  NOTE_READ

/** What to ask for: a note of EVFILT_VNODE, and the records that it is made of. */
type Questions = readonly (readonly [note: number, mask: number])[]

/** How the notes of one kind of file are asked for. */
export interface VnodeKind {
  readonly questions: Questions
  /** What tells that there may be more or less to read. */
  readonly readMask: number
}

const ACCESSES: Questions = [
  [NOTE_OPEN, IN_OPEN],
  [NOTE_CLOSE, IN_CLOSE_NOWRITE],
  [NOTE_CLOSE_WRITE, IN_CLOSE_WRITE],
]

const NAMES: Questions = [
  ...ACCESSES,
  [NOTE_DELETE, IN_ATTRIB],
  [NOTE_LINK, IN_ATTRIB],
  [NOTE_ATTRIB, IN_ATTRIB],
  [NOTE_RENAME, IN_MOVE_SELF],
]

/** Fifos and symbolic links: what is done to the name, not what goes through the fifo. */
export const SPECIAL: VnodeKind = { questions: NAMES, readMask: 0 }

export const REGULAR: VnodeKind = {
  questions: [
    ...NAMES,
    [NOTE_WRITE, IN_MODIFY],
    [NOTE_EXTEND, IN_MODIFY],
    // A file that is cut, and a time of modification that is set, are IN_MODIFY. A rename
    // changes the times, too, and is asked for to be told apart.
    [NOTE_ATTRIB, IN_MODIFY | IN_MOVE_SELF],
    [NOTE_READ, IN_ACCESS],
  ],
  readMask: IN_MODIFY,
}

export const DIRECTORY: VnodeKind = {
  questions: [
    ...ACCESSES,
    [NOTE_WRITE, IN_ENTRIES],
    [NOTE_LINK, IN_ENTRIES],
    [NOTE_EXTEND, IN_MOVED_FROM | IN_MOVED_TO],
    // IN_ATTRIB when another directory takes its place, the directory above for rmdir(2).
    [NOTE_DELETE, IN_ATTRIB | IN_MOVE_SELF],
    [NOTE_ATTRIB, IN_ATTRIB],
    [NOTE_RENAME, IN_MOVE_SELF],
    [NOTE_READ, IN_ACCESS],
  ],
  readMask: IN_ENTRIES,
}

/** What is asked for in any case, because a watch has to ask for something. */
const IN_LEAST = IN_DELETE_SELF

/** The mask that makes inotify tell of `notes`. */
export function maskFor(kind: VnodeKind, notes: number): number {
  let mask = IN_LEAST
  for (const [note, records] of kind.questions) if (notes & note) mask |= records
  return mask
}

/** The notes of opening, closing and reading, which need no second look. */
export function accessNotes(mask: number): number {
  let notes = 0
  if (mask & IN_OPEN) notes |= NOTE_OPEN
  if (mask & IN_CLOSE_NOWRITE) notes |= NOTE_CLOSE
  if (mask & IN_CLOSE_WRITE) notes |= NOTE_CLOSE_WRITE
  if (mask & IN_ACCESS) notes |= NOTE_READ
  return notes
}
