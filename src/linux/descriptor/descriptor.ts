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
 * Linux does not say that a descriptor was closed. So each side knows by what
 * its file can be told from another under the same number, checks it whenever
 * it is asked, and a descriptor that names another file now is `gone`.
 */
import { constants, readlinkSync } from 'node:fs'
import { orUndo } from '../../core/failure.js'
import type { Origin } from '../../core/image.js'
import type { OpenFile } from '../../core/kernel.js'
import type { Knote } from '../../core/knote.js'
import { EBADF, EINVAL, ELOOP, EPERM, refuse } from '../../errors.js'
import {
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_VNODE,
  EVFILT_WRITE,
} from '../../event.js'
import { EPOLL_CTL, OUTPUT } from '../hub/facility.js'
import {
  OUTPUT_NONE,
  POLLERR,
  SIDE_EXCEPT,
  SIDE_FILE,
  SIDE_READ,
  SIDE_WRITE,
  TRUSTED,
} from '../hub/native.js'
import { TOO_DEEP } from '../hub/nesting.js'
import type { PollSet } from '../hub/pollset.js'
import { watchEmpty } from './empty.js'
import { FileSide, Identity, ReadySide, type Side, StillSide } from './file-side.js'
import { KERNFS, PIPEFS, PROCFS } from './file-systems.js'
import type { DescriptorHost } from './host.js'
import { identify, isIdentified } from './identity.js'
import { PollSide } from './poll-side.js'
import { attachTelling, givesNotice, silenceOf, tellingOf } from './polled-file.js'
import { openVnodeSide, type VnodeSide } from './vnode-side.js'

const { S_IFDIR, S_IFIFO, S_IFREG, S_IFSOCK } = constants

export class Descriptor implements OpenFile {
  read: Side | null = null
  write: Side | null = null
  except: Side | null = null
  /** Of a regular file that has a poll of its own, for EVFILT_READ and EVFILT_EXCEPT. */
  polled: PollSide | null = null
  vnode: VnodeSide | null = null
  /** Knotes of filters that the program added. */
  #held: Set<Knote> | null = null
  #identity: Identity | undefined
  /** The type of the file, S_IFSOCK and so on; 0 before it was asked for, or where it is closed. */
  #type = 0
  #fileSystem: number | undefined
  #link: string | undefined
  /** `polled` has a notice for its first knote, from before. */
  #noticed = false

  constructor(
    readonly hub: DescriptorHost,
    readonly fd: number,
  ) {}

  get isSocket(): boolean {
    return this.#typeOfFile() === S_IFSOCK
  }

  get isFifo(): boolean {
    return this.#typeOfFile() === S_IFIFO
  }

  /** Asked once: only a number that names another file now has another answer. */
  get isPipe(): boolean {
    if (!this.isFifo) return false
    this.#fileSystem ??= this.hub.native.fileSystem(this.fd)
    return this.#fileSystem === PIPEFS
  }

  #typeOfFile(): number {
    if (this.#type === 0 && this.hub.stat(this.fd) === 0) this.#type = this.hub.mode
    return this.#type
  }

  /**
   * What /proc says that this file is: its path, 'anon_inode:[eventfd]' and the like; ''
   * where there is no /proc.
   */
  get link(): string {
    this.#link ??= linkOf(this.fd)
    return this.#link
  }

  /** The side that a set is for: SIDE_READ, SIDE_WRITE and so on. Hot path. */
  side(kind: number): Side | null {
    if (kind === SIDE_READ) return this.read
    if (kind === SIDE_WRITE) return this.write
    return kind === SIDE_EXCEPT ? this.except : this.polled
  }

