/** The side of a descriptor that is written to, where epoll takes its file: EVFILT_WRITE, EVFILT_EMPTY. */
import type { FilterOps } from '../../core/filter.js'
import type { Origin } from '../../core/image.js'
import { whole } from '../../core/image-check.js'
import type { Knote } from '../../core/knote.js'
import { EV_CLEAR, EV_EOF, EVFILT_EMPTY } from '../../event.js'
import type { Drain } from './empty.js'
import { NextReader } from './fifo-reader.js'
import { writable } from './level.js'
import { PollSide, pollFilter } from './poll-side.js'

export class WriteSide extends PollSide {
  /** For those who wait until all was taken. */
  drain: Drain | null = null
  /** The wait for somebody who reads a fifo. */
  nextReader: NextReader | null = null

  override get ops(): FilterOps {
    return writeFilter
  }

  override attach(kn: Knote, ops?: FilterOps): void {
    super.attach(kn, ops)
    // Of a buffer that is empty epoll does not tell.
    if (kn.filter === EVFILT_EMPTY) this.hear()
  }

  override image(kn: Knote): number | null {
    return kn.filter === EVFILT_EMPTY ? (this.drain?.mark ?? null) : null
  }

  override restored(kn: Knote, state: unknown, origin: Origin): void {
    if (!origin.handed) super.restored(kn, state, origin)
    // Who waits for the next reader of a fifo is noticed when it is asked.
    else if (kn.filter !== EVFILT_EMPTY) kn.ops.event(kn, 0)
    else if (state !== null) {
      this.drain?.recall(whole(state, 'state', -1, Number.MAX_SAFE_INTEGER))
    }
  }

  override detach(kn: Knote): void {
    super.detach(kn)
    if (this.empty) this.nextReader?.end()
  }
}

/** Whether a write side has something to report; sees to it that the next reader is noticed. */
function holds(kn: Knote, side: WriteSide): boolean {
  const { descriptor } = side
  const holds = writable(kn, side, descriptor)
  if ((kn.flags & (EV_CLEAR | EV_EOF)) !== (EV_CLEAR | EV_EOF)) return holds
  if (side.nextReader !== null || !descriptor.isFifo || descriptor.isPipe) return holds
  const nextReader = new NextReader(side)
  if (!nextReader.begin()) return holds
  side.nextReader = nextReader
  // One that came before inotify was asked has not been told of.
  return side.askAgain(kn) && writable(kn, side, descriptor)
}

const writeFilter = pollFilter((kn, side) => holds(kn, side as WriteSide))
