/**
 * An epoll instance, and the generations under which it holds descriptors. Edge-triggered,
 * but for those of which `levelTrigger` says otherwise.
 * Reading, writing, out-of-band data and regular files have one each, so that an edge of
 * one is never taken for an edge of another.
 *
 * A descriptor that is taken out stays in for a while, parked: programs that add
 * and delete, as those with one-shot events do, then need one system call instead
 * of two. It leaves when it fires, or when too many are parked. An epoll instance
 * leaves at once, because Linux limits what may be nested as long as it is in, and so do those
 * of the sides that few ask for. Who is parked is known to who holds the descriptors.
 *
 * A descriptor that was closed while a duplicate keeps its file alive cannot be
 * taken out, because no number names it. When there are too many such leftovers
 * `renew` starts afresh.
 */
import { NumberTable } from '../../core/table.js'
import { EBADF, EEXIST, ENOMEM, ENOSPC, EPERM } from '../../errors.js'
import { about } from './board.js'
import { EPOLLET, type Native, SIDE_READ, SIDE_WRITE, TRUSTED } from './native.js'

/** A descriptor in a set that another process has made: what it last told there. */
export interface HandedMember {
  readonly fd: number
  readonly generation: number
  readonly events: number
  readonly error: number
}

/** A set that was made for another process, which has the descriptors under the same numbers. */
export interface HandedSet {
  /** The epoll instance. */
  readonly fd: number
  /** The last generation that was given out. */
  readonly generation: number
  readonly members: readonly HandedMember[]
}

/** So many reports of leftovers are borne in any case, */
const REPORTS = 64
/** and besides, one for so many descriptors held. */
const HELD_PER_REPORT = 4
/** So many descriptors may have been closed before they were taken out, and one for each held. */
const CLOSED = 4096
/** So many descriptors may be parked, more than most programs have. */
const PARKED = 16384

/** Who knows the descriptors that are parked. */
export interface Parking {
  /** Lets go of those of a set: their numbers. */
  unpark(set: PollSet): readonly number[]
}

/** What is done with the instance that comes in the place of another. */
export interface Renewal {
  /** Passes over what one reports. */
  pass(fd: number): void
  /** Puts the new one where the old one was: whether that could be done. */
  replace(fd: number, old: number): boolean
  /** Takes what the old one reports. */
  take(old: number): void
}

export class PollSet {
  /** How many descriptors it holds, besides those parked. */
  size = 0
  /** How many are parked. */
  #parked = 0
  /** Those held that are epoll instances themselves. */
  readonly #nested = new NumberTable<number>((fd) => fd)
  /** Whether the last one that was parked had been closed when it was added again. */
  closes = false
  #generation = 0
  /** What is in it since before this process, until it is claimed. */
  readonly #handed = new NumberTable<HandedMember>(({ fd }) => fd)
  /** Reports of descriptors that are not held. */
  #reports = 0
  /** Descriptors that could not be taken out; most left by themselves when they were closed. */
  #closed = 0

  /**
   * @param fd an epoll instance
   * @param side what it is for: SIDE_READ, SIDE_WRITE, SIDE_EXCEPT or SIDE_FILE
   * @param events what it is asked for besides EPOLLET
   */
  constructor(
    readonly native: Native,
    readonly parking: Parking,
    public fd: number,
    readonly side: number,
    readonly events: number,
  ) {}

  /** Whether there is nothing that could fire. */
  get empty(): boolean {
    return this.size === 0 && this.#parked === 0
  }

  /** How many it can report, besides what could not be taken out. */
  get members(): number {
    return this.size + this.#parked
  }

  /**
   * Adds a descriptor: its generation, or a negative errno. -EPERM: epoll does not take it,
   * or it is a regular file and no `regular` one is wanted. `trusted` is 0 or TRUSTED. It may
   * have been parked until now.
   */
  add(fd: number, regular = false, trusted = 0, wasParked = false): number {
    const handed = this.#handed.get(fd)
    if (handed !== undefined) return this.#addHanded(handed)
    const generation = this.nextGeneration() | trusted
    let error =
      wasParked && this.#isStill(fd, generation) ? 0 : this.#register(fd, generation, regular)
    // It was parked; or closed and opened again as a duplicate of the same file.
    if (error === -EEXIST) {
      error = this.#modify(fd, generation)
      this.closes = false
    }
    // What is parked takes room that is needed now.
    if ((error === -ENOSPC || error === -ENOMEM) && this.#parked > 0) {
      this.clearParked()
      error = this.#register(fd, generation, regular)
    }
    if (error < 0) return error
    if (error === 1) this.#nested.set(fd)
    this.size++
    return generation
  }

