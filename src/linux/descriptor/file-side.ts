/**
 * The sides of files that epoll does not take: their descriptors can be closed and their numbers
 * given to others unseen, so each side compares whenever it is asked.
 */
import { type FilterOps, HINT_HAPPENED } from '../../core/filter.js'
import { asked } from '../../core/filters/file.js'
import type { Origin } from '../../core/image.js'
import { record, whole } from '../../core/image-check.js'
import { Knlist } from '../../core/knlist.js'
import type { Knote } from '../../core/knote.js'
import { ENOTSUP, refuse } from '../../errors.js'
import { NOTE_FILE_POLL } from '../../event.js'
import { STAT_SIZE } from '../hub/native.js'
import { checkVnodeState } from '../vnode/state.js'
import type { Vnode, VnodeReader } from '../vnode/vnode.js'
import type { Descriptor } from './descriptor.js'
import { Identity } from './identity.js'
import type { Side } from './side.js'

/** A side whose file is told from others by its inode. */
export abstract class InodeSide extends Knlist {
  readonly #identity: Identity

  constructor(readonly descriptor: Descriptor) {
    super()
    this.#identity = new Identity(descriptor.hub, descriptor.fd)
  }

  get fd(): number {
    return this.descriptor.fd
  }

  same(): boolean {
    return this.#identity.holds(this.descriptor.hub, this.fd)
  }

  current(): boolean {
    if (this.same()) return true
    this.descriptor.gone()
    return false
  }
}

/** A side that is always ready. */
export class ReadySide extends InodeSide implements Side {
  attach(kn: Knote): void {
    kn.hook = this
    kn.ops = sideFilter
    this.add(kn)
  }

  detach(kn: Knote): void {
    this.remove(kn)
    if (this.empty) this.descriptor.closeSide(this)
  }

  image(_kn: Knote): unknown {
    return null
  }

  restored(kn: Knote, _state: unknown, origin: Origin): void {
    asked(kn, origin)
  }

  event(_kn: Knote): boolean {
    return true
  }
}

/** The read side of a file that never tells, and has no end: for those who do not wait. */
export class StillSide extends ReadySide {
  /** @param reason why it never tells */
  constructor(
    descriptor: Descriptor,
    readonly reason: string,
  ) {
    super(descriptor)
  }

  override attach(kn: Knote): void {
    if ((kn.sfflags & NOTE_FILE_POLL) === 0) refuse(ENOTSUP, this.reason)
    super.attach(kn)
  }

  override event(kn: Knote): boolean {
    return (kn.sfflags & NOTE_FILE_POLL) !== 0
  }
}

/** The read side of a regular file or a directory. */
export class FileSide extends ReadySide implements VnodeReader {
  readonly #vnode: Vnode
  #offset: number

  constructor(descriptor: Descriptor, vnode: Vnode) {
    super(descriptor)
    this.#offset = this.#ask()
    this.#vnode = vnode
    vnode.readers.add(this)
    descriptor.hub.vnodes.seekers.add(this)
  }

  edge(): void {
    this.note(HINT_HAPPENED)
  }

  override image(): unknown {
    return { offset: this.#offset, vnode: this.#vnode.image(this.fd) }
  }

  override restored(kn: Knote, state: unknown, origin: Origin): void {
    const given = record<'offset' | 'vnode'>(state, 'state')
    const offset = whole(given.offset, 'state.offset', -1, Number.MAX_SAFE_INTEGER)
    const vnode = checkVnodeState(given.vnode)
    const handed = origin.handed && this.descriptor.hub.vnodes.handed
    if (handed) {
      this.#offset = offset
      this.#vnode.recall(vnode)
    } else {
      asked(kn, { ...origin, handed })
    }
  }

  /** Where the descriptor is in its file, -1 where that cannot be said. */
  #ask(): number {
    return Math.max(-1, this.descriptor.hub.native.fileOffset(this.fd))
  }

  /** Linux does not tell that a descriptor was moved in its file, so it is asked. */
  look(): void {
    const offset = this.#ask()
    if (offset === this.#offset) return
    this.#offset = offset
    this.edge()
  }

  override detach(kn: Knote): void {
    super.detach(kn)
    if (!this.empty) return
    const { vnodes } = this.descriptor.hub
    vnodes.seekers.delete(this)
    this.#vnode.readers.delete(this)
    vnodes.narrow(this.#vnode)
  }

  override event(kn: Knote): boolean {
    kn.data = this.descriptor.hub.statistics[STAT_SIZE]! - Math.max(0, this.#ask())
    return (kn.sfflags & NOTE_FILE_POLL) !== 0 || kn.data !== 0
  }
}

const sideFilter: FilterOps = {
  isFd: true,
  attach: () => 0,
  detach: (kn) => (kn.hook as ReadySide).detach(kn),
  event(kn) {
    const side = kn.hook as ReadySide
    return side.current() && side.event(kn)
  },
}
