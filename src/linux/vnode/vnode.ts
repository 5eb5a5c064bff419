/**
 * A file that inotify watches (`struct vnode`): one for each inode, however many
 * descriptors, queues and knotes. Who reads it is noted of edges, who watches it by
 * EVFILT_VNODE of notes in the words of kqueue(2).
 *
 * `take` gathers what the records of one look say, and `flush` tells of it: so that
 * two records of one rename are one, and the file is looked at once.
 */
import { statSync } from 'node:fs'
import type { Knlist } from '../../core/knlist.js'
import type { NameLog } from '../../core/name-log.js'
import type { FileHub } from '../hub/hub.js'
import { ALL_NOTES, IN_MASK_ADD, maskFor, type VnodeKind } from '../hub/inotify.js'
import { STAT_INO_HIGH, STAT_INO_LOW } from '../hub/native.js'
import { DELETED, pathOf, stateFields, type VnodeState } from './state.js'

/** One filter of one descriptor of a vnode. */
interface VnodeSide {
  readonly fd: number
  /** Whether the descriptor still names the file; leaves its statistics with the kernel. */
  same(): boolean
  /** The same, and drops the knotes if it does not. */
  current(): boolean
}

/** EVFILT_READ. */
export interface VnodeReader extends VnodeSide {
  /** There may be more or less to read. */
  edge(): void
}

/** EVFILT_VNODE. */
export interface VnodeWatcher extends VnodeSide, Knlist {}

/** What a vnode needs of the table that it is in. */
export interface VnodeOwner {
  readonly hub: FileHub
  /** A vnode has something to tell with the next records. */
  touch(vnode: Vnode): void
  /** Asks for no more than is wanted, and for nothing when the vnode is idle. */
  narrow(vnode: Vnode): void
}

export abstract class Vnode {
  readonly readers = new Set<VnodeReader>()
  readonly watchers = new Set<VnodeWatcher>()
  /** Who takes the names of entries; null for nobody. */
  logs: Set<NameLog> | null = null
  /** What inotify has been asked for. */
  mask = 0
  /** The notes that the knotes ask for. */
  asked = 0
  /** Records have been taken and are to be told. */
  touched = false
  /** The link count does not say that the last name is gone, as on overlayfs. */
  hidesLinks = false

  constructor(
    readonly table: VnodeOwner,
    readonly wd: number,
    readonly kind: VnodeKind,
  ) {}

  /** Takes in one record; `named` for one of an entry. Hot path. */
  abstract take(mask: number, cookie: number, named: boolean): void
  /** Whether it has waited for something that may be under way, so that there may be more records. */
  wait(): boolean {
    return false
  }
  /** Tells what the records were. Hot path. */
  abstract flush(): void
  /** Whether something that was told is still to be looked at. */
  get unsettled(): boolean {
    return false
  }
  /** Looks at it in the kernel's statistics of the file. Hot path. */
  settle(): void {}
  /** Remembers the file as the kernel's statistics have it, to compare. */
  abstract remember(): void

  // Copies of knotes

  /** The file as it is remembered, by the descriptor of a side. */
  image(fd: number): VnodeState {
    this.table.hub.stat(fd)
    const { statistics } = this.table.hub
    return {
      now: stateFields.map((field) => statistics[field]!),
      remembered: this.remembered(),
      path: pathOf(fd),
    }
  }

  /** What is remembered, to compare. */
  protected abstract remembered(): readonly number[]
  /** Remembers what the original of a copy did. @throws KqueueError EINVAL */
  abstract recall(state: VnodeState): void

  /** Nobody wants to know of it. */
  get idle(): boolean {
    return this.readers.size === 0 && this.watchers.size === 0
  }

  /** The mask that would do. */
  get wanted(): number {
    return maskFor(this.kind, this.asked) | (this.readers.size > 0 ? this.kind.readMask : 0)
  }

  /** Whatever else it takes to tell of what is asked for: 0, or what Linux says, a positive errno. */
  prepare(_fd: number): number {
    return 0
  }

  /** Records are missing: everything may have happened. */
  lost(): void {
    if (this.logs !== null) for (const log of this.logs) log.lose()
    this.edge()
    this.noteEach(ALL_NOTES)
    if (this.live() !== null) this.remember()
  }

  /** Those through which inotify can be asked; any may be dropped meanwhile. */
  sides(): VnodeSide[] {
    return [...this.watchers, ...this.readers]
  }

  /**
   * Has another inotify instance watch it as well, for a process that has descriptor `fd`, too:
   * a negative errno when it cannot.
   */
  handOver(inotify: number, fd: number): number {
    return this.table.hub.native.inotifyAdd(inotify, fd, this.wanted | IN_MASK_ADD, false)
  }

  /** Nothing more will come: the file is gone with all its descriptors. */
  ended(): void {
    for (const side of this.sides()) side.current()
  }

  /** inotify watches it no longer. */
  closed(): void {}

  /** What the knotes ask for may have become less. */
  reckon(): void {
    let asked = 0
    for (const watcher of this.watchers) {
      for (const { sfflags } of watcher) {
        asked |= sfflags
        if (asked === this.asked) return
      }
    }
    this.asked = asked
    this.table.narrow(this)
  }

  protected edge(): void {
    for (const reader of this.readers) reader.edge()
  }

  /** Tells of what was done at once: who asked for some of it gets all. Hot path. */
  protected note(notes: number): void {
    if ((notes & this.asked) === 0) return
    for (const watcher of this.watchers) watcher.note(notes)
  }

  /** Tells of several things, each to those who asked for it. Hot path. */
  protected noteEach(notes: number): void {
    let left = notes & this.asked
    while (left !== 0) {
      const note = left & -left
      left ^= note
      this.note(note)
    }
  }

  /** A descriptor by which the file can be looked at, with its statistics; null when all are closed. */
  protected live(): VnodeWatcher | null {
    for (const watcher of this.watchers) if (watcher.current()) return watcher
    return null
  }

  /** Whether a file whose links cannot be counted has lost the name that it was opened by. */
  protected hasLostName(fd: number): boolean {
    return this.hidesLinks && isUnlinked(fd, this.table.hub)
  }
}

function isUnlinked(fd: number, { statistics }: FileHub): boolean {
  const path = pathOf(fd)
  if (!path.endsWith(DELETED)) return false
  try {
    const namesake = statSync(path, { throwIfNoEntry: false })
    const ino = statistics[STAT_INO_HIGH]! * 2 ** 32 + statistics[STAT_INO_LOW]!
    return namesake === undefined || namesake.ino !== ino
  } catch {
    return false
  }
}
