/**
 * The descriptors of a thread that are watched, and their levels: what Linux says of them
 * when a scan asks. `struct filedesc`, as far as it is watched.
 */
import type { Knote } from '../../core/knote.js'
import type { Kqueue } from '../../core/kqueue.js'
import { NumberTable } from '../../core/table.js'
import { check } from '../../errors.js'
import { BATCH, BOARD_ASKING, boardOf } from '../hub/board.js'
import {
  BOARD_EPFD,
  BOARD_QUESTIONS,
  BOARD_SIDE,
  COUNT_UNASKED,
  type Native,
  REC_COUNT,
  REC_DRAINS,
  REC_ERROR,
  REC_EVENTS,
  REC_FD,
  REC_GENERATION,
  RECORD,
} from '../hub/native.js'
import type { PollSet } from '../hub/pollset.js'
import type { SetsHolder } from '../hub/sets.js'
import type { Descriptor } from './descriptor.js'
import { PollSide } from './poll-side.js'

/** Descriptors remembered before those that were closed are looked for. */
const SWEEP_LEAST = 256

export class DescriptorTable implements SetsHolder {
  /** Counts scans, from 1: levels asked for one scan do not hold for the next. */
  pass = 1
  readonly #descriptors = new NumberTable<Descriptor>(({ fd }) => fd)
  #sweepAt = SWEEP_LEAST
  readonly #board: Int32Array
  readonly #asked: PollSide[] = []
  /** Those that were reported and name other files by now. */
  readonly #stale: Descriptor[] = []
  /** Those that need not be asked by a scan, since the wait before it tells of them. */
  readonly #awaited: PollSide[] = []
  #awaits = 0
  /** How many levels a scan may ask at once. */
  #limit = 1

  constructor(readonly native: Native) {
    this.#board = boardOf(native)
  }

  get(fd: number): Descriptor | undefined {
    return this.#descriptors.get(fd)
  }

