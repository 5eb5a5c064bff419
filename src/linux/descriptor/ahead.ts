/**
 * What a changelist is about, asked in one crossing before its changes are applied one by one:
 * whether the numbers still name the files that are watched, and, where a file is parked and to
 * be added, that it is watched again.
 *
 * Only of changes with EVFILT_READ at the beginning of a list, since nothing of the program's is
 * run between these: a filter that the program added could close what was asked about.
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
const LEAST = 4

export class Ahead {
  readonly #board: Int32Array
  readonly #sides: PollSide[] = []
  #length = 0

  constructor(
    readonly native: Native,
    readonly descriptors: DescriptorTable,
  ) {
    this.#board = boardOf(native)
  }

  /** The first `n` changes are about to be applied, to a queue that trusts or does not. */
  ask(changes: readonly Kevent[], n: number, set: PollSet, trusting: boolean): void {
    if (n < LEAST) return
    const trusted = trusting ? TRUSTED : 0
    let asked = 0
    for (let i = 0; i < n && asked < BATCH; i++) {
      const { ident, filter, flags } = changes[i]!
      if (filter !== EVFILT_READ) break
      const side = this.descriptors.get(ident)?.read
      if (!(side instanceof PollSide) || set.isNested(ident)) continue
      if (!side.empty) this.#question(asked++, side, side.generation, AHEAD_HOLDS)
      else if (flags & EV_ADD && !set.closes) {
        this.#question(asked++, side, set.nextGeneration() | trusted, AHEAD_MODIFY)
      }
    }
    if (asked > 0) this.#learn(asked, set)
  }

  #question(i: number, side: PollSide, generation: number, operation: number): void {
    const board = this.#board
    const at = BOARD_ASKING + i * RECORD
    board[at + REC_FD] = side.descriptor.fd
    board[at + REC_GENERATION] = generation
    board[at + REC_EVENTS] = operation
    this.#sides[i] = side
  }

  #learn(n: number, set: PollSet): void {
    const board = this.#board
    board[BOARD_EPFD] = set.fd
    board[BOARD_EVENTS] = set.edges
    board[BOARD_QUESTIONS] = n
    if (this.native.epollAhead() < 0) return
    this.#length = n
    for (let i = 0; i < n; i++) {
      const at = BOARD_ASKING + i * RECORD
      const side = this.#sides[i]!
      if (board[at + REC_ERROR] !== 0) continue
      side.generation = board[at + REC_GENERATION]!
      side.ahead = true
    }
  }

  /** The changes have been applied: what was asked and not used holds no more. */
  end(): void {
    for (let i = 0; i < this.#length; i++) this.#sides[i]!.ahead = false
    this.#length = 0
  }
}
