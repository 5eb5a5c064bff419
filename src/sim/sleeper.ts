/** A program that sleeps in kevent(2), until there are events or its time is over. */
import { Callout } from '../core/callout.js'
import type { Kevent } from '../event.js'
import type { SimProcess } from './process.js'
import type { SimQueue } from './queue.js'

/** The end of a sleeper's time. */
export class SleeperTimeout extends Callout {
  constructor(readonly sleeper: Sleeper) {
    super()
  }

  override call(): void {
    const { sleeper } = this
    const { kq } = sleeper
    // In a turn, so that what happens at the same time comes before the end.
    kq.kernel.scheduler.enqueue(null, () => {
      kq.serve()
      sleeper.finish([])
    })
  }
}

export class Sleeper {
  readonly timer = new SleeperTimeout(this)
  #settled = false

  constructor(
    readonly kq: SimQueue,
    readonly max: number,
    readonly resolve: (events: Kevent[]) => void,
    readonly reject: (reason: unknown) => void,
  ) {}

  get process(): SimProcess {
    return this.kq.process
  }

  /** Ends the sleep: the program goes on when its turn comes. */
  finish(events: Kevent[]): void {
    if (!this.leave()) return
    const { scheduler } = this.kq.kernel
    scheduler.enqueue(this.process, () => this.resolve(events))
  }

  /** Ends the sleep with an error. */
  fail(reason: unknown): void {
    if (!this.leave()) return
    const { scheduler } = this.kq.kernel
    scheduler.enqueue(this.process, () => this.reject(reason))
  }

  /** Takes the sleeper off its queue; whether it was still asleep. */
  leave(): boolean {
    if (this.#settled) return false
    this.#settled = true
    const { sleepers, kernel } = this.kq
    const index = sleepers.indexOf(this)
    if (index !== -1) sleepers.splice(index, 1)
    kernel.callouts.cancel(this.timer)
    return true
  }
}
