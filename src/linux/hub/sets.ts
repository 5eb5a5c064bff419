/**
 * The epoll instances of a thread. `read` is the one that is waited for: it holds what is
 * watched for reading, the kernel's own descriptors, and the other sets: for writing, and as
 * far as they were asked for, for out-of-band data and regular files.
 */
import { NumberTable } from '../../core/table.js'
import { EBADF, ENOMEM, ENOSPC, EPERM } from '../../errors.js'
import { about, BATCH, boardOf } from './board.js'
import {
  BOARD_ASKED,
  BOARD_EPFD,
  BOARD_NSEC,
  BOARD_QUESTIONS,
  BOARD_RECORDS,
  BOARD_SEC,
  EPOLLET,
  type Native,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDHUP,
  REC_FD,
  REC_GENERATION,
  RECORD,
  SIDE_EXCEPT,
  type SIDE_FILE,
  SIDE_READ,
  SIDE_WRITE,
} from './native.js'
import { type HandedMember, type HandedSet, type Parking, PollSet } from './pollset.js'

/** The longest wait of one call, in s; who waits longer waits again. */
const LONGEST = 0x7fffffff

const isEmpty = (set: PollSet): boolean => set.empty
const isCrowded = (set: PollSet): boolean => set.crowded

/** One of the kernel's own descriptors, and what to do when it fires. */
interface Source {
  readonly fd: number
  readonly ready: () => void
}

/** Sets that were made for another process, by SIDE_*. */
export type HandedSets = ReadonlyMap<number, HandedSet>

/** Who holds the descriptors that are watched. */
export interface SetsHolder extends Parking {
  /** One of them has fired: record `at`. What it is not known for is `set.reportedStranger`. Hot path. */
  fired(set: PollSet, records: Int32Array, at: number): void
  /** All of one wait have been told of. Hot path. */
  allFired(): void
  /** So many questions about `read` have been answered, unless the call has failed. Hot path. */
  answered(questions: number, failed: boolean): void
  /** [fd, generation] of all that are in the sets of a side. */
  held(side: number): Iterable<readonly [number, number]>
  /** A number is the kernel's own from now on: whatever was known under it has been closed. */
  clear(fd: number): void
}

export class Sets {
  readonly read: PollSet
  readonly write: PollSet
  readonly #further: PollSet[] = []
  /** The kernel's own descriptors in `read`. */
  readonly #sources = new NumberTable<Source>(({ fd }) => fd)
  readonly #fired: (() => void)[] = []
  /** How many of them fire only when something else does: the timer, the other sets. */
  #idleSources = 0
  readonly #board: Int32Array
  /** How many descriptors the last wait began with. */
  taken = 0

  /**
   * @param read an epoll instance, as is `write`
   * @param renewed told which instance `read` is now: whether what holds it could be told
   */
  constructor(
    readonly native: Native,
    readonly holder: SetsHolder,
    read: number,
    write: number,
    readonly renewed: (fd: number) => boolean,
  ) {
    this.#board = boardOf(native)
    this.read = new PollSet(native, holder, read, SIDE_READ, POLLIN + POLLRDHUP)
    this.write = new PollSet(native, holder, write, SIDE_WRITE, POLLOUT)
  }

  /** Puts the writing set into the other one, and a descriptor that is not worth a look by itself. */
  begin(timer: number): number {
    // Of the timer nothing is to be done: callouts are run whenever the kernel looks.
    const error = this.#adoptSet(this.write) || this.adopt(timer, () => {})
    this.#idleSources = this.#sources.size
    if (error === 0) this.native.epollAdopter(this.read.fd)
    return error
  }

  /** Puts in one of the kernel's own descriptors: 0, or a negative errno. */
  adopt(fd: number, ready: () => void): number {
    this.#claim(fd)
    const error = this.#putIn(this.read.fd, fd)
    if (error >= 0) this.#sources.set({ fd, ready })
    return error
  }

