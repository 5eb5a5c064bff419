/**
 * The memory that this thread and the addon share: what the hottest calls are told, and what
 * they answer. A call without arguments takes half the time.
 *
 *     board[BOARD_EPFD] = set.fd
 *     const n = native.pollWait()
 */
import {
  BOARD_EPFD,
  BOARD_EVENTS,
  BOARD_FD,
  BOARD_GENERATION,
  BOARD_LENGTH,
  BOARD_RECORDS,
  BOARD_STAT,
  type Native,
  RECORD,
  STAT_FIELDS,
} from './native.js'

/** Records of one call to the addon. */
export const BATCH = 1024
/** Where the questions begin. */
export const BOARD_ASKING = BOARD_RECORDS + BATCH * RECORD

let shared: Int32Array | undefined

/** The board of this thread. Nothing stays on it from one call to the next. */
export function boardOf(native: Native): Int32Array {
  if (shared === undefined) {
    // Memory that cannot be detached: the addon keeps its address.
    shared = new Int32Array(new SharedArrayBuffer(BOARD_LENGTH * Int32Array.BYTES_PER_ELEMENT))
    native.boardShare(shared)
  }
  return shared
}

/** What `fileStat` leaves on the board, see STAT_*. */
export function statisticsOf(native: Native): Float64Array {
  const at = BOARD_STAT * Int32Array.BYTES_PER_ELEMENT
  return new Float64Array(boardOf(native).buffer, at, STAT_FIELDS)
}

/**
 * Puts on the board which descriptor a call is about, in `epfd`, with which events and which datum,
 * {fd, generation}. Hot path.
 *
 *     about(native, set.fd, fd, POLLIN + EPOLLET, generation).epollAdd()
 */
export function about(
  native: Native,
  epfd: number,
  fd: number,
  events: number,
  generation: number,
): Native {
  const board = boardOf(native)
  board[BOARD_EPFD] = epfd
  board[BOARD_FD] = fd
  board[BOARD_EVENTS] = events
  board[BOARD_GENERATION] = generation
  return native
}