  #addHanded({ fd, generation }: HandedMember): number {
    if (this.native.epollNests(this.fd, fd) === 1) this.#nested.set(fd)
    this.size++
    return generation
  }

  // From one process to another

  /**
   * A new instance for another process, which holds `members` and has told of them what has
   * happened until now: or a negative errno. Members that are not what they were are left out.
   */
  handOver(members: readonly HandedMember[]): HandedSet | number {
    const { native, events } = this
    const fd = native.epollCreate()
    if (fd < 0) return fd
    const held = members.filter(
      (each) => about(native, fd, each.fd, events + EPOLLET, each.generation).epollAdd() >= 0,
    )
    return { fd, generation: this.#generation, members: held }
  }

  /** This instance was handed over: what is added and is in it already stays as it is. */
  takeOver({ generation, members }: HandedSet): void {
    this.#generation = generation
    for (const member of members) this.#handed.set(member)
  }

  /** What a descriptor that was added has told before, if it was handed over; once. */
  claim(fd: number): HandedMember | undefined {
    const handed = this.#handed.get(fd)
    if (handed !== undefined) this.#handed.delete(fd)
    return handed
  }

  /** Takes out what was handed over and not claimed. */
  disclaim(): void {
    for (const { fd } of this.#handed.values()) {
      this.#handed.delete(fd)
      this.#takeOut(fd)
    }
  }

  /** The descriptors held that are epoll instances themselves. */
  nested(): Iterable<number> {
    return this.#nested.values()
  }

  /** Whether there are any. */
  get nests(): boolean {
    return this.#nested.size > 0
  }

  isNested(fd: number): boolean {
    return this.#nested.get(fd) !== undefined
  }

  /**
   * Takes a descriptor out, which was added and may have been closed: whether it is parked, which
   * only one `atEdges` may be.
   */
  remove(fd: number, atEdges = true): boolean {
    this.size--
    const nested = this.isNested(fd)
    if (nested) this.#nested.delete(fd)
    if (nested || !atEdges || !this.parks) {
      this.#takeOut(fd)
      return false
    }
    this.#parked++
    if (this.#parked > PARKED) this.clearParked()
    return true
  }

  /** What a descriptor is added for: at its edges. */
  get edges(): number {
    return this.events + EPOLLET
  }

  /** Whether what is taken out is parked. */
  get parks(): boolean {
    return this.side === SIDE_READ || this.side === SIDE_WRITE
  }

  /** One that was parked is so no more: it has been closed, or will be added or taken out. */
  unpark(): void {
    this.#parked--
  }

  /** Takes out what is parked. */
  clearParked(): void {
    if (this.#parked === 0) return
    for (const fd of this.parking.unpark(this)) this.#takeOut(fd)
  }

  #takeOut(fd: number): void {
    if (this.native.epollDelete(this.fd, fd) < 0) this.#closed++
  }

  /** Whether `fd` still is the file that was added under `generation`. */
  holds(fd: number, generation: number): boolean {
    // To add an epoll instance again may be refused because of what it holds by now.
    if (this.isNested(fd)) return this.#modify(fd, generation) === 0
    const { native, events } = this
    return about(native, this.fd, fd, events + EPOLLET, generation).epollHolds() === 1
  }

  /**
   * Has a descriptor reported by each wait as long as it is ready, or again at its edges only:
   * whether that could be done.
   */
  levelTrigger(fd: number, generation: number, levels: boolean): boolean {
    return this.#modify(fd, generation, levels ? 0 : EPOLLET) === 0
  }

  /** epoll reported a descriptor that is not held. */
  reportedStranger(): void {
    this.#reports++
  }

  /** epoll reported one that was parked. */
  reportedParked(fd: number): void {
    if (this.native.epollDelete(this.fd, fd) < 0) this.reportedStranger()
  }

  get crowded(): boolean {
    return (
      this.#reports > REPORTS + this.size / HELD_PER_REPORT || this.#closed > CLOSED + this.size
    )
  }

  /**
   * A new instance that holds `held`, [fd, generation] each, and no leftovers. Where it cannot
   * be put in place, or there is no room for it, the old one stays.
   */
  renew(held: Iterable<readonly [number, number]>, { pass, replace, take }: Renewal): boolean {
    this.#reports = this.#closed = 0
    const { native, fd: old } = this
    const fd = native.epollCreate()
    if (fd < 0) return false
    // The number of one that was closed may be another file's by now.
    const present = [...held].filter(([fd, generation]) => this.holds(fd, generation))
    this.fd = fd
    const isComplete = this.#fill(present)
    // It greets all that is ready, of which the old one has told.
    if (isComplete) pass(fd)
    if (!isComplete || !replace(fd, old)) {
      this.fd = old
      native.close(fd)
      return false
    }
    this.parking.unpark(this)
    // But for what has happened meanwhile.
    take(old)
    native.close(old)
    this.#reports = 0
    return true
  }

  /** Whether there was room for all; those closed meanwhile need none. */
  #fill(held: Iterable<readonly [number, number]>): boolean {
    for (const [fd, generation] of held) {
      const error = this.#register(fd, generation)
      if (error < 0 && error !== -EBADF && error !== -EPERM) return false
    }
    return true
  }

  /**
   * Takes back a descriptor that was parked: whether it is not closed. A program that
   * closes what it deletes is not asked each time: to add what is in there is refused.
   */
  #isStill(fd: number, generation: number): boolean {
    if (this.closes) return false
    this.closes = this.#modify(fd, generation) < 0
    return !this.closes
  }

  #register(fd: number, generation: number, regular = true): number {
    const { native, events } = this
    about(native, this.fd, fd, events + EPOLLET, generation)
    return regular ? native.epollAdd() : native.epollAddIrregular()
  }

  #modify(fd: number, generation: number, trigger = EPOLLET): number {
    const { native, events } = this
    return about(native, this.fd, fd, events + trigger, generation).epollModify()
  }

  /** What a descriptor is added under. */
  nextGeneration(): number {
    this.#generation = this.#generation === TRUSTED - 1 ? 1 : this.#generation + 1
    return this.#generation
  }
}
