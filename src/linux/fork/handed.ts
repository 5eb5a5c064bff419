/**
 * What passes from a process to a child: the image of its queues, and what it has made so
 * that nothing is lost while the child starts. The descriptors are named by their numbers in
 * the child. All of it travels in a sealed file that the child finds under the number of a
 * queue, and `KQUEUE_FORK` in the environment says which: 'PID,NUMBER', with the pid of the
 * parent, so that no grandchild takes it for its own.
 */
import type { QueueImage } from '../../core/image.js'
import type { HandedSets } from '../hub/sets.js'
import type { HandedLinks } from '../links.js'
import type { HandedMounts } from '../mounts.js'
import type { HandedProcesses } from '../process/table.js'

/** In the environment of a child. */
export const VARIABLE = 'KQUEUE_FORK'

/** The layout of what travels; another one is of another version of the package. */
export const FORMAT = 1

/** What only one child can have, because what it takes is gone for the others. */
export interface Handed {
  readonly sets: HandedSets
  /** An inotify instance, -1 for none. */
  readonly inotify: number
  /** Another one, for pipes, -1 for none. */
  readonly pipes: number
  readonly mounts: HandedMounts | null
  readonly links: HandedLinks | null
  readonly processes: HandedProcesses
}

export interface HandedQueue {
  readonly fd: number
  /** KQUEUE_*. */
  readonly flags: number
  readonly image: QueueImage
}

export interface Cargo {
  readonly format: typeof FORMAT
  /** The parent. */
  readonly pid: number
  /** CLOCK_MONOTONIC in ns when the clock of the parent's kernel was 0. */
  readonly epoch: bigint
  readonly queues: readonly HandedQueue[]
  /** Descriptors that were closed on exec in the parent. */
  readonly cloexec: readonly number[]
  /** An eventfd of 1: who reads it is the one to take what was handed over. */
  readonly ticket: number
  /** An eventfd to be written when the copies stand. */
  readonly done: number
  readonly handed: Handed
}
