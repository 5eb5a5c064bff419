/**
 * The process that keeps a fifo, its standard input, open until it is empty, has no name any
 * more, or nobody has come for so long. fifo.ts starts it.
 */
import { constants, fstatSync, openSync } from 'node:fs'
import {
  type Change,
  EV_ADD,
  EV_RECEIPT,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_TIMER,
  EVFILT_VNODE,
  kqueue,
  NOTE_DELETE,
} from '../index.js'

/** ms */
const PATIENCE = 60_000

/**
 * Who reads it next opens it at once, as long as there is a writer. Where it may not be
 * written, nobody can be one, and nothing tells that it is empty.
 */
function emptied(): Change[] {
  try {
    const writer = openSync('/proc/self/fd/0', constants.O_WRONLY | constants.O_NONBLOCK)
    return [EV_SET(writer, EVFILT_EMPTY, EV_ADD)]
  } catch {
    return []
  }
}

const queue = kqueue()
const changes = [
  ...emptied(),
  EV_SET(0, EVFILT_VNODE, EV_ADD, NOTE_DELETE),
  EV_SET(0, EVFILT_TIMER, EV_ADD, 0, PATIENCE),
]
// Receipts, because some file systems do not tell of removed names.
queue.kevent(
  changes.map((change) => ({ ...change, flags: change.flags | EV_RECEIPT })),
  changes.length,
)
// It may have lost its name before.
if (fstatSync(0).nlink > 0) queue.kevent(null, 1)