  remember(descriptor: Descriptor): void {
    if (this.#descriptors.get(descriptor.fd) === descriptor) return
    this.#descriptors.set(descriptor)
    if (this.#descriptors.size > this.#sweepAt) this.sweep()
  }

  forget(descriptor: Descriptor): void {
    if (this.#descriptors.get(descriptor.fd) === descriptor) {
      this.#descriptors.delete(descriptor.fd)
    }
  }

  /** Finds the descriptors that were closed, and drops their knotes. */
  sweep(): void {
    for (const descriptor of this.#descriptors.values()) descriptor.current()
    this.#sweepAt = Math.max(SWEEP_LEAST, 2 * this.#descriptors.size)
  }

  clear(fd: number): void {
    this.#descriptors.get(fd)?.supersede()
  }

  unpark(set: PollSet): readonly number[] {
    const parked = this.#descriptors.values().filter((descriptor) => descriptor.unpark(set))
    return parked.map(({ fd }) => fd)
  }

  /** [fd, generation] of all that are in the sets of a side, edge-triggered. */
  *held(kind: number): IterableIterator<[number, number]> {
    for (const descriptor of this.#descriptors.values()) {
      const side = descriptor.side(kind)
      if (!(side instanceof PollSide) || side.parked) continue
      side.edgeTrigger()
      yield [descriptor.fd, side.generation]
    }
  }

  /** epoll has reported a descriptor: notes its side. Hot path. */
  fired(set: PollSet, records: Int32Array, at: number): void {
    const fd = records[at + REC_FD]!
    const side = this.#descriptors.get(fd)?.side(set.side)
    if (!(side instanceof PollSide) || side.generation !== records[at + REC_GENERATION]) {
      set.reportedStranger()
      return
    }
    if (side.parked) {
      side.descriptor.unpark(set)
      set.reportedParked(fd)
      return
    }
    if (records[at + REC_COUNT] === COUNT_UNASKED || side.asked !== side.generation) {
      // What was asked before holds no more, and what was not proved does not hold for all.
      side.pass = 0
      side.events = records[at + REC_EVENTS]!
    } else {
      this.#learn(side, records, at)
    }
    if (side.stale) this.#stale.push(side.descriptor)
    else side.edge()
  }

  /** All that a wait has reported has been taken from the board, which filters of the program may use. */
  allFired(): void {
    if (this.#stale.length > 0) for (const each of this.#stale.splice(0)) each.gone()
  }

  #learn(side: PollSide, records: Int32Array, at: number): void {
    side.events = records[at + REC_EVENTS]!
    side.count = records[at + REC_COUNT]!
    side.error = records[at + REC_ERROR]! || side.error
    if (side.drains === 0) side.drains = records[at + REC_DRAINS]!
    side.pass = this.pass
  }

  /** A scan for at most `max` events begins. Hot path. */
  beginScan(max: number): void {
    this.#limit = Math.min(max, BATCH)
  }

  endScan(): void {
    this.#limit = 1
    this.pass++
  }

  /**
   * Puts on the board the questions of a scan of `kq` for at most `max` events that is about to
   * come: how many there are. They are about `set`, and a wait for it is to come before. Hot path.
   */
  prepare(kq: Kqueue, max: number, set: PollSet): number {
    this.#board[BOARD_SIDE] = set.side
    this.#awaits = 0
    return kq.count === 0 ? 0 : this.#questionsFrom(kq.first, set, 0, Math.min(max, BATCH), true)
  }

  /** Whether that wait has something to tell though nothing has happened. Hot path. */
  get awaitsLevels(): boolean {
    return this.#awaits > 0
  }

  /** It has reported all that is ready, and so what it has not reported is not. Hot path. */
  waited(): void {
    for (let i = 0; i < this.#awaits; i++) {
      const side = this.#awaited[i]!
      if (!side.isLevel) continue
      side.events = side.count = 0
      side.pass = this.pass
    }
  }

  /** Those questions have been answered, unless the call has failed. Hot path. */
  answered(n: number, failed: boolean): void {
    if (failed) for (let i = 0; i < n; i++) this.#asked[i]!.pass = 0
    else this.#learnAnswers(n)
  }

  /**
   * Asks the level of the side that a knote is on and, in the same crossing, of
   * those that a scan will come to next. Hot path.
   */
  askLevels(first: Knote, side: PollSide): void {
    const { set } = side
    const board = this.#board
    let n = this.#question(side, 0)
    if (this.#limit > 1) n = this.#questionsFrom(first.kq.first, set, n, this.#limit)
    board[BOARD_EPFD] = set.fd
    board[BOARD_SIDE] = set.side
    board[BOARD_QUESTIONS] = n
    check(this.native.pollLevels(), 'kevent')
    this.#learnAnswers(n)
  }

  /** Which of them are stale is seen to when they are asked. */
  #learnAnswers(n: number): void {
    for (let i = 0; i < n; i++) {
      const side = this.#asked[i]!
      this.#learn(side, this.#board, BOARD_ASKING + i * RECORD)
      if (side.events === 0) side.drained()
    }
  }

  /**
   * Adds questions about `set`, up to `limit`, of a knote and those behind it: how many there
   * are then. Before a wait, of none that it will tell of.
   */
  #questionsFrom(
    first: Knote | null,
    set: PollSet,
    n: number,
    limit: number,
    waits = false,
  ): number {
    let left = limit - n
    for (let kn = first; kn !== null && left > 0; kn = kn.queueNext) {
      const { hook } = kn
      if (!(hook instanceof PollSide) || hook.set !== set || hook.pass === this.pass) continue
      left--
      if (waits && hook.isLevel) this.#awaited[this.#awaits++] = hook
      else n = this.#question(hook, n)
    }
    return n
  }

  #question(side: PollSide, n: number): number {
    const board = this.#board
    const at = BOARD_ASKING + n * RECORD
    board[at + REC_FD] = side.descriptor.fd
    board[at + REC_GENERATION] = side.asked
    board[at + REC_EVENTS] = side.events
    board[at + REC_DRAINS] = side.drains
    this.#asked[n] = side
    side.pass = this.pass
    return n + 1
  }
}
