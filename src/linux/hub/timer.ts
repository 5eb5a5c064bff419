/** The timerfd of a thread, which fires when its first callout is due. timerfd_create(2). */
import type { Native } from './native.js'

export class Timer {
  /** When it will fire, Infinity when it is not set. */
  #armed = Number.POSITIVE_INFINITY

  constructor(
    readonly native: Native,
    readonly fd: number,
  ) {}

  /** Fires at `next` ns of the uptime, or never for Infinity. Hot path. */
  arm(next: number): void {
    if (next === this.#armed) return
    this.#armed = next
    if (next === Number.POSITIVE_INFINITY) {
      this.native.timerfdSet(this.fd, 0, 0)
      return
    }
    const delay = Math.max(1, next - this.native.monotonic())
    this.native.timerfdSet(this.fd, Math.floor(delay / 1e9), Math.floor(delay % 1e9))
  }
}
