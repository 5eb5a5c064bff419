/**
 * Watches of the directories of a tree, as an inotify(7) instance has them: an open file that
 * can be read while there are records. None is ever lost.
 */

import type { SystemTree, TreeRecord } from '../api/system.js'
import { ENTRY_DIRECTORY, pack } from '../api/trees/entries.js'
import { wrongType } from '../core/copyin.js'
import { Knlist } from '../core/knlist.js'
import type { Knote } from '../core/knote.js'
import { ENOENT, ENOTDIR, KqueueError } from '../errors.js'
import { EVFILT_READ } from '../event.js'
import { Directory, type DirectoryFile, type EntryChange, type EntryObserver } from './directory.js'
import { O_DIRECTORY, O_PATH } from './fcntl.js'
import { SimFile } from './file.js'
import { attachWith, filterOn } from './file-filter.js'
import type { Proc } from './proc.js'
import { cross } from './tree.js'
import { encode } from './utf8.js'

/** What is watched, and what has happened there. */
class Watches extends SimFile implements EntryObserver {
  readonly list = new Knlist()
  records: TreeRecord[] = []
  readonly #numbers = new Map<Directory, number>()
  readonly #directories = new Map<number, Directory>()
  #last = 0

  constructor(readonly root: Directory) {
    super()
  }

  add(directory: Directory): number {
    const known = this.#numbers.get(directory)
    if (known !== undefined) return known
    const watch = ++this.#last
    this.#numbers.set(directory, watch)
    this.#directories.set(watch, directory)
    directory.observers.add(this)
    return watch
  }

  remove(watch: number): void {
    const directory = this.#directories.get(watch)
    if (directory === undefined) return
    this.#directories.delete(watch)
    this.#numbers.delete(directory)
    directory.observers.delete(this)
  }

  entry(at: Directory, what: EntryChange, name: string, directory: boolean): void {
    this.#put(at, { what, name, directory })
  }

  moved(from: Directory, name: string, to: Directory, newName: string, directory: boolean): void {
    const cookie = ++this.#last
    const both = this.#numbers.has(from) && this.#numbers.has(to)
    if (!this.#numbers.has(to)) this.#put(from, { what: 'delete', name, directory })
    if (both) this.#put(from, { what: 'from', name, directory, cookie })
    if (this.#numbers.has(to)) this.#put(to, { what: 'to', name: newName, directory, cookie })
  }

  left(at: Directory, removed: boolean): void {
    if (!removed && at !== this.root) return
    const watch = this.#numbers.get(at)!
    this.#put(at, { what: 'gone', name: '', directory: true })
    this.remove(watch)
  }

  #put(at: Directory, record: Omit<TreeRecord, 'watch' | 'cookie'> & { cookie?: number }): void {
    this.records.push({ cookie: 0, ...record, watch: this.#numbers.get(at)! })
    this.list.note(0)
  }

  kqfilter(kn: Knote): number {
    return attachWith(kn, kn.filter === EVFILT_READ ? readFilter : undefined, 'a tree')
  }

  override release(): void {
    for (const watch of [...this.#directories.keys()]) this.remove(watch)
  }
}

/** `data`: records. */
const readFilter = filterOn(
  (kn) => (kn.file as Watches).list,
  (kn) => {
    kn.data = (kn.file as Watches).records.length
    return kn.data > 0
  },
)

/** Who watches a tree. */
export interface TreeProcess extends Proc {
  open(path: string, flags: number): number
  close(fd: number): void
}

export class SimTree implements SystemTree {
  readonly fd: number
  readonly #watches: Watches

  /** @throws KqueueError as `open` does; ENOTDIR */
  constructor(
    readonly process: TreeProcess,
    path: unknown,
  ) {
    if (typeof path !== 'string') throw wrongType('path', 'a path', path)
    const opened = process.open(path, O_PATH | O_DIRECTORY)
    const { directory } = process.fget(opened) as DirectoryFile
    process.close(opened)
    this.#watches = new Watches(directory)
    this.fd = process.descriptors.install(this.#watches, 'open')
  }

  list(path: string) {
    const directory = this.#find(path)
    if (typeof directory === 'number') return directory
    let names = ''
    for (const [name, vnode] of directory.entries) {
      names += pack(name, vnode instanceof Directory ? ENTRY_DIRECTORY : 0)
    }
    return { watch: this.#watches.add(directory), names }
  }

  identify(path: string): number {
    const directory = this.#find(path)
    return typeof directory === 'number' ? -1 : this.#watches.add(directory)
  }

  isDirectory(path: string): boolean {
    return typeof this.#find(path) !== 'number'
  }

  /** What a path leads to, or a positive errno. */
  #find(path: string): Directory | number {
    let at = this.#watches.root
    for (const name of path === '' ? [] : path.split('/')) {
      const next = at.entries.get(name)
      if (next === undefined) return ENOENT
      if (!(next instanceof Directory)) return ENOTDIR
      at = cross(next) as Directory
    }
    return at
  }

  unwatch(watch: number): void {
    this.#watches.remove(watch)
  }

  read(): TreeRecord[] {
    const { records } = this.#watches
    this.#watches.records = []
    return records
  }

  mark(): void {}

  rescan(): void {}

  text(path: string, encoding: 'utf8' | 'latin1'): string {
    if (encoding === 'utf8') return path
    return Array.from(encode(path), (byte) => String.fromCharCode(byte)).join('')
  }

  failure(errno: number): Error {
    return new KqueueError(errno, 'open')
  }

  close(): void {
    const { process, fd } = this
    if (process.fget(fd) === this.#watches) process.close(fd)
  }
}
