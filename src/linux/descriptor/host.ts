/** What a descriptor knows of the kernel of its thread, besides what each source does. */
import type { FileHub } from '../hub/hub.js'
import type { SIDE_EXCEPT, SIDE_FILE } from '../hub/native.js'
import type { PollSet } from '../hub/pollset.js'
import type { VnodeTable } from '../vnode/table.js'
import type { PipeReads } from './pipe-reads.js'
import type { DescriptorTable } from './table.js'

export interface DescriptorHost extends FileHub {
  readonly descriptors: DescriptorTable
  readonly vnodes: VnodeTable
  readonly pipeReads: PipeReads

  readonly readSet: PollSet
  readonly writeSet: PollSet
  /** The set of a side that few ask for, made on first use. @throws KqueueError */
  openSet(side: typeof SIDE_EXCEPT | typeof SIDE_FILE): PollSet
  /** Closes a set of `openSet` if nothing came of its first descriptor. */
  closeSetIfEmpty(set: PollSet): void
  /** Whether epoll takes a file, asked without polling it. */
  takesPoll(fd: number): boolean
  /** Takes the edge with which epoll greets a file, so that it is not taken for a notice. */
  greet(set: PollSet): void

  /** The program is about to be called, and what was asked ahead of changes may not hold afterwards. */
  forgetAhead(): void

  /** Has the event loop watch for nobody; whether it did, and limits no more what nests. */
  relax(): boolean
  /** Whether the event loop still allows what `readSet` holds: 0, or a negative errno. */
  allows(): number
}
