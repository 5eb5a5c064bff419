/**
 * A queue of the simulated kernel: the machine's queue as an open file, with the ways
 * to wait for it: at once, moving the virtual clock, or as a program that sleeps.
 */

import { type GivenTimeout, nanoseconds } from '../core/copyin.js'
import { EventArray } from '../core/event-list.js'
import { applyChanges } from '../core/kevent.js'
import { Kqueue } from '../core/kqueue.js'
import { EBADF, EDEADLK, EINVAL, ESPIPE, KqueueError } from '../errors.js'
import {
  type EventSink,
  type Kevent,
  KQUEUE_CPONFORK,
  KQUEUE_CPONFORKFD,
  KQUEUE_CPONFORKNONFD,
} from '../event.js'
import type { SimFile } from './file.js'
import type { SimKernel } from './kernel.js'
import type { SimProcess } from './process.js'
import { Sleeper } from './sleeper.js'

const COPIED = KQUEUE_CPONFORK | KQUEUE_CPONFORKFD | KQUEUE_CPONFORKNONFD

export class SimQueue extends Kqueue implements SimFile {
  references = 0
  declare readonly kernel: SimKernel
  /** Who sleeps for events, in the order in which they came. */
  readonly sleepers: Sleeper[] = []
  /** A turn to serve the sleepers has been asked for. */
  serving = false

  /** @param flags KQUEUE_* */
  constructor(
    readonly process: SimProcess,
    readonly flags: number,
  ) {
    super(process.kernel, process.descriptors)
  }

  get copiedOnFork(): boolean {
    return (this.flags & COPIED) !== 0
  }

  /**
   * kevent(2): applies the changes and hands out at most `max` events, sleeping for at
   * most `timeout` ns (-1 for ever) by moving the virtual clock from callout to callout.
   * Answers the number of events.
   * @throws KqueueError EDEADLK to sleep for ever, and nothing can end it; the error of a change
   */
  kevent(
    changes: readonly Kevent[],
    n: number,
    sink: EventSink,
    max: number,
    timeout: GivenTimeout,
  ): number {
    const errors = n === 0 ? 0 : applyChanges(this, changes, n, sink, max)
    return errors > 0 || max === 0 ? errors : this.#block(sink, max, nanoseconds(timeout))
  }

  #block(sink: EventSink, max: number, timeout: number): number {
    const { kernel } = this
    const deadline = timeout < 0 ? Number.POSITIVE_INFINITY : kernel.uptime() + timeout
    kernel.runDue()
    for (;;) {
      const events = this.count === 0 ? 0 : this.scan(sink, max)
      if (events > 0) return events
      this.#assertOpen()
      if (kernel.callouts.next > deadline || timeout === 0) {
        kernel.moveTo(deadline)
        return 0
      }
      if (deadline === Number.POSITIVE_INFINITY && !kernel.canWake(this)) throw deadlock()
      kernel.step(deadline)
    }
  }

  /** kevent(2) for a program: what `kevent` answers, but other programs run meanwhile. */
  sleep(
    changes: readonly Kevent[],
    n: number,
    max: number,
    timeout: GivenTimeout,
  ): Promise<Kevent[]> {
    const { kernel, process } = this
    const sink = new EventArray()
    const errors = n === 0 ? 0 : applyChanges(this, changes, n, sink, max)
    const ns = errors > 0 || max === 0 ? 0 : nanoseconds(timeout)
    return new Promise((resolve, reject) => {
      const sleeper = new Sleeper(this, max, resolve, reject)
      kernel.scheduler.yielded(process)
      if (errors > 0 || max === 0) {
        sleeper.finish(sink.events)
        return
      }
      this.sleepers.push(sleeper)
      if (ns >= 0) kernel.schedule(sleeper.timer, kernel.uptime() + ns)
      if (this.count > 0) kernel.wakeup(this)
    })
  }

  /** Gives those who sleep their events, who came first first. */
  serve(): void {
    let samePass = false
    for (const sleeper of [...this.sleepers]) {
      if (this.count === 0) return
      if (sleeper.process.stopped) continue
      const sink = new EventArray()
      try {
        this.scan(sink, sleeper.max, samePass)
      } catch (error) {
        sleeper.fail(error)
      }
      samePass = true
      if (sink.events.length > 0) sleeper.finish(sink.events)
    }
  }

  /** Whether what happens in `other` can be an event here. */
  hears(other: Kqueue): boolean {
    return other === this || this.reaches(other)
  }

  #assertOpen(): void {
    if (this.closed) throw new KqueueError(EBADF, 'kevent', { reason: 'the kqueue was closed' })
  }

  // The queue as an open file

  read(): Uint8Array {
    throw new KqueueError(EINVAL, 'read', { reason: 'a kqueue cannot be read' })
  }

  write(): number {
    throw new KqueueError(EINVAL, 'write', { reason: 'a kqueue cannot be written' })
  }

  seek(): number {
    throw new KqueueError(ESPIPE, 'lseek')
  }

  truncate(): void {
    throw new KqueueError(EINVAL, 'ftruncate')
  }

  fhold(): void {
    this.references++
  }

  fdrop(): void {
    this.references--
    if (this.references === 0) this.release()
  }

  /** The last descriptor was closed: ends who sleeps with EBADF. */
  release(): void {
    this.close()
    for (const sleeper of [...this.sleepers]) {
      sleeper.fail(new KqueueError(EBADF, 'kevent', { reason: 'the kqueue was closed' }))
    }
  }
}

function deadlock(): KqueueError {
  return new KqueueError(EDEADLK, 'kevent', {
    reason: 'nothing can happen any more that would end this sleep',
  })
}
