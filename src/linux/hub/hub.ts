/**
 * What a source of events knows of the kernel of its thread: it hands over a descriptor and
 * what to call when that is ready, and is told nothing else.
 *
 *     hub.adopt(fd, () => this.drain())
 *     ...
 *     hub.disown(fd)
 *
 * `LinuxKernel` is one; a test can bring another.
 */
import type { Callout, CalloutQueue } from '../../core/callout.js'
import type { Kernel } from '../../core/kernel.js'
import type { Native } from './native.js'

export interface Hub extends Kernel {
  readonly native: Native
  readonly callouts: CalloutQueue

  /**
   * Listens to one of the kernel's own descriptors: `ready` is called once each time it fires.
   * @throws KqueueError
   */
  adopt(fd: number, ready: () => void): void
  /** Listens to it no more; it may be closed then. */
  disown(fd: number): void

  uptime(): number
  schedule(callout: Callout, time: number): void

  /**
   * Before control leaves the machine: the descriptors of queues and the timer say what the
   * machine knows.
   */
  settle(): void
  /** Whether there is a queue that somebody may look into. */
  readonly hasQueues: boolean
  /** Whether what happens is to be looked at though nobody waits. */
  attend(attending: boolean): void
}

/** The same for sources that look at files. */
export interface FileHub extends Hub {
  /** fstat(2) into `statistics`: 0 or a positive errno. Hot path. */
  stat(fd: number): number
  /** The same. @throws KqueueError */
  statOpen(fd: number): void
  /** What `stat` found; see STAT_*. */
  readonly statistics: Float64Array
  /** The type of the file that `stat` was last asked for: S_IFREG and so on. */
  readonly mode: number
}
