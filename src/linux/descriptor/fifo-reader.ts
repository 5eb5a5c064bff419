/**
 * EVFILT_WRITE with EV_CLEAR of a fifo that nobody reads. To Linux the next reader is no
 * edge, but inotify tells of every opening (`pipe-reads.ts`). It is asked to only from the
 * report that the reader is gone until there is one again.
 */
import { attempt } from '../../core/failure.js'
import { POLLERR } from '../hub/native.js'
import type { PipeWatch } from './pipe-reads.js'
import type { WriteSide } from './write-side.js'

/** The wait for the next reader of a fifo. */
export class NextReader implements PipeWatch {
  constructor(readonly side: WriteSide) {}

  get fd(): number {
    return this.side.descriptor.fd
  }

  /** Whether it can be had. */
  begin(): boolean {
    return attempt(() => this.side.descriptor.hub.pipeReads)?.add(this) ?? false
  }

  end(): void {
    this.side.nextReader = null
    this.side.descriptor.hub.pipeReads.remove(this)
  }

  /** Somebody has opened the fifo, perhaps to read. */
  look(): void {
    const { side } = this
    const [kn] = side
    if (kn === undefined || !side.askAgain(kn) || side.events & POLLERR) return
    this.end()
    side.edge()
  }
}
