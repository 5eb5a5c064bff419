/**
 * A regular file, fifo or symbolic link that inotify watches. inotify has one record
 * for writing, growing and cutting, and one for attributes, new names and lost ones;
 * which it was is seen in the file.
 */
import { numbers } from '../../core/image-check.js'
import {
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_WRITE,
} from '../../event.js'
import { accessNotes, IN_ATTRIB, IN_MODIFY, IN_MOVE_SELF, REGULAR } from '../hub/inotify.js'
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
import type { VnodeState } from './state.js'
import { Vnode } from './vnode.js'

/** Notes for which the file has to be looked at: writing comes with growing. */
const COMPARED = NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_LINK | NOTE_DELETE

/** What one write(2) does at once. */
const CONTENT = NOTE_WRITE | NOTE_EXTEND

/** What is remembered, in the order in which the class has it. */
type FileFields = [number, number, number, number, number, number, number, number]
const FIELDS = 8

export class FileVnode extends Vnode {
  #taken = 0
  #size = 0
  #links = 0
  #mode = 0
  #uid = 0
  #gid = 0
  #modified = 0
  #modifiedNsec = 0
  /** NOTE_DELETE has been told of its last name, which the link count does not say. */
  #unlinked = false

  remember(): void {
    const { statistics } = this.table.hub
    this.#size = statistics[STAT_SIZE]!
    this.#links = statistics[STAT_LINKS]!
    this.#mode = statistics[STAT_MODE]!
    this.#uid = statistics[STAT_UID]!
    this.#gid = statistics[STAT_GID]!
    this.#modified = statistics[STAT_MODIFIED]!
    this.#modifiedNsec = statistics[STAT_MODIFIED_NSEC]!
  }

  protected override remembered(): readonly number[] {
    return [
      this.#size,
      this.#links,
      this.#mode,
      this.#uid,
      this.#gid,
      this.#modified,
      this.#modifiedNsec,
      this.#unlinked ? 1 : 0,
    ]
  }

  override recall({ remembered }: VnodeState): void {
    const [size, links, mode, uid, gid, modified, modifiedNsec, unlinked] = numbers(
      remembered,
      'state.remembered',
      FIELDS,
    ) as FileFields
    this.#size = size
    this.#links = links
    this.#mode = mode
    this.#uid = uid
    this.#gid = gid
    this.#modified = modified
    this.#modifiedNsec = modifiedNsec
    this.#unlinked = unlinked === 1
  }

  override take(mask: number): void {
    this.#taken |= mask
  }

  flush(): void {
    const taken = this.#taken
    this.#taken = 0
    if (taken & IN_MODIFY) this.edge()
    if (this.watchers.size === 0) return
    let notes = accessNotes(taken)
    if (taken & IN_MODIFY) notes |= NOTE_WRITE
    if (taken & IN_MOVE_SELF) notes |= NOTE_RENAME
    if (taken & (IN_MODIFY | IN_ATTRIB) && this.asked & COMPARED) notes |= this.#compare(taken)
    this.note(notes & CONTENT)
    this.noteEach(notes & ~CONTENT)
  }

  #compare(taken: number): number {
    const watcher = this.live()
    if (watcher === null) return 0
    let notes = 0
    if (taken & IN_MODIFY) notes |= this.#sizeNotes(taken)
    if (taken & IN_ATTRIB) notes |= this.#attributeNotes(taken, watcher.fd)
    this.remember()
    return notes
  }

  #sizeNotes(taken: number): number {
    const { statistics } = this.table.hub
    const size = statistics[STAT_SIZE]!
    if (size > this.#size) return NOTE_EXTEND
    // Cut; no write leaves a file empty.
    if (size < this.#size || size === 0) return NOTE_ATTRIB
    // A write sets both times to now; utimensat(2) may set one of them, to anything.
    const isSet =
      statistics[STAT_MODIFIED] !== statistics[STAT_CHANGED] ||
      statistics[STAT_MODIFIED_NSEC] !== statistics[STAT_CHANGED_NSEC]
    return isSet && (taken & (IN_ATTRIB | IN_MOVE_SELF)) === 0 ? NOTE_ATTRIB : 0
  }

  #attributeNotes(taken: number, fd: number): number {
    const links = this.table.hub.statistics[STAT_LINKS]!
    if (links !== this.#links) return linkNotes(this.#links, links) | this.#otherNotes(taken)
    if (!this.#unlinked && this.hasLostName(fd)) {
      this.#unlinked = true
      return NOTE_DELETE | this.#otherNotes(taken)
    }
    return NOTE_ATTRIB
  }

  /** Whether the record of a name also stands for attributes that have changed. */
  #otherNotes(taken: number): number {
    const { statistics } = this.table.hub
    const differs =
      statistics[STAT_MODE] !== this.#mode ||
      statistics[STAT_UID] !== this.#uid ||
      statistics[STAT_GID] !== this.#gid
    // What goes through a fifo changes its times.
    const isSet =
      this.kind === REGULAR &&
      (taken & IN_MODIFY) === 0 &&
      (statistics[STAT_MODIFIED] !== this.#modified ||
        statistics[STAT_MODIFIED_NSEC] !== this.#modifiedNsec)
    return differs || isSet ? NOTE_ATTRIB : 0
  }
}

/** A name that is lost is NOTE_DELETE, and NOTE_LINK as well where others are left. */
function linkNotes(before: number, now: number): number {
  if (now > before) return NOTE_LINK
  return now === 0 ? NOTE_DELETE : NOTE_DELETE | NOTE_LINK
}
