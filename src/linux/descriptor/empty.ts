/**
 * EVFILT_EMPTY on Linux: all that was written to a socket or a pipe has been taken.
 *
 * The knotes are on the write side of their descriptor, whose edges tell that there is
 * room. That a buffer has become empty Linux does not tell, so it is looked at
 *
 * - at each edge for writing, which Unix and datagram sockets have whenever something was
 *   taken, and TCP sockets only when they were full;
 * - of a pipe, at each read, which inotify tells (`pipe-reads.ts`);
 * - and after a while, as long as there is something in it and somebody wants to know:
 *   after 1 ms, then 2, 4 and so on, at last every 50 ms.
 *
 * With EV_CLEAR also what is empty is looked at, if no edge would tell that it was filled
 * and has drained again. TCP counts what was taken, so that no such time is missed.
 */
import { Callout } from '../../core/callout.js'
import { type FilterOps, HINT_HAPPENED } from '../../core/filter.js'
import { KN_DISABLED, type Knote } from '../../core/knote.js'
import { EV_CLEAR, EV_EOF, EVFILT_EMPTY } from '../../event.js'
import { OUTPUT_PIPE, OUTPUT_STREAM, OUTPUT_WRONG_END } from '../hub/native.js'
import { drained } from './level.js'
import type { PipeWatch } from './pipe-reads.js'
import { isEnough } from './poll-side.js'
import type { WriteSide } from './write-side.js'

/** The hint that the buffer was found empty; for none but these knotes. */
const HINT_DRAINED = 2

/** The first look comes after so many ns, and each after twice the time of the one before, */
const FIRST = 1e6
/** up to this. */
const LONGEST = 50e6

/** The watch of one descriptor's buffer, as long as there are knotes for it. */
export class Drain extends Callout implements PipeWatch {
  /** Knotes that it is there for. */
  knotes = 0
  #interval = FIRST
  /** Whether it can drain without an edge. */
  readonly #isSilent: boolean
  readonly #isPipe: boolean
  /** It was empty and reported when so many bytes had been taken, -1 when it was not. */
  #reportedAt = -1

  constructor(
    readonly side: WriteSide,
    kind: number,
  ) {
    super()
    this.#isPipe = kind === OUTPUT_PIPE
    const readsAreTold = this.#isPipe && side.descriptor.hub.pipeReads.add(this)
    this.#isSilent = kind === OUTPUT_STREAM || (this.#isPipe && !readsAreTold)
  }

  get fd(): number {
    return this.side.descriptor.fd
  }

  get queued(): number {
    return this.side.descriptor.hub.native.outputQueued(this.fd)
  }

  /** How much was taken in all, as far as that is needed. */
  get taken(): number {
    const { hub, fd } = this.side.descriptor
    return this.#isSilent ? hub.native.outputTaken(fd) : 0
  }

  /** For a copy: how much had been taken when it was empty, -1 when it is not. */
  get mark(): number {
    if (this.#isSilent) return this.#reportedAt
    return this.queued > 0 ? -1 : 0
  }

  /** Goes on as for the original of a copy. */
  recall(mark: number): void {
    if (mark === -1 || (this.#isPipe && !this.side.descriptor.hub.pipeReads.handed)) {
      this.wait()
    } else if (this.#isSilent) {
      this.#reportedAt = mark
      this.#lookIn(FIRST)
    }
  }

  /** There is something in the buffer: looks again later. */
  wait(): void {
    if (this.scheduled && this.#reportedAt === -1) return
    this.#reportedAt = -1
    this.#lookIn(FIRST)
  }

  /** The buffer is empty, which is reported to this knote. */
  reported(kn: Knote, taken: number): void {
    const { callouts } = this.side.descriptor.hub
    if (this.#isSilent && (kn.flags & (EV_CLEAR | EV_EOF)) === EV_CLEAR) {
      this.#reportedAt = taken
      if (!this.scheduled) this.#lookIn(FIRST)
    } else if (this.#reportedAt === -1) {
      callouts.cancel(this)
    }
  }

  #lookIn(interval: number): void {
    const { hub } = this.side.descriptor
    this.#interval = interval
    hub.schedule(this, hub.uptime() + interval)
  }

  override call(): void {
    const { side } = this
    if (!this.#wanted()) return
    if (!side.same()) {
      side.descriptor.gone()
      return
    }
    const { taken } = this
    if (this.queued > 0) this.#reportedAt = -1
    else if (taken !== this.#reportedAt) {
      this.#note()
      return
    }
    this.#lookIn(Math.min(2 * this.#interval, LONGEST))
  }

  /** Something was taken: notes the knotes if the buffer is empty now. */
  look(): void {
    if (this.queued <= 0) this.#note()
  }

  #note(): void {
    this.#reportedAt = -1
    this.side.note(HINT_DRAINED)
  }

  #wanted(): boolean {
    for (const kn of this.side) {
      if (kn.filter === EVFILT_EMPTY && (kn.status & KN_DISABLED) === 0) return true
    }
    return false
  }

  end(): void {
    const { hub } = this.side.descriptor
    hub.callouts.cancel(this)
    if (this.#isPipe) hub.pipeReads.remove(this)
  }
}

/** Attaches a knote to a write side. */
export function watchEmpty(kn: Knote, side: WriteSide, kind: number): void {
  if (kind === OUTPUT_WRONG_END) {
    side.attach(kn, neverFilter)
    return
  }
  side.drain ??= new Drain(side, kind)
  side.drain.knotes++
  side.attach(kn, emptyFilter)
}

const emptyFilter: FilterOps = {
  isFd: true,
  attach: () => 0,

  detach(kn) {
    const side = kn.hook as WriteSide
    const { drain } = side
    side.detach(kn)
    if (drain === null || --drain.knotes > 0) return
    drain.end()
    side.drain = null
  },

  event(kn, hint) {
    if (hint !== 0 && (hint !== HINT_HAPPENED || isEnough(kn))) return true
    const side = kn.hook as WriteSide
    if (!side.ask(kn)) return false
    const drain = side.drain!
    // Before what is left, so that nothing that drains in between is overlooked.
    const { taken } = drain
    const empty = drained(kn, side, side.descriptor, drain.queued)
    if (empty) drain.reported(kn, taken)
    else drain.wait()
    return empty
  },
}

/** The reading end of a pipe: FreeBSD's filt_pipenotsup. */
const neverFilter: FilterOps = {
  isFd: true,
  attach: () => 0,
  detach: (kn) => (kn.hook as WriteSide).detach(kn),
  event: () => false,
}
