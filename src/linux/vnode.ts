/**
 * Files that inotify watches, by watch descriptor: one inotify instance a thread
 * however many queues and files. inotify(7).
 */
import { EMFILE, ENOSPC } from '../errors.js'
import { HINT_EDGE, type VnodeSide } from './descriptor.js'
import type { LinuxKernel } from './kernel.js'

const IN_MODIFY = 0x00000002
const IN_MOVED_FROM = 0x00000040
const IN_MOVED_TO = 0x00000080
const IN_CREATE = 0x00000100
const IN_DELETE = 0x00000200
const IN_Q_OVERFLOW = 0x00004000
const IN_IGNORED = 0x00008000

const FILE_EVENTS = IN_MODIFY
const DIRECTORY_EVENTS = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO

/** struct inotify_event: wd, mask, cookie, len, then len bytes of name. */
const HEADER = 16

export class Vnode {
  readonly sides = new Set<VnodeSide>()

  constructor(
    readonly table: VnodeTable,
    readonly wd: number,
  ) {}

  note(): void {
    for (const side of this.sides) side.list.note(HINT_EDGE)
  }

  release(side: VnodeSide): void {
    this.sides.delete(side)
    if (this.sides.size === 0) this.table.close(this)
  }
}

export class VnodeTable {
  /** The inotify descriptor, -1 until a file is watched. */
  fd = -1
  readonly #vnodes = new Map<number, Vnode>()
  readonly #buffer = new Uint8Array(16384)
  #draining = false
  readonly #words = new Int32Array(this.#buffer.buffer)

  constructor(readonly kernel: LinuxKernel) {}

  /** The vnode behind a descriptor, or null with `kernel.lastError` set. */
  open(fd: number, isDirectory: boolean): Vnode | null {
    const { kernel } = this
    if (this.fd === -1 && !this.#start()) return null
    const events = isDirectory ? DIRECTORY_EVENTS : FILE_EVENTS
    const wd = kernel.native.inotifyAdd(this.fd, fd, events)
    if (wd === -ENOSPC) {
      return kernel.fail(
        kernel.refuse(ENOSPC, 'the sysctl fs.inotify.max_user_watches allows no more'),
      )
    }
    if (wd < 0) return kernel.fail(-wd)
    let vnode = this.#vnodes.get(wd)
    if (vnode === undefined) {
      vnode = new Vnode(this, wd)
      this.#vnodes.set(wd, vnode)
    }
    return vnode
  }

  #start(): boolean {
    const { kernel } = this
    const fd = kernel.native.inotifyCreate()
    if (fd === -EMFILE) {
      kernel.fail(
        kernel.refuse(
          EMFILE,
          'no descriptor is free, or fs.inotify.max_user_instances allows no more',
        ),
      )
      return false
    }
    if (fd < 0) {
      kernel.fail(-fd)
      return false
    }
    this.fd = fd
    kernel.adopt(fd, () => this.drain())
    return true
  }

  close(vnode: Vnode): void {
    if (!this.#vnodes.delete(vnode.wd)) return
    this.kernel.native.inotifyRemove(this.fd, vnode.wd)
    // inotify reports the removal, too.
    this.drain()
  }

  /** Notes the descriptors that were moved in their files. */
  look(): void {
    for (const vnode of this.#vnodes.values()) for (const side of vnode.sides) side.look()
  }

  /** Reads all records and notes the vnodes that they name. */
  drain(): void {
    if (this.#draining) return
    this.#draining = true
    try {
      while (this.#read());
    } finally {
      this.#draining = false
    }
  }

  #read(): boolean {
    const length = this.kernel.native.inotifyRead(this.fd, this.#buffer)
    const words = this.#words
    for (let at = 0; at < length; at += HEADER + words[at / 4 + 3]!) {
      this.#record(words[at / 4]!, words[at / 4 + 1]!)
    }
    return length > 0
  }

  #record(wd: number, mask: number): void {
    if (mask & IN_Q_OVERFLOW) {
      for (const vnode of this.#vnodes.values()) vnode.note()
      return
    }
    const vnode = this.#vnodes.get(wd)
    if (vnode === undefined) return
    // The file system is gone, or the file with all its descriptors.
    if (mask & IN_IGNORED) this.#vnodes.delete(wd)
    vnode.note()
  }
}
