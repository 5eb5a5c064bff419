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

export class Directory extends Vnode {
  readonly type = 'directory'
  /** In the order in which they were made; without `.` and `..`. */
  readonly entries = new Map<string, Vnode>()
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
    vnode.links--
    this.#logName(name)
    if (vnode instanceof Directory) {
      vnode.links--
      this.links--
    }
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

  override pread(n: number, _offset: number): Uint8Array {
    return this.read(n)
  }

  override write(_bytes: Uint8Array): number {
    this.permit('write')
    throw new KqueueError(EISDIR, 'write')
  }

  override pwrite(bytes: Uint8Array, _offset: number): number {
    return this.write(bytes)
  }
}
