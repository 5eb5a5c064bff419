/**
 * A directory that inotify watches. What comes and goes in it is NOTE_WRITE;
 * subdirectories are NOTE_LINK as well, what is moved in or out NOTE_EXTEND, as FreeBSD's
 * `vop_*_post` say it (vfs_subr.c).
 *
 * inotify does not tell a directory that is open of its own removal, but the directory
 * above: so that one is watched, too, and followed when the directory is moved.
 */
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
  IN_MOVE_SELF,
  IN_MOVED_FROM,
} from '../hub/inotify.js'
import { STAT_LINKS } from '../hub/native.js'
import { Vnode, type VnodeOwner } from './vnode.js'

/** What a directory needs of the table that it is in. */
export interface DirectoryOwner extends VnodeOwner {
  /** The directory above that of a descriptor, or a negative errno. */
  above(fd: number): DirectoryVnode | number
  /** Has `look` called at each kevent: nothing tells of the removal. */
  readonly unseen: Set<DirectoryVnode>
}

export class DirectoryVnode extends Vnode {
  declare readonly table: DirectoryOwner
  /** The directory above, while its records are needed. */
  #above: DirectoryVnode | null = null
  /** Watched directories in this one that rely on its records. */
  readonly #below = new Set<DirectoryVnode>()
  #links = 0
  #taken = 0
  /** Entries have come or gone. */
  #changed = false
  /** One that is no directory was moved in or out. */
  #movedFile = false
  /** The cookie of an entry that was moved away and has not come back; 0 for none. */
  #moving = 0
  #movingDirectory = false
  /** The cookie of one whose second record would be there by now. */
  #awaited = 0
  // Subdirectories by what happened to them.
  #made = 0
  #removed = 0
  #movedIn = 0
  #movedOut = 0
  #renamed = 0

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
    this.#links = this.table.kernel.statistics[STAT_LINKS]!
  }

  take(mask: number, cookie: number, named: boolean): void {
    if (mask & IN_ENTRIES) this.#entry(mask, cookie, (mask & IN_ISDIR) !== 0)
    // Directories also tell what happens to the files in them.
    else if (!named) this.#taken |= mask
  }

  #entry(mask: number, cookie: number, isDirectory: boolean): void {
    this.#changed = true
    if (mask & IN_CREATE) {
      if (isDirectory) this.#made++
    } else if (mask & IN_DELETE) {
      if (isDirectory) this.#removed++
    } else if (mask & IN_MOVED_FROM) {
      this.#settleMove()
      this.#moving = cookie
      this.#movingDirectory = isDirectory
    } else if (cookie === this.#moving) {
      this.#moving = 0
      if (isDirectory) this.#renamed++
    } else {
      if (isDirectory) this.#movedIn++
      else this.#movedFile = true
    }
  }

  /**
   * The two records of a rename are made one after the other, while the directory is
   * locked; the second may be still to come.
   */
  override wait(): boolean {
    const moving = this.#moving
    if (moving === 0 || moving === this.#awaited) return false
    this.#awaited = moving
    const watcher = this.live()
    return watcher !== null && this.table.kernel.native.directoryBarrier(watcher.fd) === 0
  }

  /** What was moved away has gone for good. */
  #settleMove(): void {
    if (this.#moving === 0) return
    this.#moving = 0
    if (this.#movingDirectory) this.#movedOut++
    else this.#movedFile = true
  }

  flush(): void {
    this.#settleMove()
    if (this.#removed > 0) for (const directory of this.#below) directory.look()
    if (this.#changed) this.#noteEntries()
    const taken = this.#taken
    this.#taken = 0
    this.noteEach(accessNotes(taken))
    if (taken & IN_MOVE_SELF) this.#renamedItself()
    if (taken & IN_ATTRIB && !this.look()) this.note(NOTE_ATTRIB)
  }

  #noteEntries(): void {
    this.edge()
    const movedDirectory = this.#movedIn + this.#movedOut > 0
    const links = this.#linkNotes()
    if (movedDirectory) this.note(NOTE_WRITE | NOTE_EXTEND | links)
    else if (links !== 0) this.note(NOTE_WRITE | links)
    this.note(this.#movedFile ? NOTE_WRITE | NOTE_EXTEND : NOTE_WRITE)
    this.#changed = this.#movedFile = false
  }

  /**
   * NOTE_LINK is for changes in the number of subdirectories. One that takes the place of
   * another has no record of that; only the link count says so, where directories have one.
   */
  #linkNotes(): number {
    const arrived = this.#made + this.#movedIn
    const left = this.#removed + this.#movedOut
    const isMove = this.#movedIn + this.#renamed > 0
    const expected = this.#links + arrived - left
    let replaced = 0
    if (isMove && this.#links > 1 && this.asked & NOTE_LINK && this.live() !== null) {
      replaced = Math.max(0, expected - this.table.kernel.statistics[STAT_LINKS]!)
    }
    if (this.#links > 1) this.#links = expected - replaced
    const changed = this.#made + left > 0 || (this.#renamed > 0 && replaced > 0)
    const isLink = changed || this.#movedIn > replaced
    this.#made = this.#removed = this.#movedIn = this.#movedOut = this.#renamed = 0
    return isLink ? NOTE_LINK : 0
  }

  override lost(): void {
    super.lost()
    this.#forget()
    const watcher = this.live()
    if (watcher !== null && this.asked & NOTE_DELETE) this.#follow(watcher.fd)
    for (const directory of this.#below) directory.look()
  }

  #forget(): void {
    this.#taken = this.#moving = 0
    this.#changed = this.#movedFile = false
    this.#made = this.#removed = this.#movedIn = this.#movedOut = this.#renamed = 0
  }

  // Its own end

  override prepare(fd: number): number {
    if ((this.asked & NOTE_DELETE) === 0 || this.#above !== null) return 0
    if (this.table.unseen.has(this)) return 0
    this.unlinked = this.#isGone(fd)
    const error = this.unlinked ? 0 : this.#follow(fd)
    return error === EACCES ? 0 : error
  }

  override reckon(): void {
    super.reckon()
    if ((this.asked & NOTE_DELETE) === 0) this.#leave()
  }

  /** Tells of the removal if it is removed: whether it was told now. */
  look(): boolean {
    if (this.unlinked) return false
    const watcher = this.live()
    if (watcher === null || !this.#isGone(watcher.fd)) return false
    this.unlinked = true
    this.#leave()
    this.note(NOTE_DELETE)
    return true
  }

  /** Takes it from the kernel's statistics. */
  #isGone(fd: number): boolean {
    return this.table.kernel.statistics[STAT_LINKS] === 0 || this.hasLostName(fd)
  }

  #renamedItself(): void {
    this.note(NOTE_RENAME)
    const watcher = this.live()
    if (watcher === null || (this.asked & NOTE_DELETE) === 0 || this.unlinked) return
    this.#follow(watcher.fd)
    this.look()
  }

  /** Relies on the directory above from now on: 0, or an errno. */
  #follow(fd: number): number {
    const above = this.table.above(fd)
    if (above === this.#above) return 0
    this.#leave()
    if (typeof above === 'number') {
      this.table.unseen.add(this)
      return -above
    }
    // The root of all is in itself, and stays.
    if (above === this) return 0
    this.#above = above
    above.#below.add(this)
    return 0
  }

  #leave(): void {
    this.table.unseen.delete(this)
    const above = this.#above
    if (above === null) return
    this.#above = null
    above.#below.delete(this)
    this.table.narrow(above)
  }

  override ended(): void {
    super.ended()
    for (const directory of this.#below) directory.#above = null
    this.#below.clear()
  }

  /** inotify watches it no longer. */
  override closed(): void {
    this.#leave()
  }
}
