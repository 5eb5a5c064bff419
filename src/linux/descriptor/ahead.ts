/**
 * What a changelist is about, asked in few crossings before its changes are applied one by one:
 * whether the numbers still name the files that are watched, and, where a file is parked and to
 * be added, that it is watched again.
 *
 * Only of changes with EVFILT_READ at the beginning of a list, since a filter that the program
 * added could close what was asked about. Between these it is called only to be told that what it
 * watches is gone, and then what was asked is forgotten.
 */
import { EV_ADD, EVFILT_READ, type Kevent } from '../../event.js'
import { BATCH, BOARD_ASKING, boardOf } from '../hub/board.js'
import {
  AHEAD_HOLDS,
  AHEAD_MODIFY,
  BOARD_EPFD,
  BOARD_EVENTS,
  BOARD_QUESTIONS,
  type Native,
  REC_ERROR,
  REC_EVENTS,
  REC_FD,
  REC_GENERATION,
  RECORD,
  TRUSTED,
} from '../hub/native.js'
import type { PollSet } from '../hub/pollset.js'
import { PollSide } from './poll-side.js'
import type { DescriptorTable } from './table.js'

/** Fewer changes are asked about when it is their turn. */
export const AHEAD_LEAST = 4

export class Ahead {
  readonly #board: Int32Array
  /** Those that were asked about, how many there are, */
  readonly #sides: PollSide[] = []
  #length = 0
  /** and for how many of them there is an answer. */
  #answered = 0

  constructor(
    readonly native: Native,
    readonly descriptors: DescriptorTable,
  ) {
    this.#board = boardOf(native)
  }

  /** The first `n` changes are about to be applied, to a queue that trusts or does not. */
  ask(changes: readonly Kevent[], n: number, set: PollSet, trusting: boolean): void {
    const trusted = trusting ? TRUSTED : 0
    for (let i = 0; i < n; i++) {
      const { ident, filter, flags } = changes[i]!
      if (filter !== EVFILT_READ) break
      const side = this.descriptors.get(ident)?.read
      if (!(side instanceof PollSide) || (set.nests && set.isNested(ident))) continue
      if (!side.empty) this.#question(side, side.generation, AHEAD_HOLDS)
      else if (flags & EV_ADD && !set.closes) {
        this.#question(side, set.nextGeneration() | trusted, AHEAD_MODIFY)
      }
      if (this.#length - this.#answered === BATCH) this.#cross(set)
    }
    this.#cross(set)
  }

  #question(side: PollSide, generation: number, operation: number): void {
    const board = this.#board
    const at = BOARD_ASKING + (this.#length - this.#answered) * RECORD
    board[at + REC_FD] = side.descriptor.fd
    board[at + REC_GENERATION] = generation
    board[at + REC_EVENTS] = operation
    this.#sides[this.#length++] = side
  }

  /** Has the questions since the last crossing answered. */
  #cross(set: PollSet): void {
    const board = this.#board
    const first = this.#answered
    const n = this.#length - first
    this.#answered = this.#length
    board[BOARD_EPFD] = set.fd
    board[BOARD_EVENTS] = set.edges
    board[BOARD_QUESTIONS] = n
    if (n === 0 || this.native.epollAhead() < 0) return
    for (let i = 0, at = BOARD_ASKING; i < n; i++, at += RECORD) {
      if (board[at + REC_ERROR] !== 0) continue
      const side = this.#sides[first + i]!
      side.generation = board[at + REC_GENERATION]!
      side.ahead = true
    }
  }

  /** Whether something was asked, and `end` is to be called. */
  get asked(): boolean {
    return this.#length > 0
  }

  /** What was asked and not used holds no more. */
  end(): void {
    for (let i = 0; i < this.#length; i++) this.#sides[i]!.ahead = false
    if (this.#length > BATCH) this.#sides.length = 0
    this.#length = this.#answered = 0
  }
}
