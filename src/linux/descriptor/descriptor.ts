/**
 * An open descriptor as the machine sees it (`struct file`): the number, and for
 * each side that is watched an object that owns the filter.
 *
 * - `PollSide`: files that epoll takes. The edge comes from epoll; the level is
 *   asked when the machine asks. Of regular files see `polled-file.ts`.
 * - `FileSide`: regular files and directories, read. inotify says that the file
 *   changed; the level is the distance from the offset to the end.
 * - `ReadySide`: what epoll does not take and is always ready.
 * - `VnodeSide`: files watched by EVFILT_VNODE.
 *
 * Which of them a filter is about says `sides.ts`.
 *
 * Linux does not say that a descriptor was closed. So each side knows by what
 * its file can be told from another under the same number, checks it whenever
 * it is asked, and a descriptor that names another file now is `gone`.
 */
import { constants, readlinkSync } from 'node:fs'
import type { Origin } from '../../core/image.js'
import type { OpenFile } from '../../core/kernel.js'
import type { Knote } from '../../core/knote.js'
import { SIDE_EXCEPT, SIDE_READ, SIDE_WRITE } from '../hub/native.js'
import type { PollSet } from '../hub/pollset.js'
import { PIPEFS } from './file-systems.js'
import type { DescriptorHost } from './host.js'
import { Identity, identify, isIdentified } from './identity.js'
import { PollSide } from './poll-side.js'
import type { TellingSide } from './polled-file.js'
import type { Side } from './side.js'
import { attachSide } from './sides.js'
import type { VnodeSide } from './vnode-side.js'

const { S_IFIFO, S_IFSOCK } = constants

/** In place of the type of a file: the number is the kernel's own by now. */
const SUPERSEDED = -1

/** What few descriptors have, so that it takes no room in the others. */
class Extras {
  except: Side | null = null
  /** Of a regular file that has a poll of its own, for EVFILT_READ and EVFILT_EXCEPT. */
  polled: TellingSide | null = null
  vnode: VnodeSide | null = null
  /** Knotes of filters that the program added. */
  held: Set<Knote> | null = null
  identity: Identity | undefined
  fileSystem: number | undefined
  link: string | undefined

  get watched(): boolean {
    return (this.except ?? this.polled ?? this.vnode ?? this.held ?? null) !== null
  }
}

export class Descriptor implements OpenFile {
  read: Side | null = null
  write: Side | null = null
  #extras: Extras | null = null
  /** The type of the file, S_IFSOCK and so on; 0 before it was asked for, or where it is closed. */
  #type = 0

  constructor(
    readonly hub: DescriptorHost,
    readonly fd: number,
  ) {}

  /** Made when it is asked for. */
  get extras(): Extras {
    this.#extras ??= new Extras()
    return this.#extras
  }

  get except(): Side | null {
    return this.#extras === null ? null : this.#extras.except
  }

  get polled(): TellingSide | null {
    return this.#extras === null ? null : this.#extras.polled
  }

  /** Has the kernel ask for its statistics. @throws KqueueError EBADF it is closed */
  statOpen(): void {
    this.hub.statOpen(this.fd)
    this.#type = this.hub.mode
  }

