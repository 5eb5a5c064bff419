/**
 * A directory that inotify watches. What comes and goes in it is NOTE_WRITE;
 * subdirectories are NOTE_LINK as well, what is moved in or out NOTE_EXTEND, as FreeBSD's
 * `vop_*_post` say it (vfs_subr.c).
 *
 * A move is two records with one cookie, of which the second may be still to come:
 *
 *     STILL ──── moved from ───▶ LEAVING ──── waited ───▶ AWAITED
 *       ▲                           │                        │
 *       └── moved to: renamed; told, or another moves: out ──┘
 *
 * inotify does not tell a directory that is open of its own removal, but the directory
 * above: so that one is watched, too, and followed when the directory is moved.
 *
 *     alone ──── NOTE_DELETE is asked for ───▶ followed, rooted or unseen
 *       ▲                                          │   ▲ moved, or records lost │
 *       ├──── no longer asked for, or ended ───────┤   └────────────────────────┘
 *       └─ asked ─▶ removed ◀─── seen to be gone ──┘
 */
import { numbers } from '../../core/image-check.js'
import { EACCES } from '../../errors.js'
import {
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_WRITE,
} from '../../event.js'
import {
  accessNotes,
  DIRECTORY,
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_ENTRIES,
  IN_ISDIR,
  IN_MASK_ADD,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_ONLYDIR,
} from '../hub/inotify.js'
import { STAT_LINKS } from '../hub/native.js'
import type { VnodeState } from './state.js'
import { Vnode, type VnodeOwner } from './vnode.js'

/** What a directory needs of the table that it is in. */
export interface DirectoryOwner extends VnodeOwner {
  /** The directory above that of a descriptor, or a negative errno. */
  above(fd: number): DirectoryVnode | number
  /** Has `look` called at each kevent: nothing tells of the removal. */
  readonly unseen: Set<DirectoryVnode>
}

/** How far the move of an entry is that was moved away. */
const STILL = 0
const LEAVING = 1
/** The second record would be there by now. */
const AWAITED = 2

/** Who tells of the directory's own removal. */
type Removal =
  /** Nobody is to, or the directory above has ended. */
  | 'alone'
  /** The directory above. */
  | 'followed'
  /** Nobody can: `look` is called at each kevent. */
  | 'unseen'
  /** The root of all is in itself, and stays. */
  | 'rooted'
  /** NOTE_DELETE has been told, or was not to be told. */
  | 'removed'

/** What has happened to the entries since it was told last. */
class Changes {
  any = false
  /** One that is no directory was moved in or out. */
  movedFile = false
  // Subdirectories by what happened to them.
  made = 0
  removed = 0
  movedIn = 0
  movedOut = 0
  renamed = 0

  clear(): void {
    this.any = this.movedFile = false
    this.made = this.removed = this.movedIn = this.movedOut = this.renamed = 0
  }
}

export class DirectoryVnode extends Vnode {
  declare readonly table: DirectoryOwner
  /** Who tells of its removal. */
  removal: Removal = 'alone'
  /** The directory above, while it is followed. */
  #above: DirectoryVnode | null = null
  /** Watched directories in this one that follow it. */
  readonly #below = new Set<DirectoryVnode>()
  #links = 0
  /** Records of the directory itself. */
  #taken = 0
  readonly #changes = new Changes()
  /** STILL, LEAVING or AWAITED: of the entry with the cookie. */
  #move = STILL
  #cookie = 0
  #movesDirectory = false

  constructor(table: DirectoryOwner, wd: number) {
    super(table, wd, DIRECTORY)
  }

  override get idle(): boolean {
    return super.idle && this.#below.size === 0
  }