  kqfilter(kn: Knote): number {
    const { hub } = this
    if (kn.filter === EVFILT_READ) return this.#watchRead(kn)
    if (kn.filter === EVFILT_WRITE) {
      this.write ??= this.#openWrite(kn.kq.trusting)
      this.write.attach(kn)
      return this.#attached()
    }
    if (kn.filter === EVFILT_VNODE) return this.#watch(kn)
    hub.statOpen(this.fd)
    this.#type = hub.mode
    if (kn.filter === EVFILT_EXCEPT) return this.#watchExcept(kn)
    if (kn.filter === EVFILT_EMPTY) return this.#watchEmpty(kn)
    return refuse(EINVAL, `descriptor ${this.fd} has no filter ${kn.filter}`)
  }

  #watchRead(kn: Knote): number {
    if (this.polled !== null) return this.#attachPolled(kn, this.polled)
    this.read ??= this.#open(this.hub.readSet, kn.kq.trusting)
    if (this.read === null) return this.#watchFile(kn)
    this.read.attach(kn)
    return this.#attached()
  }

  /** EVFILT_READ of a regular file or a directory, for which `hub.stat` has been asked. */
  #watchFile(kn: Knote): number {
    const { hub } = this
    const polled = hub.mode === S_IFREG ? this.#openPolled(EVFILT_READ) : null
    if (polled !== null) return this.#attachPolled(kn, polled)
    const silence = silenceOf(this)
    const side =
      silence === ''
        ? new FileSide(this, hub.vnodes.open(this.fd, 0, true))
        : new StillSide(this, silence)
    side.attach(kn)
    this.read = side
    return this.#attached()
  }

  /**
   * The side of a regular file that has a poll of its own; null when it has none, or not what
   * `filter` is for.
   */
  #openPolled(filter: number): PollSide | null {
    const { hub, fd } = this
    if (!hub.takesPoll(fd)) return null
    const telling = tellingOf(this)
    if (telling === null) return null
    if (filter === EVFILT_EXCEPT && !givesNotice(telling.ops)) return null
    const set = hub.openSet(SIDE_FILE)
    const generation = set.add(fd, true)
    if (generation < 0) {
      hub.closeSetIfEmpty(set)
      refusePoll(-generation, fd)
    }
    this.polled = new PollSide(this, set, generation, telling.ops)
    hub.descriptors.remember(this)
    hub.greet(set)
    this.#noticed = telling.noticed || (this.polled.events & POLLERR) !== 0
    return this.polled
  }

  #attachPolled(kn: Knote, side: PollSide): number {
    attachTelling(kn, side, this.#noticed)
    this.#noticed = false
    return this.#attached()
  }

  #watchExcept(kn: Knote): number {
    const { hub, fd } = this
    if (hub.mode === S_IFREG) {
      const side = this.polled ?? this.#openPolled(EVFILT_EXCEPT)
      if (side !== null && givesNotice(side.ops)) return this.#attachPolled(kn, side)
      refuse(EINVAL, `descriptor ${fd} gives no notice, as some files of sysfs and procfs do`)
    }
    if (!this.isSocket && hub.native.ptyIsMaster(fd) !== 1) {
      refuse(EINVAL, `descriptor ${fd} has no out-of-band data, which sockets have`)
    }
    const set = hub.openSet(SIDE_EXCEPT)
    this.except ??= orUndo(
      () => this.#open(set),
      () => hub.closeSetIfEmpty(set),
    )
    this.except?.attach(kn)
    return this.#attached()
  }

  #watchEmpty(kn: Knote): number {
    const { hub, fd } = this
    const kind = hub.native.outputKind(fd)
    OUTPUT.check(kind)
    if (kind !== OUTPUT_NONE) this.write ??= this.#openWrite()
    if (kind === OUTPUT_NONE || !(this.write instanceof PollSide)) {
      refuse(EINVAL, `descriptor ${fd} has no buffer that drains; sockets and pipes have`)
    }
    watchEmpty(kn, this.write, kind)
    return this.#attached()
  }

  /** EVFILT_VNODE. */
  #watch(kn: Knote): number {
    if (this.vnode === null) {
      this.vnode = openVnodeSide(this, kn.sfflags)
      this.vnode.add(kn)
    } else {
      this.vnode.attach(kn)
    }
    return this.#attached()
  }

  #attached(): number {
    this.hub.descriptors.remember(this)
    return 0
  }

  /** Makes the side that `set` is for; null for that of a regular file or a directory. */
  #open(set: PollSet, trusting = false): Side | null {
    const { hub, fd } = this
    const trusted = trusting ? TRUSTED : 0
    let generation = set.add(fd, false, trusted)
    if (generation === -ELOOP && hub.relax()) generation = set.add(fd, false, trusted)
    if (generation > 0) {
      this.#checkNesting(set)
      return new PollSide(this, set, generation)
    }
    if (generation !== -EPERM) refusePoll(-generation, fd)
    hub.statOpen(fd)
    const { mode } = hub
    return mode === S_IFREG || mode === S_IFDIR ? null : new ReadySide(this)
  }

  #openWrite(trusting = false): Side {
    const { hub } = this
    const side = this.#open(hub.writeSet, trusting)
    if (side !== null) return side
    return hub.mode === S_IFREG ? this.#openRegular(hub.writeSet) : new ReadySide(this)
  }

  /** The write side of a regular file. In procfs and kernfs the poll is about reading only. */
  #openRegular(set: PollSet): Side {
    const magic = this.hub.native.fileSystem(this.fd)
    const generation = magic === PROCFS || KERNFS.has(magic) ? 0 : set.add(this.fd, true)
    return generation > 0 ? new PollSide(this, set, generation) : new ReadySide(this)
  }

  /**
   * Makes sure that the event loop, which waits, can go on with what was added to `set`. Linux
   * refuses by itself what cannot be, but older kernels look only at what an epoll instance
   * holds, and not at what holds it.
   */
  #checkNesting(set: PollSet): void {
    const { hub, fd } = this
    const error = set.isNested(fd) ? hub.allows() : 0
    if (error === 0) return
    set.remove(fd)
    refusePoll(-error, fd)
  }

  /** A side has no knotes left. */
  closeSide(side: Side): void {
    if (this.read === side) this.read = null
    if (this.write === side) this.write = null
    if (this.except === side) this.except = null
    if (this.polled === side) this.polled = null
    if (this.vnode === side) this.vnode = null
    this.#forgetIfIdle()
  }

  releaseKnote(kn: Knote): void {
    this.#held?.delete(kn)
    if (this.#held?.size === 0) this.#held = null
    this.#forgetIfIdle()
  }

  #forgetIfIdle(): void {
    const { read, write, except, polled, vnode } = this
    const watched = read || write || except || polled || vnode || this.#held
    if (!watched) this.hub.descriptors.forget(this)
  }

  holdKnote(kn: Knote): void {
    const { hub } = this
    if (this.#identity === undefined && hub.stat(this.fd) === 0) {
      this.#identity = new Identity(hub, this.fd)
    }
    this.#held ??= new Set()
    this.#held.add(kn)
    hub.descriptors.remember(this)
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

  /** Whether the number still names this file. One system call a side. */
  same(): boolean {
    return (
      (this.read?.same() ?? true) &&
      (this.write?.same() ?? true) &&
      (this.except?.same() ?? true) &&
      (this.polled?.same() ?? true) &&
      (this.vnode?.same() ?? true) &&
      (this.#held === null || this.#identity?.holds(this.hub, this.fd) === true)
    )
  }

  current(): boolean {
    if (this.same()) return true
    this.gone()
    return false
  }

  /** The descriptor was closed, or names another file now: drops all knotes. */
  gone(): void {
    this.hub.descriptors.forget(this)
    this.read?.clear()
    this.write?.clear()
    this.except?.clear()
    this.polled?.clear()
    this.vnode?.clear()
    for (const kn of this.#held ?? []) kn.drop()
  }
}

function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}

function refusePoll(error: number, fd: number): never {
  if (error === EBADF) refuse(EBADF, `${fd} is not an open descriptor`)
  if (error === ELOOP) refuse(ELOOP, `descriptor ${fd} is ${TOO_DEEP}`)
  throw EPOLL_CTL.failure(error)
}
