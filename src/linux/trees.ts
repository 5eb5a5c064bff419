/**
 * Watches of the directories of a tree: an inotify(7) instance of its own, because the thread's
 * has watches with other masks, and one descriptor for the root, below which paths are opened.
 * See native/calls/tree.c.
 *
 * Names are bytes, one in each character.
 */
import { readlinkSync } from 'node:fs'
import type { PathArgument, SystemFiles, SystemTree, TreeRecord } from '../api/system.js'
import { EACCES, ENOBUFS, ENOMEM, ENOSPC, ENOTDIR, ENOTSUP, KqueueError } from '../errors.js'
import { silenceOf } from './descriptor/file-systems.js'
import { Facility, INOTIFY, INOTIFY_WATCH } from './hub/facility.js'
import {
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_ENTRIES,
  IN_EXCL_UNLINK,
  IN_IGNORED,
  IN_ISDIR,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_ONLYDIR,
  IN_Q_OVERFLOW,
} from './hub/inotify.js'
import {
  type Native,
  TREE_FOLLOW,
  TREE_LIST,
  TREE_REQUEST_FIELDS,
  TREE_REQUEST_INOTIFY,
  TREE_REQUEST_MASK,
  TREE_REQUEST_OPTIONS,
  TREE_REQUEST_PATH,
  TREE_REQUEST_ROOT,
  TREE_REQUEST_SINCE,
  TREE_REQUEST_WATCH,
} from './hub/native.js'

const MASK = IN_ENTRIES | IN_MODIFY | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK
/** Bytes of records read at once, and before a name. */
const CHUNK = 65_536
const HEADER = 16
/** A record is at most so long: with a name of NAME_MAX, and its end. */
const RECORD = HEADER + 256
/** Bytes for paths and names, to begin with: one more than the longest path. */
const ROOM = 65_536
/** File systems stamp times by the tick, not by the ns: s. */
const TICK = 0.05

const DIRECTORY = new Facility('open(2) of a directory', 'to watch a tree', {
  [ENOTDIR]: 'it is no directory',
  [EACCES]: 'a directory is watched only by who may read it',
})
const READ = new Facility('read(2) of inotify(7)', 'to watch a tree')

export class LinuxTree implements SystemTree {
  readonly #request = new Float64Array(TREE_REQUEST_FIELDS)
  readonly #records = Buffer.allocUnsafeSlow(CHUNK)
  #names = Buffer.allocUnsafeSlow(ROOM)
  /** The directory that the root is in, which tells of its end; -1 when that cannot be watched. */
  readonly #above: number
  readonly #name: string
  #rootWatch = -1
  /** Until when records are complete: s since 1970, and s of a clock that nobody sets. */
  #marked = { real: 0, steady: 0 }
  #since = 0

  /** @throws KqueueError; what open(2) fails with */
  static open(native: Native, files: SystemFiles, path: PathArgument): LinuxTree {
    const root = files.open(path)
    try {
      const fd = INOTIFY.check(native.inotifyCreate())
      return new LinuxTree(native, files, root, fd)
    } catch (error) {
      files.close(root)
      throw error
    }
  }

  private constructor(
    readonly native: Native,
    readonly files: SystemFiles,
    readonly root: number,
    readonly fd: number,
  ) {
    const path = readlinkSync(`/proc/self/fd/${root}`, 'latin1')
    this.#name = path.slice(path.lastIndexOf('/') + 1)
    this.#above =
      this.#name === ''
        ? -1
        : native.inotifyAdd(fd, root, IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR, true)
  }

