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
  STAT_FIELDS,
  STAT_GID,
  STAT_LINKS,
  STAT_MODE,
  STAT_MODIFIED,
  STAT_MODIFIED_NSEC,
  STAT_SIZE,
  STAT_UID,
} from '../hub/native.js'
import { linkNotes, type VnodeState } from './state.js'
import { Vnode } from './vnode.js'

/** Notes for which the file has to be looked at: writing comes with growing. */
const COMPARED = NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_LINK | NOTE_DELETE

/** What one write(2) does at once. */
const CONTENT = NOTE_WRITE | NOTE_EXTEND

/** What is remembered of the statistics. */
const FIELDS = [
  STAT_SIZE,
  STAT_LINKS,
  STAT_MODE,
  STAT_UID,
  STAT_GID,
  STAT_MODIFIED,
  STAT_MODIFIED_NSEC,
] as const
type Field = (typeof FIELDS)[number]

export class FileVnode extends Vnode {
  #taken = 0
  /** FIELDS, by their places in the statistics. */
  readonly #was = new Array<number>(STAT_FIELDS).fill(0)
  /** NOTE_DELETE has been told of its last name, which the link count does not say. */
  #unlinked = false
  /** A write was told of; whether the file has grown is seen when that is handed out. */
  #unsized = false

  remember(): void {
    this.#unsized = false
    const { statistics } = this.table.hub
    for (const field of FIELDS) this.#was[field] = statistics[field]!
  }

  protected override remembered(): readonly number[] {
    return [...FIELDS.map((field) => this.#was[field]!), this.#unlinked ? 1 : 0]
  }

  override recall({ remembered }: VnodeState): void {
    const given = numbers(remembered, 'state.remembered', FIELDS.length + 1)
    for (const [i, field] of FIELDS.entries()) this.#was[field] = given[i]!
    this.#unlinked = given.at(-1) === 1
  }

  #differs(field: Field): boolean {
    return this.table.hub.statistics[field] !== this.#was[field]
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
    if (taken & (IN_MODIFY | IN_ATTRIB)) notes |= this.#lookedFor(taken)
    this.note(notes & CONTENT)
    this.noteEach(notes & ~CONTENT)
  }

  /** What the file has to be looked at for; where only writes are asked for, later. */
  #lookedFor(taken: number): number {
    const asked = this.asked & COMPARED
    if (asked !== NOTE_WRITE) return asked === 0 ? 0 : this.#compare(taken)
    this.#unsized = true
    return 0
  }

  override get unsettled(): boolean {
    return this.#unsized
  }

  override settle(): void {
    if (!this.#unsized) return
    this.#unsized = false
    // As long as only writes are asked for, nothing else is compared.
    const size = this.table.hub.statistics[STAT_SIZE]!
    const grown = size > this.#was[STAT_SIZE]!
    this.#was[STAT_SIZE] = size
    if (!grown) return
    for (const watcher of this.watchers) {
      for (const kn of watcher) if (kn.fflags & NOTE_WRITE) kn.fflags |= NOTE_EXTEND
    }
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
    const before = this.#was[STAT_SIZE]!
    if (size > before) return NOTE_EXTEND
    // Cut; no write leaves a file empty.
    if (size < before || size === 0) return NOTE_ATTRIB
    // A write sets both times to now; utimensat(2) may set one of them, to anything.
    const isSet =
      statistics[STAT_MODIFIED] !== statistics[STAT_CHANGED] ||
      statistics[STAT_MODIFIED_NSEC] !== statistics[STAT_CHANGED_NSEC]
    return isSet && (taken & (IN_ATTRIB | IN_MOVE_SELF)) === 0 ? NOTE_ATTRIB : 0
  }

  #attributeNotes(taken: number, fd: number): number {
    if (this.#differs(STAT_LINKS)) {
      const links = this.table.hub.statistics[STAT_LINKS]!
      return linkNotes(links - this.#was[STAT_LINKS]!, links) | this.#otherNotes(taken)
    }
    if (!this.#unlinked && this.hasLostName(fd)) {
      this.#unlinked = true
      return NOTE_DELETE | this.#otherNotes(taken)
    }
    return NOTE_ATTRIB
  }

  /** Whether the record of a name also stands for attributes that have changed. */
  #otherNotes(taken: number): number {
    const differs = this.#differs(STAT_MODE) || this.#differs(STAT_UID) || this.#differs(STAT_GID)
    // What goes through a fifo changes its times.
    const isSet =
      this.kind === REGULAR &&
      (taken & IN_MODIFY) === 0 &&
      (this.#differs(STAT_MODIFIED) || this.#differs(STAT_MODIFIED_NSEC))
    return differs || isSet ? NOTE_ATTRIB : 0
  }
}