  override get wanted(): number {
    return super.wanted | (this.#below.size > 0 ? IN_DELETE : 0)
  }

  remember(): void {
    this.#links = this.table.hub.statistics[STAT_LINKS]!
  }

  protected override remembered(): readonly number[] {
    return [this.#links, this.removal === 'removed' ? 1 : 0]
  }

  override recall({ remembered }: VnodeState): void {
    const [links, removed] = numbers(remembered, 'state.remembered', 2)
    this.#links = links!
    if (removed === 1 || this.removal !== 'removed') return
    // It was removed since, which is still to be told.
    this.#become('alone')
    this.#taken |= IN_ATTRIB
    this.table.touch(this)
  }

  take(mask: number, cookie: number, named: boolean): void {
    if (mask & IN_ENTRIES) this.#entry(mask, cookie, (mask & IN_ISDIR) !== 0)
    // Directories also tell what happens to the files in them.
    else if (!named) this.#taken |= mask
  }

  /** Hot path. */
  #entry(mask: number, cookie: number, isDirectory: boolean): void {
    const changes = this.#changes
    changes.any = true
    if (mask & IN_CREATE) {
      if (isDirectory) changes.made++
    } else if (mask & IN_DELETE) {
      if (isDirectory) changes.removed++
    } else if (mask & IN_MOVED_FROM) {
      this.#settleMove()
      this.#move = LEAVING
      this.#cookie = cookie
      this.#movesDirectory = isDirectory
    } else if (this.#move !== STILL && cookie === this.#cookie) {
      this.#move = STILL
      if (isDirectory) changes.renamed++
    } else {
      if (isDirectory) changes.movedIn++
      else changes.movedFile = true
    }
  }

  /**
   * The two records of a rename are made one after the other, while the directory is
   * locked; the second may be still to come.
   */
  override wait(): boolean {
    if (this.#move !== LEAVING) return false
    this.#move = AWAITED
    const watcher = this.live()
    return watcher !== null && this.table.hub.native.directoryBarrier(watcher.fd) === 0
  }

  /** What was moved away has gone for good. */
  #settleMove(): void {
    if (this.#move === STILL) return
    this.#move = STILL
    if (this.#movesDirectory) this.#changes.movedOut++
    else this.#changes.movedFile = true
  }

  flush(): void {
    this.#settleMove()
    if (this.#changes.removed > 0) for (const directory of this.#below) directory.look()
    if (this.#changes.any) this.#noteEntries()
    const taken = this.#taken
    this.#taken = 0
    this.noteEach(accessNotes(taken))
    if (taken & IN_MOVE_SELF) this.#renamedItself()
    if (taken & IN_ATTRIB && !this.look()) this.note(NOTE_ATTRIB)
  }

  #noteEntries(): void {
    this.edge()
    const changes = this.#changes
    const links = this.#linkNotes(changes)
    if (changes.movedIn + changes.movedOut > 0) this.note(NOTE_WRITE | NOTE_EXTEND | links)
    else if (links !== 0) this.note(NOTE_WRITE | links)
    this.note(changes.movedFile ? NOTE_WRITE | NOTE_EXTEND : NOTE_WRITE)
    changes.clear()
  }

  /**
   * NOTE_LINK is for changes in the number of subdirectories. One that takes the place of
   * another has no record of that; only the link count says so, where directories have one.
   */
  #linkNotes({ made, removed, movedIn, movedOut, renamed }: Changes): number {
    const left = removed + movedOut
    const expected = this.#links + made + movedIn - left
    let replaced = 0
    if (
      movedIn + renamed > 0 &&
      this.#links > 1 &&
      this.asked & NOTE_LINK &&
      this.live() !== null
    ) {
      replaced = Math.max(0, expected - this.table.hub.statistics[STAT_LINKS]!)
    }
    if (this.#links > 1) this.#links = expected - replaced
    const changed = made + left > 0 || (renamed > 0 && replaced > 0)
    return changed || movedIn > replaced ? NOTE_LINK : 0
  }

  override lost(): void {
    super.lost()
    this.#taken = 0
    this.#move = STILL
    this.#changes.clear()
    const watcher = this.live()
    if (watcher !== null && this.#isWatched) this.#follow(watcher.fd)
    for (const directory of this.#below) directory.look()
  }

  // Its own end

  #become(next: Removal, above: DirectoryVnode | null = null): void {
    const last = this.#above
    this.removal = next
    this.#above = above
    if (next === 'unseen') this.table.unseen.add(this)
    else this.table.unseen.delete(this)
    if (above !== null) above.#below.add(this)
    // The one above may end with that.
    if (last !== null && last !== above && last.#below.delete(this)) this.table.narrow(last)
  }

  /** Its removal is to be told, and has not been. */
  get #isWatched(): boolean {
    return (this.asked & NOTE_DELETE) !== 0 && this.removal !== 'removed'
  }

  override prepare(fd: number): number {
    const { removal } = this
    if ((this.asked & NOTE_DELETE) === 0 || removal === 'followed' || removal === 'unseen') return 0
    if (this.#isGone(fd)) {
      this.#become('removed')
      return 0
    }
    const error = this.#follow(fd)
    return error === EACCES ? 0 : error
  }

  override reckon(): void {
    super.reckon()
    if ((this.asked & NOTE_DELETE) === 0) this.#leave()
  }

  /** Tells of the removal if it is removed: whether it was told now. */
  look(): boolean {
    if (this.removal === 'removed') return false
    const watcher = this.live()
    if (watcher === null || !this.#isGone(watcher.fd)) return false
    this.#become('removed')
    this.note(NOTE_DELETE)
    return true
  }

  /** Takes it from the kernel's statistics. */
  #isGone(fd: number): boolean {
    return this.table.hub.statistics[STAT_LINKS] === 0 || this.hasLostName(fd)
  }

  #renamedItself(): void {
    this.note(NOTE_RENAME)
    const watcher = this.live()
    if (watcher === null || !this.#isWatched) return
    this.#follow(watcher.fd)
    this.look()
  }

  /** Relies on the directory above from now on: 0, or an errno. */
  #follow(fd: number): number {
    const above = this.table.above(fd)
    if (typeof above === 'number') this.#become('unseen')
    else if (above === this) this.#become('rooted')
    else this.#become('followed', above)
    return typeof above === 'number' ? -above : 0
  }

  #leave(): void {
    if (this.removal !== 'removed') this.#become('alone')
  }

  override handOver(inotify: number, fd: number): number {
    const wd = super.handOver(inotify, fd)
    if (wd < 0 || this.removal !== 'followed') return wd
    const mask = IN_DELETE | IN_ONLYDIR | IN_MASK_ADD
    return this.table.hub.native.inotifyAdd(inotify, fd, mask, true)
  }

  override ended(): void {
    super.ended()
    const below = [...this.#below]
    this.#below.clear()
    for (const directory of below) directory.#become('alone')
  }

  override closed(): void {
    this.#leave()
  }
}
