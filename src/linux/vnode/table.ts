/**
 * The files that this thread watches: one inotify instance, however many queues and
 * files, because a user may have only 128. inotify(7).
 *
 *     const vnode = table.open(fd, notes)
 *     ... vnode.watchers.add(side) ...
 *     vnode.watchers.delete(side)
 *     vnode.reckon()
 *
 * Files are named by a descriptor, so they are followed whatever their names, and may
 * have none.
 */

import { constants } from 'node:fs'
import { attempt, orUndo } from '../../core/failure.js'
import { NumberTable } from '../../core/table.js'
import { EBADF, refuse } from '../../errors.js'
import { INOTIFY, INOTIFY_WATCH } from '../hub/facility.js'
import type { FileHub } from '../hub/hub.js'
import {
  DIRECTORY,
  IN_DELETE,
  IN_ENTRIES,
  IN_IGNORED,
  IN_MASK_ADD,
  IN_ONLYDIR,
  IN_Q_OVERFLOW,
  maskFor,
  REGULAR,
  SPECIAL,
  type VnodeKind,
} from '../hub/inotify.js'
import { type DirectoryOwner, DirectoryVnode } from './directory.js'
import { FileVnode } from './file.js'
import type { Vnode } from './vnode.js'

const { S_IFDIR, S_IFREG } = constants

/** struct inotify_event: wd, mask, cookie, len, then len bytes of name. */
const HEADER = 16
/** Bytes read at a time. */
const BUFFER = 65_536
/** The longest record; when so much room is left, there were no more. */
const LONGEST = HEADER + 256

/** What was read from inotify. */
class Records {
  readonly bytes = Buffer.allocUnsafeSlow(BUFFER)
  readonly words = new Int32Array(this.bytes.buffer)
}

export class VnodeTable implements DirectoryOwner {
  readonly unseen = new Set<DirectoryVnode>()
  /** Who is to be asked whether it was moved in its file. */
  readonly seekers = new Set<{ look(): void }>()
  /** The inotify descriptor, -1 until a file is watched. */
  #fd = -1
  readonly #vnodes = new NumberTable<Vnode>(({ wd }) => wd)
  #records: Records | undefined
  /** Vnodes with records that have not been told. */
  readonly #touched: Vnode[] = []
  #lost = false
  #draining = false
  /** It was handed over, and the knotes are still to come. */
  #arriving = false
  /** A watch was taken out, and inotify has a record of that. */
  #removed = false

  constructor(readonly hub: FileHub) {}

  // Watching

  /**
   * The vnode behind a descriptor, of which inotify tells what `notes` are made of, or for
   * `reading`. Leaves the file's statistics with the kernel. @throws KqueueError
   */
  open(fd: number, notes: number, reading = false): Vnode {
    if (this.#fd !== -1) return this.#open(fd, notes, reading)
    this.#start()
    return orUndo(
      () => this.#open(fd, notes, reading),
      () => this.#stop(),
    )
  }

  #open(fd: number, notes: number, reading: boolean): Vnode {
    const { hub } = this
    // What has happened until now is not for who comes now.
    this.drain()
    hub.statOpen(fd)
    const kind = kindOf(hub.mode)
    const mask = maskFor(kind, notes) | (reading ? kind.readMask : 0)
    const wd = this.#add(fd, mask)
    const vnode = this.#vnodes.get(wd) ?? this.#make(wd, kind)
    vnode.mask |= mask
    vnode.settle()
    this.#promise(vnode, fd, notes)
    return vnode
  }

