/** What a process does when signals come, and how often they did: `struct sigacts`. */
import { wrongType } from '../core/copyin.js'
import { EINVAL, fail } from '../errors.js'
import { type Action, catchable, type Disposition, defaultAction, SIGNALS } from './signals.js'

type Handler = (signal: number) => void

export class SignalActions {
  readonly #dispositions: Map<number, Disposition>
  readonly #counts = new Map<number, number>()

  /** @param parent whose dispositions a child begins with */
  constructor(parent: SignalActions | undefined) {
    this.#dispositions = new Map(parent === undefined ? [] : parent.#dispositions)
  }

  /** How often a signal came. */
  count(signal: number): number {
    return this.#counts.get(signal) ?? 0
  }

  arrived(signal: number): void {
    this.#counts.set(signal, this.count(signal) + 1)
  }

  get(signal: number): Disposition {
    return this.#dispositions.get(signal) ?? 'default'
  }

  /** @throws KqueueError EINVAL SIGKILL or SIGSTOP; TypeError */
  set(signal: number, disposition: Disposition): void {
    const words = disposition === 'default' || disposition === 'ignore'
    if (!words && typeof disposition !== 'function') {
      throw wrongType('disposition', `'default', 'ignore' or a function`, disposition)
    }
    if (!catchable(signal)) {
      const name = signal === SIGNALS.SIGKILL ? 'SIGKILL' : 'SIGSTOP'
      fail(EINVAL, 'sigaction', `${name} is as it is`)
    }
    this.#dispositions.set(signal, disposition)
  }

  /** What is to be done now that a signal has come. */
  next(signal: number): Action | Handler {
    const disposition = this.get(signal)
    return disposition === 'default' ? defaultAction(signal) : disposition
  }

  /** Another program has none of the handlers: execsigs. */
  forgetHandlers(): void {
    for (const [signal, disposition] of this.#dispositions) {
      if (typeof disposition === 'function') this.#dispositions.delete(signal)
    }
  }
}
