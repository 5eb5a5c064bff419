/**
 * A side of a descriptor whose file epoll takes: the edge comes from epoll, the level is asked
 * when the machine asks. Its filters are EVFILT_READ, EVFILT_WRITE and EVFILT_EXCEPT.
 */
import { readFileSync } from 'node:fs'
import { type FilterOps, HINT_HAPPENED } from '../../core/filter.js'
import { asked } from '../../core/filters/file.js'
import type { Origin } from '../../core/image.js'
import { whole } from '../../core/image-check.js'
import { Knlist } from '../../core/knlist.js'
import type { Knote } from '../../core/knote.js'
import { EVFILT_EMPTY, EVFILT_WRITE } from '../../event.js'
import { COUNT_UNKNOWN, SIDE_READ, TRUSTED } from '../hub/native.js'
import type { PollSet } from '../hub/pollset.js'
import type { Descriptor } from './descriptor.js'
import type { Drain } from './empty.js'
import { type NextReader, writableSide } from './fifo-reader.js'
import type { Side } from './file-side.js'
import { type Level, readable, urgent } from './level.js'

/** What /proc says that some files are. */
const EVENTFD = 'anon_inode:[eventfd]'
const TIMERFD = 'anon_inode:[timerfd]'

/** A side of a file that epoll takes. */
export class PollSide implements Side, Level {
  readonly list = new Knlist()
  events = 0
  count = 0
  error = 0
  /** The scan for which the level holds, 0 for none; see `DescriptorTable.pass`. */
  pass = 0
  stale = false
  /** Its generation, without TRUSTED if there is a knote of a queue that does not trust. */
  asked: number
  /** Whether a count of 0 says that there is nothing; see REC_DRAINS. */
  drains = 0
  /** For those who wait until all was taken: of a write side. */
  drain: Drain | null = null
  /** The wait for somebody who reads a fifo: of a write side. */
  nextReader: NextReader | null = null
  // epoll reports a new file that is ready at the next wait. Until it has spoken
  // once there is nothing to ask.
  #quiet = true

  constructor(
    readonly descriptor: Descriptor,
    readonly set: PollSet,
    readonly generation: number,
    readonly ops: FilterOps = pollFilters[set.side]!,
  ) {
    this.asked = generation
    const handed = set.claim(descriptor.fd)
    if (handed === undefined) return
    this.events = handed.events
    this.error = handed.error
    // It has spoken to the process that handed it over.
    this.#quiet = false
  }

  attach(kn: Knote, ops = this.ops): void {
    // A file that epoll has already reported to others does not come again, and of a
    // buffer that is empty it does not tell.
    if (!this.list.empty || kn.filter === EVFILT_EMPTY) this.#quiet = false
    if (!kn.kq.trusting) this.asked &= ~TRUSTED
    kn.hook = this
    kn.ops = ops
    this.list.add(kn)
  }

  image(kn: Knote): number | null {
    return kn.filter === EVFILT_EMPTY ? (this.drain?.mark ?? null) : null
  }

  restored(kn: Knote, state: unknown, origin: Origin): void {
    if (!origin.handed) {
      this.#quiet = false
      asked(kn, origin)
    } else if (kn.filter === EVFILT_EMPTY && state !== null) {
      this.drain?.recall(whole(state, 'state', -1, Number.MAX_SAFE_INTEGER))
    }
    // Who waits for the next reader of a fifo is noticed when it is asked.
    else if (kn.filter === EVFILT_WRITE) kn.ops.event(kn, 0)
  }

  detach(kn: Knote): void {
    this.list.remove(kn)
    if (!this.list.empty) return
    this.nextReader?.end()
    this.set.remove(this.descriptor.fd)
    this.descriptor.closeSide(this)
  }

  /** epoll reported an edge. Hot path. */
  edge(): void {
    this.#quiet = false
    this.list.note(HINT_HAPPENED)
  }

  /** Brings the level up to date; whether there can be anything to report. Hot path. */
  ask(kn: Knote): boolean {
    if (this.#quiet) return false
    const { descriptors } = this.descriptor.hub
    if (this.pass !== descriptors.pass) descriptors.askLevels(kn, this)
    if (this.stale) {
      this.descriptor.gone()
      return false
    }
    if (this.count === COUNT_UNKNOWN) this.count = this.#uncounted()
    return true
  }

  /** Brings the level up to date though it was asked in this scan. */
  askAgain(kn: Knote): boolean {
    this.pass = 0
    return this.ask(kn)
  }

  /** The count of files for which FIONREAD has none. */
  #uncounted(): number {
    const { fd, link } = this.descriptor
    const reading = this.set.side === SIDE_READ
    if (link === EVENTFD) {
      const counter = fdinfo(fd, /^eventfd-count:\s*([0-9a-f]+)/m, 16)
      return reading ? counter : Math.min(Number.MAX_SAFE_INTEGER, 2 ** 64 - 2 - counter)
    }
    return reading && link === TIMERFD ? fdinfo(fd, /^ticks:\s*(\d+)/m, 10) : 0
  }

  same(): boolean {
    return this.set.holds(this.descriptor.fd, this.generation)
  }

  clear(): void {
    this.list.clear()
  }
}

/** What fdinfo says of a descriptor, proc(5); 1 when there is no descriptor free to ask. */
function fdinfo(fd: number, field: RegExp, radix: number): number {
  try {
    const found = field.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))
    return Number.parseInt(found?.[1] ?? '0', radix)
  } catch {
    return 1
  }
}

/**
 * Whether an edge is enough to put a knote among those that are asked at scan. Not where
 * another queue counts them: it reports the number, and an edge may be of nothing.
 */
export function isEnough({ kq }: Knote): boolean {
  return kq.watchers.empty
}

/** A filter for which an edge is a rumour: what the level of a side means. */
export function pollFilter(holds: (kn: Knote, side: PollSide) => boolean): FilterOps {
  return {
    isFd: true,
    attach: () => 0,
    detach: (kn) => (kn.hook as PollSide).detach(kn),
    event(kn, hint) {
      if (hint !== 0 && (hint !== HINT_HAPPENED || isEnough(kn))) return hint === HINT_HAPPENED
      const side = kn.hook as PollSide
      return side.ask(kn) && holds(kn, side)
    },
  }
}

/** By side: SIDE_READ, SIDE_WRITE, SIDE_EXCEPT. */
const pollFilters = [
  pollFilter((kn, side) => readable(kn, side, side.descriptor)),
  pollFilter(writableSide),
  pollFilter(urgent),
]
