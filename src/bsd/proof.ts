/**
 * Whether a number still is the descriptor of a queue: an event that nobody else knows is in
 * it. It never happens.
 */
import { EV_ADD, EV_DISABLE, EVFILT_USER } from '../event.js'
import { DATA, FFLAGS, FILTER, FLAGS, IDENT, type Native, RECORD } from './native.js'
import type { Translation } from './translation.js'

/** In ms; some 24 days, which a kernel with few bits takes. */
const LONG = 2 ** 31 - 1

export class Proof {
  readonly #record = new Float64Array(RECORD)

  constructor(
    readonly native: Native,
    readonly fd: number,
    translation: Translation,
  ) {
    const user = translation.has(EVFILT_USER)
    const { filters } = translation.vocabulary
    const { EVFILT_USER: userFilter = 0, EVFILT_TIMER: timerFilter = 0 } = filters
    const record = this.#record
    record[IDENT] = Math.floor(Math.random() * 2 ** 50) + 2 ** 50
    record[FILTER] = user ? userFilter : timerFilter
    record[DATA] = user ? 0 : LONG
    record[FFLAGS] = 0
    record[FLAGS] = user ? EV_ADD : EV_ADD | EV_DISABLE
    this.native.change(fd, record)
    // A change without an action; a disabled timer stays so.
    record[FLAGS] = user ? 0 : EV_DISABLE
  }

  /** Whether the number is that queue; another queue does not have the event. */
  holds(): boolean {
    return this.native.change(this.fd, this.#record) === 0
  }
}
