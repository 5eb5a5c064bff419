/**
 * A side of a descriptor whose file epoll takes: the edge comes from epoll, the level is asked
 * when the machine asks, or comes from epoll as well where it was drained before. Of the side
 * that is written to see also `write-side.ts`.
 */
import { readFileSync } from 'node:fs'
import { type FilterOps, HINT_HAPPENED } from '../../core/filter.js'
import { asked } from '../../core/filters/file.js'
import type { Origin } from '../../core/image.js'
import { Knlist } from '../../core/knlist.js'
import { KN_ACTIVE, KN_DISABLED, type Knote } from '../../core/knote.js'
import { EV_CLEAR, EV_DISABLE, EV_DISPATCH, EV_ONESHOT } from '../../event.js'
import { COUNT_UNKNOWN, REC_STALE, SIDE_READ, TRUSTED } from '../hub/native.js'
import type { PollSet } from '../hub/pollset.js'
import type { Descriptor } from './descriptor.js'
import { type Level, readable, urgent } from './level.js'
import type { Side } from './side.js'

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
/** epoll reports it as long as it is ready; see `drained`. */
const LEVEL = 4
/** What a change is about to ask has been asked; see `Ahead`. */
const AHEAD = 8
/** Above this are the two bits of REC_DRAINS, */
const DRAINS = 4
/** and above this, how many more times it is to be drained before it is LEVEL. */
const DUE = 6
/** So many times at first, */
const DUE_FIRST = 2
/** and so many after it was LEVEL and not drained. */
const DUE_AGAIN = 32
/** Of knotes that are off the queue when they were handed out. */
const ONCE = EV_CLEAR | EV_DISPATCH | EV_ONESHOT
/** Of a file that was just added. */
const FRESH = QUIET | (DUE_FIRST << DUE)

/** A side of a file that epoll takes. Small, since there is one for each descriptor. */
export class PollSide extends Knlist implements Side, Level {
  events = 0
  count = 0
  error = 0
  /** The scan for which the level holds, 0 for none; see `DescriptorTable.pass`. */
  pass = 0
  #marks = FRESH

  constructor(
    readonly descriptor: Descriptor,
    readonly set: PollSet,
    public generation: number,
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
    return (this.#marks >> DRAINS) & 3
  }

  set drains(drains: number) {
    this.#marks = (this.#marks & ~(3 << DRAINS)) | (drains << DRAINS)
  }

  /** Whether each wait tells if it is ready, so that it need not be asked. Hot path. */
  get isLevel(): boolean {
    return (this.#marks & LEVEL) !== 0
  }

  /**
   * There was nothing left when it was asked. Of what its program drains whenever it is
   * told of it, epoll can say so itself: a wait reports it or does not, and spares asking. Of
   * what is left as it is, that would end each sleep of the thread, so that it is at its edges
   * only that this is reported again: see `edge`. So is what is off the queue when it was
   * handed out, or is disabled, for which the queue is not to be readable.
   */
  drained(): void {
    if (this.isLevel) return
    this.#marks -= 1 << DUE
    if (this.#marks >> DUE > 0) return
    this.#marks |= DUE_AGAIN << DUE
    const { descriptor, set, generation, first } = this
    if (set.side !== SIDE_READ || set.isNested(descriptor.fd)) return
    if (first === null || first.listNext !== null || first.flags & ONCE) return
    if (first.status & KN_DISABLED) return
    if (set.levelTrigger(descriptor.fd, generation, true)) this.#marks |= LEVEL
  }

  /** Is reported at its edges only. */
  edgeTrigger(): void {
    if (!this.isLevel) return
    this.#marks &= ~LEVEL
    this.set.levelTrigger(this.descriptor.fd, this.generation, false)
  }

  /** The number names another file. */
  get stale(): boolean {
    return (this.events & REC_STALE) !== 0
  }

  attach(kn: Knote, ops = this.ops): void {
    // A file that epoll has already reported to others does not come again.
    if (!this.empty) this.hear()
    this.edgeTrigger()
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
    // Parked it would be reported until somebody looks.
    if (this.set.remove(this.descriptor.fd, !this.isLevel)) this.descriptor.idle()
    else this.descriptor.closeSide(this)
  }

  /** Whether it was found out in advance that the number is its file, which holds once. */
  get ahead(): boolean {
    return (this.#marks & AHEAD) !== 0
  }

  set ahead(ahead: boolean) {
    this.#marks = ahead ? this.#marks | AHEAD : this.#marks & ~AHEAD
  }

  /** Whether it is parked: its file is in the set still, but nobody watches it. */
  get parked(): boolean {
    return this.empty && this.set.parks
  }

  /** Is as new for what the number names now, which was added under `generation`. */
  renew(generation: number): this {
    this.generation = generation
    this.events = this.count = this.error = this.pass = 0
    this.#marks = FRESH
    return this
  }

  /** Asks from now on, whether epoll has spoken or not. */
  hear(): void {
    this.#marks &= ~QUIET
  }

  /** epoll reported an edge, or that it is ready. Hot path. */
  edge(): void {
    this.hear()
    // What was told of it before has not been taken, or not by whom it was told.
    if (this.isLevel && this.first!.status & KN_ACTIVE) this.edgeTrigger()
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

  /** There is something, and not enough for its knote, which would end each sleep as well. */
  missed(): false {
    if (this.events !== 0) this.edgeTrigger()
    return false
  }

  /** Brings the level up to date though it was asked in this scan. */
  askAgain(kn: Knote): boolean {
    this.pass = 0
    return this.ask(kn)
  }

  same(): boolean {
    if (this.ahead) {
      this.ahead = false
      return true
    }
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
    modify(kn, { flags }) {
      if (flags & EV_DISABLE) (kn.hook as PollSide).edgeTrigger()
      return 0
    },
    event(kn, hint) {
      if (hint !== 0 && (hint !== HINT_HAPPENED || isEnough(kn))) return hint === HINT_HAPPENED
      const side = kn.hook as PollSide
      return side.ask(kn) && holds(kn, side)
    },
  }
}

const readFilter = pollFilter((kn, side) => readable(kn, side, side.descriptor) || side.missed())
const exceptFilter = pollFilter(urgent)
