/**
 * A side of a descriptor whose file epoll takes: the edge comes from epoll, the level is asked
 * when the machine asks. Of the side that is
 * written to see also `write-side.ts`.
 */
import { readFileSync } from 'node:fs'
import { type FilterOps, HINT_HAPPENED } from '../../core/filter.js'
import { asked } from '../../core/filters/file.js'
import type { Origin } from '../../core/image.js'
import { Knlist } from '../../core/knlist.js'
import type { Knote } from '../../core/knote.js'
import { COUNT_UNKNOWN, REC_STALE, SIDE_READ, TRUSTED } from '../hub/native.js'
import type { PollSet } from '../hub/pollset.js'
import type { Descriptor } from './descriptor.js'
import type { Side } from './file-side.js'
import { type Level, readable, urgent } from './level.js'

/** What /proc says that some files are. */
const EVENTFD = 'anon_inode:[eventfd]'
const TIMERFD = 'anon_inode:[timerfd]'

// Marks of a side.
/**
 * epoll reports a new file that is ready at the next wait. Until it has spoken once there is
 * nothing to ask.
 */
const QUIET = 1
/** There is a knote of a queue that does not trust. */
const DOUBTED = 2
/** Above this is REC_DRAINS. */
const DRAINS = 2

/** A side of a file that epoll takes. Small, since there is one for each descriptor. */
export class PollSide extends Knlist implements Side, Level {
  events = 0
  count = 0
  error = 0
  /** The scan for which the level holds, 0 for none; see `DescriptorTable.pass`. */
  pass = 0
  #marks = QUIET

  constructor(
    readonly descriptor: Descriptor,
    readonly set: PollSet,
    readonly generation: number,
  ) {
    super()
    const handed = set.claim(descriptor.fd)
    if (handed === undefined) return
    this.events = handed.events
    this.error = handed.error
    // It has spoken to the process that handed it over.
    this.hear()
  }

  get ops(): FilterOps {
    return this.set.side === SIDE_READ ? readFilter : exceptFilter
  }

  /** Its generation, without TRUSTED if there is a knote of a queue that does not trust. */
  get asked(): number {
    return this.#marks & DOUBTED ? this.generation & ~TRUSTED : this.generation
  }

  /** Whether a count of 0 says that there is nothing; see REC_DRAINS. */
  get drains(): number {
    return this.#marks >> DRAINS
  }

  set drains(drains: number) {
    this.#marks = (this.#marks & (QUIET | DOUBTED)) | (drains << DRAINS)
  }

  /** The number names another file. */
  get stale(): boolean {
    return (this.events & REC_STALE) !== 0
  }

  attach(kn: Knote, ops = this.ops): void {
    // A file that epoll has already reported to others does not come again.
    if (!this.empty) this.hear()
    if (!kn.kq.trusting) this.#marks |= DOUBTED
    kn.hook = this
    kn.ops = ops
    this.add(kn)
  }

  image(_kn: Knote): number | null {
    return null
  }

  restored(kn: Knote, _state: unknown, origin: Origin): void {
    if (origin.handed) return
    this.hear()
    asked(kn, origin)
  }

  detach(kn: Knote): void {
    this.remove(kn)
    if (!this.empty) return
    this.set.remove(this.descriptor.fd)
    this.descriptor.closeSide(this)
  }

  /** Asks from now on, whether epoll has spoken or not. */
  hear(): void {
    this.#marks &= ~QUIET
  }

  /** epoll reported an edge. Hot path. */
  edge(): void {
    this.hear()
    this.note(HINT_HAPPENED)
  }

  /** Brings the level up to date; whether there can be anything to report. Hot path. */
  ask(kn: Knote): boolean {
    if (this.#marks & QUIET) return false
    const { descriptors } = this.descriptor.hub
    if (this.pass !== descriptors.pass) descriptors.askLevels(kn, this)
    if (this.stale) {
      this.descriptor.gone()
      return false
    }
    if (this.count === COUNT_UNKNOWN) this.count = uncounted(this)
    return true
  }

  /** Brings the level up to date though it was asked in this scan. */
  askAgain(kn: Knote): boolean {
    this.pass = 0
    return this.ask(kn)
  }

  same(): boolean {
    return this.set.holds(this.descriptor.fd, this.generation)
  }
}

/** The count of files for which FIONREAD has none. */
function uncounted({ descriptor, set }: PollSide): number {
  const { fd, link } = descriptor
  const reading = set.side === SIDE_READ
  if (link === EVENTFD) {
    const counter = fdinfo(fd, /^eventfd-count:\s*([0-9a-f]+)/m, 16)
    return reading ? counter : Math.min(Number.MAX_SAFE_INTEGER, 2 ** 64 - 2 - counter)
  }
  return reading && link === TIMERFD ? fdinfo(fd, /^ticks:\s*(\d+)/m, 10) : 0
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

const readFilter = pollFilter((kn, side) => readable(kn, side, side.descriptor))
const exceptFilter = pollFilter(urgent)
