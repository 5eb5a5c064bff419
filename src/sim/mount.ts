/**
 * Mounted file systems (`struct mount`), and the table of them, which has the list
 * of EVFILT_FS: VQ_MOUNT and VQ_UNMOUNT. vfs_mount.c.
 */
import { fsFilter } from '../core/filters/fs.js'
import type { Kernel } from '../core/kernel.js'
import { Knlist } from '../core/knlist.js'
import { EBUSY, EINVAL, fail } from '../errors.js'
import { EVFILT_FS, VQ_MOUNT, VQ_UNMOUNT } from '../event.js'
import { Directory } from './directory.js'
import { NoteCounts } from './note-counts.js'
import type { FileSystem, VnodeFile } from './vnode.js'

/** A file system in memory, empty at first. */
export class Mount implements FileSystem {
  readonly files = new Set<VnodeFile>()
  readonly root: Directory
  #number = 1

  /**
   * @param path where it is mounted
   * @param over the directory that it covers; none for the first file system
   */
  constructor(
    readonly dev: number,
    readonly path: string,
    readonly over: Directory | null,
  ) {
    this.root = new Directory(this, 0o755)
    // Its `.`, and the name that it is mounted under.
    this.root.links = 2
    if (over !== null && over.parent !== over) this.root.parent = over.parent
  }

  nextNumber(): number {
    return this.#number++
  }
}

export class MountTable {
  readonly root: Mount
  readonly #history = new NoteCounts()
  /** The knotes of EVFILT_FS. */
  readonly events = new Knlist()
  readonly #mounts = new Map<Directory, Mount>()
  #dev = 1

  constructor(kernel: Kernel) {
    this.root = new Mount(this.#dev++, '/', null)
    this.#mounts.set(this.root.root, this.root)
    kernel.filters.install(EVFILT_FS, fsFilter(this.events, this.#history))
  }

  [Symbol.iterator](): IterableIterator<Mount> {
    return this.#mounts.values()
  }

  /** Covers a directory with a new file system. */
  mount(over: Directory, path: string): Mount {
    const mount = new Mount(this.#dev++, path, over)
    over.covered = mount.root
    this.#mounts.set(mount.root, mount)
    this.#history.add(VQ_MOUNT)
    this.events.note(VQ_MOUNT)
    return mount
  }

  /**
   * Takes a file system away, by its root. With `force` what is open in it is
   * revoked, as by `umount -f`.
   * @throws KqueueError EINVAL nothing is mounted there; EBUSY it is the first file
   * system, another one is mounted in it, or without `force` files in it are open
   */
  unmount(root: Directory, force: boolean): void {
    const mount = this.#mounts.get(root)
    if (mount === undefined) fail(EINVAL, 'unmount', 'nothing is mounted there')
    const busy = this.#busy(mount, force)
    if (busy !== '') fail(EBUSY, 'unmount', busy)
    if (mount.over !== null) mount.over.covered = null
    this.#mounts.delete(root)
    for (const file of [...mount.files]) file.revoke()
    this.#history.add(VQ_UNMOUNT)
    this.events.note(VQ_UNMOUNT)
  }

  /** Why it cannot be unmounted, or nothing. */
  #busy(mount: Mount, force: boolean): string {
    if (mount === this.root) return 'the first file system stays'
    for (const { over } of this.#mounts.values()) {
      if (over?.fs === mount) return 'another file system is mounted in it'
    }
    return mount.files.size > 0 && !force ? `${mount.files.size} files in it are open` : ''
  }
}
