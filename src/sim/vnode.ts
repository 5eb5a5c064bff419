/**
 * What the file tree is made of (`struct vnode`), and a vnode that is open
 * (`VnodeFile`), with the filters of both: EVFILT_VNODE, EVFILT_READ and
 * EVFILT_WRITE (vfs_subr.c, `vfsvnode_filtops` and its two siblings).
 *
 * Knotes hang on the open file, so they follow the file and not its path, and when
 * the file is revoked they stay behind with what was open while the vnode may go
 * on. Whoever changes a vnode says `vnode.note(NOTE_...)`, and `vnode.noteSize()`
 * when there may be more or less to read.
 */
import type { FilterOps } from '../core/filter.js'
import { asked } from '../core/filters/file.js'
import type { Origin } from '../core/image.js'
import { Knlist } from '../core/knlist.js'
import type { Knote } from '../core/knote.js'
import { cutNames } from '../core/name-log.js'
import { EBADF, EINVAL, EIO, fail, refuse } from '../errors.js'
import {
  EV_EOF,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_ATTRIB,
  NOTE_CLOSE,
  NOTE_CLOSE_WRITE,
  NOTE_FILE_POLL,
  NOTE_OPEN,
  NOTE_REVOKE,
} from '../event.js'
import { O_ACCMODE, O_PATH, O_RDONLY, O_WRONLY, SEEK_CUR, SEEK_END, SEEK_SET } from './fcntl.js'
import { SimFile } from './file.js'
import { attachWith, filterOn } from './file-filter.js'
import { NoteCounts } from './note-counts.js'

/** What a vnode belongs to: `struct mount`, as far as its vnodes are concerned. */
export interface FileSystem {
  /** Its number: st_dev. */
  readonly dev: number
  /** The open files of its vnodes. */
  readonly files: Set<VnodeFile>
  /** A number for a new vnode: st_ino. */
  nextNumber(): number
}

/** What stat(2) tells. */
export interface Stat {
  readonly dev: number
  readonly ino: number
  readonly type: VnodeType
  /** Permissions, 12 bits. */
  readonly mode: number
  /** Names it has in the tree; of a directory, its own `.` and the `..` in it as well. */
  readonly nlink: number
  /** Bytes. */
  readonly size: number
}

export type VnodeType = 'regular' | 'directory' | 'special'

/** A directory that has a name for a vnode, and is told what happens to that. */
export interface Holder {
  happened(vnode: Vnode, what: 'write' | 'attributes'): void
}

export abstract class Vnode {
  readonly ino: number
  abstract readonly type: VnodeType
  /** Bytes. */
  abstract readonly size: number
  /** Names it has: the file is gone when there are none and nobody has it open. */
  links = 0
  /** Who has it open. */
  readonly files = new Set<VnodeFile>()
  /** The directories in which it has names. */
  readonly holders = new Set<Holder>()

  constructor(
    readonly fs: FileSystem,
    public mode: number,
  ) {
    this.ino = fs.nextNumber()
  }

  /** Something happened to it, in the words of EVFILT_VNODE. VFS_KNOTE(9). */
  note(hint: number): void {
    for (const file of this.files) file.note(hint)
  }

  /** Who watches the directories that it is in is told. */
  tell(what: 'write' | 'attributes'): void {
    for (const holder of this.holders) holder.happened(this, what)
  }

  /** Its size may have changed. */
  noteSize(): void {
    for (const file of this.files) file.readers.note(0)
  }

  chmod(mode: number): void {
    this.mode = mode & 0o7777
    this.note(NOTE_ATTRIB)
    this.tell('attributes')
  }

  stat(): Stat {
    const { fs, ino, type, mode, links, size } = this
    return { dev: fs.dev, ino, type, mode, nlink: links, size }
  }

  /** Access is withdrawn from all who have it open. VOP_REVOKE(9). */
  revoke(): void {
    for (const file of [...this.files]) file.revoke()
  }
}

/** A vnode that is open: the vnode, an offset in it, and the knotes of its descriptors. */
export abstract class VnodeFile extends SimFile {
  /** The knotes of EVFILT_VNODE. */
  readonly watchers = new Knlist()
  /** The knotes of EVFILT_READ and EVFILT_WRITE. */
  readonly readers = new Knlist()
  offset = 0
  readonly #notes = new NoteCounts()
  /** The file system is gone, or the file was revoked: VBAD. */
  revoked = false

