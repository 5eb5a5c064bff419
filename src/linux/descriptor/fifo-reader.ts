/**
 * EVFILT_WRITE with EV_CLEAR of a fifo that nobody reads. To Linux the next reader is no
 * edge, but inotify tells of every opening (`pipe-reads.ts`). It is asked to only from the
 * report that the reader is gone until there is one again.
 */
import type { Knote } from '../../core/knote.js'
import { EV_CLEAR, EV_EOF } from '../../event.js'
import { POLLERR } from '../hub/native.js'
import { writable } from './level.js'
import type { PipeWatch } from './pipe-reads.js'
import type { PollSide } from './poll-side.js'

/** The wait for the next reader of a fifo. */
export class NextReader implements PipeWatch {
  constructor(readonly side: PollSide) {}

  get fd(): number {
    return this.side.descriptor.fd
  }

  /** Whether it can be had. */
  begin(): boolean {
    return this.side.descriptor.hub.pipeReads.add(this)
  }

  end(): void {
    this.side.nextReader = null
    this.side.descriptor.hub.pipeReads.remove(this)
  }

  /** Somebody has opened the fifo, perhaps to read. */
  look(): void {
    const { side } = this
    const [kn] = side.list
    if (kn === undefined || !side.askAgain(kn) || side.events & POLLERR) return
    this.end()
    side.edge()
  }
}

/** Whether a write side has something to report; sees to it that the next reader is noticed. */
export function writableSide(kn: Knote, side: PollSide): boolean {
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
