/**
 * A queue of the simulated kernel: the machine's queue as an open file, with the ways
 * to wait for it: at once, moving the virtual clock, or as a program that sleeps.
 */

import type { FileTable, Kernel } from '../core/kernel.js'
import { applyChanges } from '../core/kevent.js'
import type { Knote } from '../core/knote.js'
import { Kqueue } from '../core/kqueue.js'
import type { WaitOptions } from '../core/waiting.js'
import { EBADF, EDEADLK, EINVAL, ESPIPE, fail, KqueueError } from '../errors.js'
import type { EventSink, Kevent } from '../event.js'
import type { SimFile } from './file.js'
import type { Runnable, Scheduler } from './scheduler.js'

/** What a queue needs of the kernel: the virtual clock, and turns. */
export interface QueueKernel extends Kernel {
  readonly scheduler: Scheduler
  moveTo(time: number): void
  step(end?: number): void
  runDue(): void
  canWake(kq: SimQueue): boolean
}

/** The process that has a queue. */
export interface QueueOwner extends Runnable {
  readonly kernel: QueueKernel
  readonly descriptors: FileTable
}

export class SimQueue extends Kqueue implements SimFile {
  references = 0
  declare readonly kernel: QueueKernel
  /** A turn to serve who waits has been asked for. */
  serving = false

  /** @param flags KQUEUE_* */
  constructor(
    readonly process: QueueOwner,
    readonly flags: number,
  ) {
    super(process.kernel, process.descriptors)
  }

  /** The first half of kevent(2): answers the number of EV_ERROR events. */
  change(changes: readonly Kevent[], n: number, sink: EventSink, room: number): number {
    return n === 0 ? 0 : applyChanges(this, changes, n, sink, room)
  }

  /**
   * The second half: hands out at most `max` events, sleeping for at most `timeout` ns (-1 for
   * ever) by moving the virtual clock from callout to callout. Answers the number of events.
   * @throws KqueueError EDEADLK to sleep for ever, and nothing can end it
   */
  collect(sink: EventSink, max: number, timeout: number): number {
    const { kernel } = this
    const deadline = timeout < 0 ? Number.POSITIVE_INFINITY : kernel.uptime() + timeout
    kernel.runDue()
    for (;;) {
      const events = this.count === 0 ? 0 : this.scan(sink, max)
      if (events > 0) return events
      if (this.closed) fail(EBADF, 'kevent', 'the kqueue was closed')
      if (kernel.callouts.next > deadline || timeout === 0) {
        kernel.moveTo(deadline)
        return 0
      }
      if (deadline === Number.POSITIVE_INFINITY && !kernel.canWake(this)) {
        fail(EDEADLK, 'kevent', 'nothing can happen any more that would end this sleep')
      }
      kernel.step(deadline)
    }
  }

  /**
   * The second half of kevent(2) for a program: waits for at most `max` events, and other
   * programs run meanwhile. What is pending already comes in a turn, too.
   */
  sleep(max: number, timeout: number, options?: WaitOptions): Promise<Kevent[]> {
    const { kernel, process, waiters } = this
    const events = waiters.wait(max, timeout, options)
    kernel.scheduler.yielded(process)
    if (this.count > 0) kernel.wakeup(this)
    return events
  }

  /** Gives those who wait their events, unless their process is stopped. */
  serve(): void {
    if (!this.process.stopped) this.waiters.serve()
  }

  // The queue as an open file

  rewatch(kn: Knote): number {
    return this.kqfilter(kn)
  }

  /** A copy watches the copy under the same number. */
  identify(): number {
    return 0
  }

  isIdentified(identity: unknown): boolean {
    return identity === 0
  }

  read(): Uint8Array {
    fail(EINVAL, 'read', 'a kqueue cannot be read')
  }

  write(): number {
    fail(EINVAL, 'write', 'a kqueue cannot be written')
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

  release(): void {
    this.close()
  }
}