  list(path: string, { follow, compare }: { follow: boolean; compare: boolean }) {
    for (;;) {
      const length = this.#ask(path, TREE_LIST | (follow ? TREE_FOLLOW : 0), compare)
      if (length === -ENOBUFS) {
        this.#names = Buffer.allocUnsafeSlow(4 * this.#names.length)
        continue
      }
      if (length < 0) return -length
      const watch = this.#request[TREE_REQUEST_WATCH]!
      if (path === '') {
        // inotify(7) watches there as well, and then says nothing.
        if (this.#silence !== undefined) return ENOTSUP
        this.#rootWatch = watch
      }
      return { watch, names: this.#names.toString('latin1', 0, length) }
    }
  }

  identify(path: string, follow: boolean): number {
    const error = this.#ask(path, follow ? TREE_FOLLOW : 0, false)
    return error < 0 ? -1 : this.#request[TREE_REQUEST_WATCH]!
  }

  /** Asks about a directory: the length of its names, or a negative errno. */
  #ask(path: string, options: number, compare: boolean): number {
    const request = this.#request
    if (path.length >= this.#names.length) {
      this.#names = Buffer.allocUnsafeSlow(2 * path.length)
    }
    this.#names[this.#names.write(path, 'latin1')] = 0
    request[TREE_REQUEST_INOTIFY] = this.fd
    request[TREE_REQUEST_ROOT] = this.root
    request[TREE_REQUEST_PATH] = path.length
    request[TREE_REQUEST_MASK] = path === '' ? MASK | IN_MOVE_SELF : MASK
    request[TREE_REQUEST_OPTIONS] = options
    request[TREE_REQUEST_SINCE] = compare ? this.#since : 0
    return this.native.treeRead(request, this.#names)
  }

  isDirectory(path: string): boolean {
    return this.identify(path, true) !== -1
  }

  unwatch(watch: number): void {
    if (watch !== this.#above) this.native.inotifyRemove(this.fd, watch)
  }

  read(): TreeRecord[] {
    const now = clocks()
    const found: TreeRecord[] = []
    let lost = false
    for (;;) {
      const length = READ.check(this.native.inotifyRead(this.fd, this.#records), 'read')
      if (length === 0) break
      for (let at = 0; at < length; at += HEADER + this.#records.readUInt32LE(at + 12)) {
        lost = this.#record(at, found) || lost
      }
      // What would have had room came later, and wakes again.
      if (length <= CHUNK - RECORD) break
    }
    if (!lost) this.#marked = now
    return found
  }

  /** Takes in a record; whether it says that others were lost. */
  #record(at: number, found: TreeRecord[]): boolean {
    const bytes = this.#records
    const watch = bytes.readInt32LE(at)
    const mask = bytes.readUInt32LE(at + 4)
    const cookie = bytes.readUInt32LE(at + 8)
    const start = at + HEADER
    const name =
      bytes.readUInt32LE(at + 12) === 0
        ? ''
        : bytes.toString('latin1', start, bytes.indexOf(0, start))
    const put = (what: TreeRecord['what'], of = watch): void => {
      found.push({ watch: of, what, cookie, name, directory: (mask & IN_ISDIR) !== 0 })
    }
    if (watch === this.#above && mask & (IN_DELETE | IN_MOVED_FROM) && name === this.#name) {
      put('gone', this.#rootWatch)
    } else if (mask & IN_Q_OVERFLOW) put('lost')
    else if (mask & (IN_IGNORED | IN_MOVE_SELF)) put('gone')
    else if (mask & IN_CREATE) put('create')
    else if (mask & IN_DELETE) put('delete')
    else if (mask & IN_MOVED_FROM) put('from')
    else if (mask & IN_MOVED_TO) put('to')
    else if (mask & IN_MODIFY) put('write')
    else if (mask & IN_ATTRIB) put('attributes')
    return (mask & IN_Q_OVERFLOW) !== 0
  }

  mark(): void {
    this.#marked = clocks()
  }

  rescan(): void {
    const now = clocks()
    const { real, steady } = this.#marked
    // The clock may have been set: times of before and after that are meant.
    this.#since = Math.min(real, now.real - (now.steady - steady)) - TICK
    this.#marked = now
  }

  text(path: string, encoding: 'utf8' | 'latin1'): string {
    return encoding === 'latin1' || isAscii(path)
      ? path
      : Buffer.from(path, 'latin1').toString('utf8')
  }

  /** Why nothing is told of the tree; undefined where Linux tells. */
  get #silence(): string | undefined {
    return silenceOf(this.native.fileSystem(this.root))
  }

  failure(errno: number): Error {
    if (errno === ENOTSUP) return new KqueueError(errno, 'kevent', { reason: this.#silence })
    if (errno === ENOSPC || errno === ENOMEM) {
      return INOTIFY_WATCH.failure(errno, 'inotify_add_watch')
    }
    return DIRECTORY.failure(errno, 'open')
  }

  close(): void {
    this.native.close(this.fd)
    this.files.close(this.root)
  }
}

function clocks(): { real: number; steady: number } {
  return { real: Date.now() / 1000, steady: performance.now() / 1000 }
}

const isAscii = (path: string): boolean => !/[\x80-\xff]/.test(path)
