/**
 * EVFILT_VNODE of one descriptor: which files have it, and its filter. What happens to
 * the file gathers in `fflags` of each knote that asked for it.
 */
import { constants } from 'node:fs'
import type { FilterOps } from '../../core/filter.js'
import type { Origin } from '../../core/image.js'
import type { Knote } from '../../core/knote.js'
import { cutNames, NameLog } from '../../core/name-log.js'
import { EINVAL, ENOTSUP, refuse } from '../../errors.js'
import { STAT_LINKS } from '../hub/native.js'
import { checkVnodeState, notesSince, type VnodeState } from '../vnode/state.js'
import type { Vnode, VnodeWatcher } from '../vnode/vnode.js'
import type { Descriptor } from './descriptor.js'
import { InodeSide } from './file-side.js'
import { OVERLAYFS, PIPEFS, silenceOf } from './file-systems.js'
import type { Side } from './side.js'

const { S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } = constants
const WATCHABLE = new Set([S_IFREG, S_IFDIR, S_IFIFO, S_IFLNK])

/** What /proc says that a file of memfd_create(2) is; such a file has no name. */
const MEMFD = '/memfd:'

/** The side for a first knote that asks for `notes`. @throws KqueueError */
export function openVnodeSide(descriptor: Descriptor, notes: number): VnodeSide {
  const { hub, fd } = descriptor
  hub.statOpen(fd)
  const magic = hub.native.fileSystem(fd)
  refuseSilent(descriptor, magic)
  const vnode = hub.vnodes.open(fd, notes)
  vnode.hidesLinks = magic === OVERLAYFS
  return new VnodeSide(descriptor, vnode)
}

/** @throws KqueueError there are no events of this file */
function refuseSilent(descriptor: Descriptor, magic: number): void {
  const { hub, fd } = descriptor
  if (!WATCHABLE.has(hub.mode) || magic === PIPEFS) {
    refuse(EINVAL, `descriptor ${fd} is no file, directory, fifo or symbolic link`)
  }
  const silence = silenceOf(magic)
  if (silence !== undefined) refuse(ENOTSUP, silence)
  if (hub.statistics[STAT_LINKS] === 0 && descriptor.link.startsWith(MEMFD)) {
    refuse(ENOTSUP, 'Linux does not tell when files of memfd_create(2) change')
  }
}

export class VnodeSide extends InodeSide implements Side, VnodeWatcher {
  readonly #vnode: Vnode

  constructor(descriptor: Descriptor, vnode: Vnode) {
    super(descriptor)
    this.#vnode = vnode
    vnode.watchers.add(this)
  }

  /** One more knote. @throws KqueueError */
  attach(kn: Knote): void {
    this.#ask(kn.sfflags)
    this.add(kn)
  }

  #ask(notes: number): void {
    this.descriptor.hub.vnodes.ask(this.#vnode, this.fd, notes)
  }

  /** A knote whose notes have been asked for. */
  override add(kn: Knote): void {
    kn.hook = this
    kn.ops = vnodeFilter
    super.add(kn)
    if (kn.udata instanceof NameLog) {
      this.#vnode.logs ??= new Set()
      this.#vnode.logs.add(kn.udata)
    }
  }

  /** The statistics of the file are with the kernel: what is told is complete. */
  settle(): void {
    this.#vnode.settle()
  }

  /** A knote asks for other notes: 0. @throws KqueueError */
  modify(kn: Knote, notes: number): number {
    this.#ask(notes)
    kn.sfflags = notes
    this.#vnode.reckon()
    return 0
  }

  image(): VnodeState {
    return this.#vnode.image(this.fd)
  }

  restored(kn: Knote, state: unknown, { handed }: Origin): void {
    const given = checkVnodeState(state)
    const { hub } = this.descriptor
    if (handed && hub.vnodes.handed) {
      this.#vnode.recall(given)
      return
    }
    if (hub.stat(this.fd) !== 0) return
    const notes = (notesSince(given, this.fd, hub.statistics) & kn.sfflags) >>> 0
    if (notes !== 0 && vnodeFilter.event(kn, notes)) kn.activate()
  }

  detach(kn: Knote): void {
    const { logs, watchers } = this.#vnode
    this.remove(kn)
    if (logs?.delete(kn.udata as NameLog) && logs.size === 0) {
      this.#vnode.logs = null
    }
    if (this.empty) {
      watchers.delete(this)
      this.descriptor.closeSide(this)
    }
    this.#vnode.reckon()
  }
}

/** `filt_vfsvnode`: what was asked for, and what came in the same breath with it. */
const vnodeFilter: FilterOps = {
  isFd: true,
  attach: () => 0,
  detach: (kn) => (kn.hook as VnodeSide).detach(kn),
  modify: (kn, kev) => (kn.hook as VnodeSide).modify(kn, kev.fflags),

  /** Hot path. */
  event(kn, hint) {
    if (hint !== 0) {
      if (kn.sfflags & hint) kn.fflags = (kn.fflags | hint) >>> 0
      return kn.fflags !== 0
    }
    const side = kn.hook as VnodeSide
    if (kn.fflags === 0 || !side.current()) return false
    side.settle()
    cutNames(kn)
    return true
  },
}