  #putIn(epfd: number, fd: number): number {
    return about(this.native, epfd, fd, 0, 0).epollAdopt()
  }

  /** Takes out one of the kernel's own descriptors, before it is closed. */
  disown(fd: number): void {
    this.#sources.delete(fd)
    this.native.epollDisown(this.read.fd, fd)
  }

  /** Whether a number is one of the kernel's own descriptors. */
  isOwn(fd: number): boolean {
    return this.#sources.get(fd) !== undefined
  }

  /**
   * A number is the kernel's own now, so the program has closed what it had under it.
   * In `read` our file would be taken for that one, and be taken out in its place.
   */
  #claim(fd: number): void {
    this.holder.clear(fd)
  }

  #adoptSet(set: PollSet): number {
    return this.adopt(set.fd, () => {
      this.wait(set, 0, 0)
    })
  }

  /** The sets, and how deep in the event loop's epoll instance each is. */
  *all(): IterableIterator<[PollSet, number]> {
    yield [this.read, 1]
    yield [this.write, 2]
    for (const set of this.#further) yield [set, 2]
  }

  /** The set of a side that few ask for, if it has been made. */
  find(side: typeof SIDE_EXCEPT | typeof SIDE_FILE): PollSet | undefined {
    return this.#further.find((set) => set.side === side)
  }

  /** Makes that set of an epoll instance; or answers a negative errno. */
  add(side: typeof SIDE_EXCEPT | typeof SIDE_FILE, fd: number): PollSet | number {
    // Of a regular file POLLIN nearly always holds, so each wakeup is an edge, whoever has
    // polled meanwhile; see docs/decisions.md.
    const set = new PollSet(
      this.native,
      this.holder,
      fd,
      side,
      side === SIDE_EXCEPT ? POLLPRI : POLLIN,
    )
    const error = this.#adoptSet(set)
    if (error < 0) return error
    this.#idleSources++
    this.#further.push(set)
    return set
  }

  /** Closes a set that was added if nothing came of its first descriptor. */
  closeIfEmpty(set: PollSet): void {
    if (!set.empty) return
    this.disown(set.fd)
    this.native.close(set.fd)
    this.#idleSources--
    this.#further.splice(this.#further.indexOf(set), 1)
  }

  /** Whether epoll takes a file, asked without polling it: EPERM comes before ENOENT. */
  takesPoll(fd: number): boolean {
    const { native, read } = this
    return about(native, read.fd, fd, POLLIN + EPOLLET, 0).epollModify() !== -EPERM
  }

  /**
   * New instances for another process, which hold `members`, by side, and have nothing to tell
   * of what has happened until now; or a negative errno.
   */
  handOver(members: (side: number) => readonly HandedMember[]): HandedSets | number {
    const made = new Map<number, HandedSet>()
    for (const [set] of this.all()) {
      const handed = set.handOver(members(set.side))
      if (typeof handed === 'number') {
        for (const { fd } of made.values()) this.native.close(fd)
        return handed
      }
      made.set(set.side, handed)
    }
    for (const { fd, members } of made.values()) this.#pass(fd, members.length)
    return made
  }

  /** The instances were handed over, see `handOver`. Those that few ask for are in `read` from now on. */
  takeOver(handed: HandedSets): void {
    for (const [side, each] of handed) {
      const known = [...this.all()].find(([set]) => set.side === side)?.[0]
      const set = known ?? this.add(side as typeof SIDE_EXCEPT | typeof SIDE_FILE, each.fd)
      // Where it cannot be put in, its members are added anew.
      if (typeof set === 'number') this.native.close(each.fd)
      else set.takeOver(each)
    }
  }

  /** What was handed over has been claimed, as far as it is wanted. */
  takenOver(): void {
    for (const [set] of [...this.all()]) {
      set.disclaim()
      if (set !== this.read && set !== this.write) this.closeIfEmpty(set)
    }
  }

  clearParked(): void {
    for (const [set] of this.all()) set.clearParked()
  }

  /** Whether no source has a descriptor in here: nothing is watched but descriptors. */
  get plain(): boolean {
    return this.#sources.size === this.#idleSources
  }

  /** Whether nothing can happen but what the timer tells of. */
  get quiet(): boolean {
    return (
      this.read.empty &&
      this.write.empty &&
      this.plain &&
      (this.#further.length === 0 || this.#further.every(isEmpty))
    )
  }

  /**
   * Takes in what a set tells, waiting `wait` ns for something (-1 for ever), with the levels
   * of the first `asked`: 0, or a negative errno. With `questions` on the board, which are
   * about `read`, the holder is told when these are answered. Hot path.
   */
  wait(set: PollSet, asked: number, wait: number, questions = 0): number {
    const n = this.#pollWait(set.fd, asked, wait, questions)
    this.taken = n
    if (questions > 0) this.holder.answered(questions, n < 0)
    return this.#takeAll(set, n)
  }

  /** Takes in what the event loop has found in `read`, so many records: 0, or a negative errno. */
  arrived(n: number): number {
    return this.#takeAll(this.read, n)
  }

  /** Takes in the `n` records of a wait, and what there is behind them in `fd`: 0, or a negative errno. */
  #takeAll(set: PollSet, n: number, fd = set.fd): number {
    // epoll reports each descriptor once before it reports one again, so this ends, and with all
    // that were ready; the bound is for those that fire as fast as they are taken in.
    let left = set.members + this.#sources.size
    for (;;) {
      if (n < 0) return n
      this.#take(set, n)
      this.holder.allFired()
      if (this.#fired.length > 0) for (const ready of this.#fired.splice(0)) ready()
      left -= n
      if (n < BATCH || left <= 0) return 0
      n = this.#pollWait(fd, 0, 0, 0)
    }
  }

  /** Passes over what an instance reports of its `members`. */
  #pass(fd: number, members: number): void {
    for (let left = members; left > 0; left -= BATCH) this.#pollWait(fd, 0, 0, 0)
  }

  #pollWait(fd: number, asked: number, wait: number, questions: number): number {
    const board = this.#board
    board[BOARD_EPFD] = fd
    board[BOARD_QUESTIONS] = questions
    board[BOARD_ASKED] = asked
    board[BOARD_SEC] = wait <= 0 ? wait : Math.min(Math.floor(wait / 1e9), LONGEST)
    board[BOARD_NSEC] = wait <= 0 ? 0 : Math.ceil(wait % 1e9)
    return this.native.pollWait()
  }

  /** Notes the objects of `n` records. */
  #take(set: PollSet, n: number): void {
    const board = this.#board
    for (let i = 0, at = BOARD_RECORDS; i < n; i++, at += RECORD) {
      if (board[at + REC_GENERATION] !== 0) {
        this.holder.fired(set, board, at)
        continue
      }
      const source = this.#sources.get(board[at + REC_FD]!)
      if (source !== undefined) this.#fired.push(source.ready)
    }
  }

  get crowded(): boolean {
    if (this.read.crowded || this.write.crowded) return true
    return this.#further.length > 0 && this.#further.some(isCrowded)
  }

  /** Starts afresh where descriptors that cannot be taken out have piled up. */
  renew(): void {
    if (this.write.crowded && !this.#renewInner(this.write)) return
    for (const set of this.#further) if (set.crowded && !this.#renewInner(set)) return
    if (!this.read.crowded) return
    this.#renew(this.read, (fd) => {
      for (const source of this.#sources.values()) {
        const error = this.#putIn(fd, source.fd)
        // What the program has closed has nothing to tell.
        if (error < 0 && error !== -EBADF) return false
      }
      if (!this.renewed(fd)) return false
      this.native.epollAdopter(fd)
      return true
    })
  }

  #renew(set: PollSet, replace: (fd: number, old: number) => boolean): boolean {
    return set.renew(this.holder.held(set.side), {
      pass: (fd) => this.#pass(fd, set.size),
      replace,
      take: (old) => void this.#takeAll(set, this.#pollWait(old, 0, 0, 0), old),
    })
  }

  /** One of the sets inside `read`: whether it could be done. */
  #renewInner(set: PollSet): boolean {
    return this.#renew(set, (fd, old) => {
      this.#claim(fd)
      if (this.#putIn(this.read.fd, fd) < 0) return false
      this.disown(old)
      this.#sources.set({ fd, ready: () => void this.wait(set, 0, 0) })
      return true
    })
  }

  /** Puts `read` into the descriptor of a queue: 0, or a negative errno. */
  putInto(queue: number, fd = this.read.fd): number {
    return Math.min(about(this.native, queue, fd, POLLIN, 0).epollAdd(), 0)
  }
}

/** Whether an error of `putInto` is of want, and not of a queue that was closed. */
export function isWant(error: number): boolean {
  return error === -ENOSPC || error === -ENOMEM
}