  /** @param flags those of open(2) */
  constructor(
    readonly vnode: Vnode,
    readonly flags: number,
  ) {
    super()
    if (!this.isPath) vnode.note(NOTE_OPEN)
    vnode.files.add(this)
    vnode.fs.files.add(this)
  }

  /** Opened with O_PATH. */
  get isPath(): boolean {
    return (this.flags & O_PATH) !== 0
  }

  /** Something happened to the vnode. */
  note(hint: number): void {
    this.#notes.add(hint)
    this.watchers.note(hint)
  }

  image({ filter }: Knote): number[] | null {
    return filter === EVFILT_VNODE ? this.#notes.mark() : null
  }

  restored(kn: Knote, state: unknown, origin: Origin): void {
    if (kn.filter !== EVFILT_VNODE) asked(kn, origin)
    else if (!origin.handed && kn.ops.event(kn, this.#notes.since(state))) kn.activate()
  }

  override kqfilter(kn: Knote): number {
    if (this.isPath && kn.filter !== EVFILT_VNODE) {
      return refuse(EBADF, 'the file was opened with O_PATH')
    }
    return attachWith(kn, filters.get(kn.filter), 'a file of the tree')
  }

  /**
   * Moves the offset, past the end if need be.
   * @throws KqueueError EINVAL for another `whence`, or for where no offset can be
   */
  override seek(offset: number, whence: number): number {
    const at = offset + this.#origin(whence)
    if (!Number.isSafeInteger(at) || at < 0) fail(EINVAL, 'lseek', `${at} is not an offset`)
    this.offset = at
    this.readers.note(0)
    return at
  }

  #origin(whence: number): number {
    switch (whence) {
      case SEEK_SET:
        return 0
      case SEEK_CUR:
        return this.offset
      case SEEK_END:
        return this.vnode.size
      default:
        fail(EINVAL, 'lseek', 'whence is SEEK_SET, SEEK_CUR or SEEK_END')
    }
  }

  get readable(): boolean {
    return !this.isPath && (this.flags & O_ACCMODE) !== O_WRONLY
  }

  get writable(): boolean {
    return !this.isPath && (this.flags & O_ACCMODE) !== O_RDONLY
  }

  /** Whether it can be read from or written to; throws if not. */
  protected permit(access: 'read' | 'write'): void {
    if (!(access === 'read' ? this.readable : this.writable)) {
      const reason = `the file was not opened for ${access === 'read' ? 'reading' : 'writing'}`
      fail(EBADF, access, reason)
    }
    if (this.revoked) fail(EIO, access, 'the file was revoked')
  }

  /** Takes the file away from its descriptors, which stay open. vgone(9). */
  revoke(): void {
    if (this.revoked) return
    this.revoked = true
    this.#leave()
    this.watchers.note(NOTE_REVOKE)
    this.readers.note(NOTE_REVOKE)
  }

  override release(): void {
    if (this.revoked) return
    this.#leave()
    if (!this.isPath) this.vnode.note(this.writable ? NOTE_CLOSE_WRITE : NOTE_CLOSE)
  }

  #leave(): void {
    this.vnode.files.delete(this)
    this.vnode.fs.files.delete(this)
  }
}

/** Nothing can be read or written any more; the knote goes with this event. */
function gone(kn: Knote): boolean {
  kn.flags |= EV_EOF | EV_ONESHOT
  kn.data = 0
  return true
}

const filters = new Map<number, FilterOps>([
  [
    // The way from the offset to the end, which may be negative. `filt_vfsread`.
    EVFILT_READ,
    filterOn(readersOf, (kn) => {
      const { vnode, offset, revoked } = kn.file as VnodeFile
      if (revoked) return gone(kn)
      kn.data = vnode.size - offset
      return kn.data !== 0 || (kn.sfflags & NOTE_FILE_POLL) !== 0
    }),
  ],
  [
    // Always. `filt_vfswrite`.
    EVFILT_WRITE,
    filterOn(readersOf, (kn) => !(kn.file as VnodeFile).revoked || gone(kn)),
  ],
  [
    // What was asked for, and what came in the same breath with it. `filt_vfsvnode`.
    EVFILT_VNODE,
    filterOn(
      (kn) => (kn.file as VnodeFile).watchers,
      (kn, hint) => {
        if (kn.sfflags & hint) kn.fflags |= hint
        const { revoked } = kn.file as VnodeFile
        if (revoked) kn.flags |= EV_EOF
        if (kn.fflags === 0 && !revoked) return false
        if (hint === 0) cutNames(kn)
        return true
      },
    ),
  ],
])

function readersOf({ file }: Knote): Knlist {
  return (file as VnodeFile).readers
}