  get type(): number {
    if (this.#type === 0 && this.hub.stat(this.fd) === 0) this.#type = this.hub.mode
    return this.#type
  }

  get isSocket(): boolean {
    return this.type === S_IFSOCK
  }

  get isFifo(): boolean {
    return this.type === S_IFIFO
  }

  /** Asked once: only a number that names another file now has another answer. */
  get isPipe(): boolean {
    if (!this.isFifo) return false
    this.extras.fileSystem ??= this.hub.native.fileSystem(this.fd)
    return this.extras.fileSystem === PIPEFS
  }

  /**
   * What /proc says that this file is: its path, 'anon_inode:[eventfd]' and the like; ''
   * where there is no /proc.
   */
  get link(): string {
    this.extras.link ??= linkOf(this.fd)
    return this.extras.link
  }

  /** The side that a set is for: SIDE_READ, SIDE_WRITE and so on. Hot path. */
  side(kind: number): Side | null {
    if (kind === SIDE_READ) return this.read
    if (kind === SIDE_WRITE) return this.write
    return kind === SIDE_EXCEPT ? this.except : this.polled
  }

  kqfilter(kn: Knote): number {
    // What was known is of another file, perhaps, if that was only parked.
    if (!this.watched) {
      this.#type = 0
      this.#extras = null
    }
    attachSide(this, kn)
    this.hub.descriptors.remember(this)
    return 0
  }

  /** A side is not to be kept: it has no knotes. */
  closeSide(side: Side): void {
    if (this.read === side) this.read = null
    if (this.write === side) this.write = null
    const extras = this.#extras
    if (extras?.except === side) extras.except = null
    if (extras?.polled === side) extras.polled = null
    if (extras?.vnode === side) extras.vnode = null
    this.idle()
  }

  /** Something of it is watched no more. What is parked keeps the descriptor. */
  idle(): void {
    if (this.read !== null || this.write !== null || this.watched) return
    this.hub.descriptors.forget(this)
  }

  holdKnote(kn: Knote): void {
    const { hub, extras } = this
    if (extras.identity === undefined && hub.stat(this.fd) === 0) {
      extras.identity = new Identity(hub, this.fd)
    }
    extras.held ??= new Set()
    extras.held.add(kn)
    hub.descriptors.remember(this)
  }

  releaseKnote(kn: Knote): void {
    const { extras } = this
    extras.held?.delete(kn)
    if (extras.held?.size === 0) extras.held = null
    this.idle()
  }

  /** Whether anything of it is watched. */
  get watched(): boolean {
    if (isWatched(this.read) || isWatched(this.write)) return true
    const extras = this.#extras
    return extras?.watched ?? false
  }

  // Copies of knotes

  identify(): unknown {
    return identify(this.hub, this.fd)
  }

  isIdentified(identity: unknown): boolean {
    return isIdentified(this.hub, this.fd, identity)
  }

  image(kn: Knote): unknown {
    return (kn.hook as Side).image(kn)
  }

  restored(kn: Knote, state: unknown, origin: Origin): void {
    ;(kn.hook as Side).restored(kn, state, origin)
  }

  /**
   * Whether the number still names this file: one system call for each side that is watched, and
   * `unwatched` where none is. Hot path.
   */
  same(unwatched = true): boolean {
    if (this.#type === SUPERSEDED) return false
    const { read, write } = this
    const reads = isWatched(read)
    const writes = isWatched(write)
    if (reads && !read.same()) return false
    if (writes && !write.same()) return false
    const extras = this.#extras
    if (extras === null || !extras.watched) return reads || writes || unwatched
    return (
      (extras.except?.same() ?? true) &&
      (extras.polled?.same() ?? true) &&
      (extras.vnode?.same() ?? true) &&
      (extras.held === null || extras.identity?.holds(this.hub, this.fd) === true)
    )
  }

  current(): boolean {
    if (this.same()) return true
    this.gone()
    return false
  }

  /** The number is the kernel's own now, so that the descriptor was closed: drops what is read. */
  supersede(): void {
    if (this.read instanceof PollSide) this.read.clear()
    this.unpark(this.hub.readSet)
    this.unpark(this.hub.writeSet)
    this.#type = SUPERSEDED
  }

  /** The descriptor was closed, or names another file now: drops all knotes. */
  gone(): void {
    this.hub.descriptors.forget(this)
    const extras = this.#extras
    this.read?.clear()
    this.write?.clear()
    this.unpark(this.hub.readSet)
    this.unpark(this.hub.writeSet)
    if (extras === null) return
    extras.except?.clear()
    extras.polled?.clear()
    extras.vnode?.clear()
    if (extras.held === null) return
    this.hub.forgetAhead()
    for (const kn of extras.held) kn.drop()
  }

  /** Takes what is parked for a set: null if nothing is. */
  takeParked({ side: kind }: PollSet): PollSide | null {
    const side = this.side(kind)
    if (!(side instanceof PollSide) || !side.parked) return null
    side.set.unpark()
    if (kind === SIDE_READ) this.read = null
    else this.write = null
    return side
  }

  /** Lets go of what is parked for a set: whether there was something. */
  unpark(set: PollSet): boolean {
    if (this.takeParked(set) === null) return false
    this.idle()
    return true
  }
}

function isWatched(side: Side | null): side is Side {
  return side !== null && !side.empty
}

function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
