/**
 * A directory: names of vnodes. It keeps the link counts; what its changes report
 * is said by the calls that make them, in `tree.ts`.
 */
import { logName } from '../core/name-log.js'
import { EISDIR, KqueueError } from '../errors.js'
import { NOTE_READ } from '../event.js'
import { type FileSystem, Vnode, VnodeFile } from './vnode.js'

/** Bytes that an entry counts for in the size; `.` and `..` are entries. */
const ENTRY_SIZE = 32

/** Who watches a directory as inotify(7) does. */
export interface EntryObserver {
  /** Something happened to an entry, '' for the directory itself. */
  entry(at: Directory, what: EntryChange, name: string, directory: boolean): void
  /** An entry was renamed; the observer watches one of the directories, or both. */
  moved(from: Directory, name: string, to: Directory, newName: string, directory: boolean): void
  /** The directory was removed, or has another name. */
  left(at: Directory, removed: boolean): void
}

export type EntryChange = 'create' | 'delete' | 'write' | 'attributes'

export class Directory extends Vnode {
  readonly type = 'directory'
  /** In the order in which they were made; without `.` and `..`. */
  readonly entries = new Map<string, Vnode>()
  readonly observers = new Set<EntryObserver>()
  /** What `..` is; of the root of a file system, the one of the directory it is mounted on. */
  parent: Directory
  /** The root of the file system that is mounted on it. */
  covered: Directory | null = null

  constructor(fs: FileSystem, mode: number, parent?: Directory) {
    super(fs, mode)
    this.parent = parent ?? this
  }

  get size(): number {
    return ENTRY_SIZE * (2 + this.entries.size)
  }

  /** Whether it is the root of its file system. */
  get isRoot(): boolean {
    return this.parent === this || this.parent.fs !== this.fs
  }

  /** Gives a vnode a name, which is free, in this directory. */
  enter(name: string, vnode: Vnode): void {
    this.entries.set(name, vnode)
    vnode.holders.add(this)
    vnode.links++
    this.#logName(name)
    if (vnode instanceof Directory) {
      vnode.parent = this
      vnode.links++
      this.links++
    }
  }

  /** Takes the name away. */
  remove(name: string): void {
    const vnode = this.entries.get(name)
    if (vnode === undefined) return
    this.entries.delete(name)
    const isLast = vnode.links === 1 || ![...this.entries.values()].includes(vnode)
    if (isLast) vnode.holders.delete(this)
    vnode.links--
    this.#logName(name)
    if (vnode instanceof Directory) {
      vnode.links--
      this.links--
    }
  }

  /** Who watches is told of an entry. */
  observe(what: EntryChange, name: string, vnode: Vnode): void {
    for (const each of this.observers) each.entry(this, what, name, vnode instanceof Directory)
  }

  happened(vnode: Vnode, what: 'write' | 'attributes'): void {
    if (this.observers.size === 0) return
    for (const [name, each] of this.entries) if (each === vnode) this.observe(what, name, vnode)
  }

  override tell(what: 'write' | 'attributes'): void {
    super.tell(what)
    this.observe(what, '', this)
  }

  /** For who is told of the change that comes with it. */
  #logName(name: string): void {
    for (const { watchers } of this.files) for (const kn of watchers) logName(kn, name)
  }

  /** Whether it is `other` or somewhere below it. */
  isWithin(other: Directory): boolean {
    for (let at: Directory = this; ; at = at.parent) {
      if (at === other) return true
      if (at.parent === at) return false
    }
  }
}

export class DirectoryFile extends VnodeFile {
  constructor(
    readonly directory: Directory,
    flags: number,
  ) {
    super(directory, flags)
  }

  /** The names in it, and the offset at the end. getdirentries(2). */
  readdir(): string[] {
    this.permit('read')
    this.offset = this.directory.size
    this.directory.note(NOTE_READ)
    return [...this.directory.entries.keys()]
  }

  override read(_n: number): Uint8Array {
    throw new KqueueError(EISDIR, 'read')
  }

  override write(_bytes: Uint8Array): number {
    this.permit('write')
    throw new KqueueError(EISDIR, 'write')
  }
}