  #make(wd: number, kind: VnodeKind): Vnode {
    const vnode = kind === DIRECTORY ? new DirectoryVnode(this, wd) : new FileVnode(this, wd, kind)
    this.#vnodes.set(vnode)
    return vnode
  }

  /** Has inotify tell of more notes of a vnode. @throws KqueueError */
  ask(vnode: Vnode, fd: number, notes: number): void {
    this.drain()
    const more = maskFor(vnode.kind, notes) & ~vnode.mask
    if (more !== 0) {
      const wd = this.#add(fd, more)
      if (wd !== vnode.wd) {
        this.#mistaken(wd)
        refuse(EBADF, 'the descriptor was closed meanwhile')
      }
      vnode.mask |= more
    }
    if ((notes & ~vnode.asked) === 0 && !vnode.unsettled) return
    orUndo(
      () => this.hub.statOpen(fd),
      () => this.#takeBack(vnode),
    )
    vnode.settle()
    this.#promise(vnode, fd, notes)
  }

  /** Notes are asked for from now on: the file is remembered as it is. */
  #promise(vnode: Vnode, fd: number, notes: number): void {
    if ((notes & ~vnode.asked) === 0) return
    vnode.asked |= notes
    vnode.remember()
    const error = vnode.prepare(fd)
    if (error === 0) return
    this.#takeBack(vnode)
    refuseWatch(fd, error)
  }

  /** What was asked for in vain is asked for no longer. */
  #takeBack(vnode: Vnode): void {
    vnode.reckon()
    this.narrow(vnode)
  }

  narrow(vnode: Vnode): void {
    if (this.#vnodes.get(vnode.wd) !== vnode) return
    if (vnode.idle) {
      this.#close(vnode)
      return
    }
    const { wanted } = vnode
    if (wanted === vnode.mask) return
    const side = vnode.sides().find((each) => each.same())
    if (side === undefined) return
    const wd = this.hub.native.inotifyAdd(this.#fd, side.fd, wanted, false)
    if (wd === vnode.wd) vnode.mask = wanted
    else if (wd >= 0) this.#mistaken(wd)
  }

  above(fd: number): DirectoryVnode | number {
    const mask = IN_DELETE | IN_ONLYDIR | IN_MASK_ADD
    const wd = this.hub.native.inotifyAdd(this.#fd, fd, mask, true)
    if (wd < 0) return wd
    const vnode = (this.#vnodes.get(wd) ?? this.#make(wd, DIRECTORY)) as DirectoryVnode
    vnode.mask |= IN_DELETE
    return vnode
  }

  #add(fd: number, mask: number): number {
    const wd = this.hub.native.inotifyAdd(this.#fd, fd, mask | IN_MASK_ADD, false)
    return wd < 0 ? refuseWatch(fd, -wd) : wd
  }

  /** Another thread has given the number to another file in the middle of the call. */
  #mistaken(wd: number): void {
    const vnode = this.#vnodes.get(wd)
    if (vnode === undefined) {
      this.#remove(wd)
    } else {
      vnode.mask = MASK_UNKNOWN
      this.narrow(vnode)
    }
  }

  #start(): void {
    const { hub } = this
    const fd = INOTIFY.check(hub.native.inotifyCreate())
    orUndo(
      () => hub.adopt(fd, () => this.drain()),
      () => hub.native.close(fd),
    )
    this.#fd = fd
  }

  /** Nothing came of the first file. */
  #stop(): void {
    const { hub } = this
    hub.disown(this.#fd)
    hub.native.close(this.#fd)
    this.#fd = -1
    this.#removed = false
  }

  #close(vnode: Vnode): void {
    this.#vnodes.delete(vnode.wd)
    this.#remove(vnode.wd)
    vnode.closed()
  }

  #remove(wd: number): void {
    this.hub.native.inotifyRemove(this.#fd, wd)
    this.#removed = true
  }

  /** What Linux does not tell is asked before each wait. */
  look(): void {
    if (this.seekers.size > 0) for (const seeker of this.seekers) seeker.look()
    if (this.unseen.size > 0) for (const directory of this.unseen) directory.look()
  }

  /** What has been told of all files is complete from now on; see `Vnode.settle`. */
  settle(): void {
    for (const vnode of this.#vnodes.values()) {
      if (vnode.unsettled && vnode.sides().some((side) => side.same())) vnode.settle()
    }
  }

  // From one process to another

  /**
   * An inotify instance for another process, which watches the files of the descriptors that
   * it has, too; -1 when none of them is watched, or a negative errno.
   */
  handOver(has: (fd: number) => boolean): number {
    const { native } = this.hub
    let fd = -1
    for (const vnode of this.#vnodes.values()) {
      const side = vnode.sides().find((each) => has(each.fd) && each.same())
      if (side === undefined) continue
      if (fd === -1) fd = native.inotifyCreate()
      if (fd < 0) return fd
      const error = vnode.handOver(fd, side.fd)
      if (error >= 0) continue
      native.close(fd)
      return error
    }
    if (fd === -1) return fd
    while (native.inotifyRead(fd, this.#memory.bytes) > 0);
    this.drain()
    return fd
  }

  /** It was handed over: it tells when the knotes are there. */
  takeOver(fd: number): void {
    if (attempt(() => this.hub.adopt(fd, () => this.drain())) === null) {
      this.hub.native.close(fd)
      return
    }
    this.#fd = fd
    this.#draining = this.#arriving = true
  }

  /** Whether what has happened since an image that is being restored is told. */
  get handed(): boolean {
    return this.#arriving
  }

  /** The knotes are there: what has happened meanwhile is for them. */
  takenOver(): void {
    if (!this.#arriving) return
    this.#draining = this.#arriving = false
    this.drain()
  }

  // Records

  /** Before control leaves the machine: what is left to read is only what has happened. */
  drainRemoved(): void {
    if (!this.#removed) return
    this.#removed = false
    this.drain()
  }

  /** Reads all records, and notes what they tell. Hot path. */
  drain(): void {
    if (this.#fd === -1 || this.#draining) return
    this.#draining = true
    try {
      do while (this.#read());
      while (this.#wait())
      this.#flush()
    } finally {
      this.#draining = false
    }
  }

  #wait(): boolean {
    let waited = false
    for (const vnode of this.#touched) if (vnode.wait()) waited = true
    return waited
  }

  /** Whether there may be more to read. */
  #read(): boolean {
    const { bytes, words } = this.#memory
    const length = this.hub.native.inotifyRead(this.#fd, bytes)
    for (let at = 0; at < length; at += HEADER + words[at / 4 + 3]!) this.#record(at)
    return length > BUFFER - LONGEST
  }

  /** Where records are read to, which a program that watches no file does without. */
  get #memory(): Records {
    this.#records ??= new Records()
    return this.#records
  }

  #record(at: number): void {
    const { bytes, words } = this.#memory
    const mask = words[at / 4 + 1]!
    if (mask & IN_Q_OVERFLOW) this.#lost = true
    const vnode = this.#vnodes.get(words[at / 4]!)
    if (vnode === undefined) return
    if (mask & IN_IGNORED) {
      this.#vnodes.delete(vnode.wd)
      vnode.ended()
      vnode.closed()
      return
    }
    vnode.take(mask, words[at / 4 + 2]!, words[at / 4 + 3]! > 0)
    if (vnode.logs !== null && mask & IN_ENTRIES) {
      const start = at + HEADER
      const name = bytes.toString('utf8', start, bytes.indexOf(0, start))
      for (const log of vnode.logs) log.add(name)
    }
    this.touch(vnode)
  }

  touch(vnode: Vnode): void {
    if (vnode.touched) return
    vnode.touched = true
    this.#touched.push(vnode)
  }

  #flush(): void {
    // The list grows by those that are touched meanwhile.
    for (let i = 0; i < this.#touched.length; i++) {
      const vnode = this.#touched[i]!
      vnode.touched = false
      vnode.flush()
    }
    this.#touched.length = 0
    if (!this.#lost) return
    this.#lost = false
    for (const vnode of this.#vnodes.values()) vnode.lost()
  }
}

/** A mask that is never wanted. */
const MASK_UNKNOWN = -1

function refuseWatch(fd: number, error: number): never {
  if (error === EBADF) refuse(EBADF, `${fd} is not an open descriptor`)
  throw INOTIFY_WATCH.failure(error)
}

function kindOf(mode: number): VnodeKind {
  if (mode === S_IFDIR) return DIRECTORY
  return mode === S_IFREG ? REGULAR : SPECIAL
}
