/**
 * A queue on Linux: the machine's queue with a descriptor, and with the ways to
 * wait for it: blocking the thread, or from its event loop.
 */

import type { SystemQueue } from '../api/system.js'
import type { Abort } from '../core/abort.js'
import type { FileTable } from '../core/kernel.js'
import { applyChanges } from '../core/kevent.js'
import { describe, KN_FORCED, KN_QUEUED, type Knote, type KnoteInfo } from '../core/knote.js'
import { Kqueue } from '../core/kqueue.js'
import type { ImageHome, KqueueImage } from '../core/kqueue-image.js'
import { interrupted } from '../core/waiting.js'
import { EBADF, EINTR, fail } from '../errors.js'
import { EVFILT_PROC, EVFILT_READ, type EventSink, type Kevent, KQUEUE_TRUSTFD } from '../event.js'
import { seldom } from '../parts.js'
import { identify, isIdentified, type Statistics } from './descriptor/identity.js'
import { PollSide } from './descriptor/poll-side.js'
import type { DescriptorTable } from './descriptor/table.js'
import { EPOLL_CREATE } from './hub/facility.js'
import type { Loop, LoopOwner } from './hub/loop.js'
import { pollFailure } from './hub/nesting.js'
import type { SignalTable } from './signal.js'

/** For ever, as a timeout in ns. */
const FOREVER = -1

/** Pauses in a row that give the event loop no turn. */
const BURST = 64

/** What a queue knows of the kernel of its thread. */
export interface QueueHost extends LoopOwner, FileTable, Statistics {
  /** Where images of its queues are from. */
  readonly imageHome: ImageHome
  /** ns that a call to the addon may block at most. */
  readonly longestBlock: number
  readonly loop: Loop
  readonly descriptors: DescriptorTable
  readonly signals: SignalTable
  /** An eventfd that is always readable, for the descriptors of queues. */
  readonly readyFd: number
  addQueue(kq: LinuxQueue): void
  removeQueue(kq: LinuxQueue): void
  /** The program knows the descriptor of a queue. @throws ELOOP, ENOSPC */
  expose(kq: LinuxQueue): void
  /** Finds the descriptors that were closed, and drops their knotes. */
  sweep(): void
  /** Tells what processes have done until now. */
  drainProcesses(): void
  /** Looks at what files do not tell by themselves. */
  lookAtFiles(): void
  /** Completes what files have told. */
  settleFiles(): void
  /** Takes in which of the processes that a changelist has just added had exited. Hot path. */
  lookAtProcesses(): void
  /** A changelist is about to be applied, */
  beginChanges(kq: LinuxQueue, changes: readonly Kevent[], n: number): void
  /** and has been: levels that it has asked for hold no more. */
  endChanges(): void
  /** What was asked ahead of its changes holds no more. */
  forgetAhead(): void
}

export class LinuxQueue extends Kqueue implements SystemQueue {
  readonly fd: number
  declare readonly kernel: QueueHost
  /** Whether waiting for this queue keeps the process alive. */
  referenced = true
  /** Whether it has new events, for which its waiters are about to be served. */
  awake = false
  #exposed = false
  #shown = false
  #lost = false
  #pauses = 0

  /**
   * @param flags KQUEUE_*
   * @param at the number of its descriptor, in place of what has it; -1 for any
   */
  constructor(
    kernel: QueueHost,
    readonly flags = 0,
    at = -1,
  ) {
    super(kernel, kernel)
    const { native, readyFd } = kernel
    const fd = at === -1 ? native.queueCreate(readyFd) : native.queueCreateAt(readyFd, at)
    this.fd = EPOLL_CREATE.check(fd, 'kqueue')
    kernel.addQueue(this)
  }

  override get trusting(): boolean {
    return (this.flags & KQUEUE_TRUSTFD) !== 0
  }

  /**
   * The program has learned the descriptor: from now on it is kept readable while
   * events are pending, and may be closed by any means.
   */
  expose(): number {
    if (!this.#exposed && !this.closed) {
      this.kernel.expose(this)
      this.#exposed = true
    }
    return this.fd
  }

  /** Makes the descriptor say whether events are pending. */
  show(): void {
    const pending = this.count > 0
    if (pending === this.#shown) return
    this.#shown = pending
    if (this.kernel.native.queueSet(this.fd, this.kernel.readyFd, pending) < 0) this.close()
  }

  /** The number was given to a new queue, so this one's descriptor has been closed. */
  superseded(): void {
    this.#lost = true
    this.close()
  }

  /** Whether the descriptor still is this queue; if not, the queue is closed. */
  override alive(): boolean {
    if (this.closed) return false
    if (!this.#exposed) return true
    if (this.kernel.native.queueSet(this.fd, this.kernel.readyFd, this.#shown) === 0) return true
    this.close()
    return false
  }

  identify(): unknown {
    return identify(this.kernel, this.fd)
  }

  isIdentified(identity: unknown): boolean {
    return isIdentified(this.kernel, this.fd, identity)
  }

  takeImage(): KqueueImage {
    this.assertOpen('image')
    const { kernel } = this
    return seldom('image').takeImage(this, this.fd, kernel.imageHome, () => {
      kernel.sweep()
      kernel.lookAtFiles()
      kernel.drainProcesses()
      kernel.poll(0, 0)
      kernel.settleFiles()
      kernel.settle()
      this.assertOpen('image')
    })
  }

  /** From now on it counts what is pending, see `isEnough`. */
  override kqfilter(kn: Knote): number {
    for (const each of this.knotes()) if (isRumour(each)) each.deactivate()
    return super.kqfilter(kn)
  }

  override pending(): number {
    let kn = this.first
    while (kn !== null) {
      const next: Knote | null = kn.queueNext
      kn.file?.current?.()
      // What has gone takes all its knotes along.
      kn = next === null || next.status & KN_QUEUED ? next : this.first
    }
    return this.count
  }

  override close(): void {
    if (this.closed) return
    // Its knotes are dropped, and the program may have filters among them.
    this.kernel.forgetAhead()
    try {
      super.close()
    } finally {
      this.kernel.removeQueue(this)
      if (!this.#lost) this.kernel.native.queueClose(this.fd, this.kernel.readyFd)
      this.kernel.settle()
    }
  }

  assertOpen(syscall = 'kevent'): void {
    if (!this.alive()) fail(EBADF, syscall, 'this kqueue is closed')
  }

  change(changes: readonly Kevent[], n: number, sink: EventSink, max: number): number {
    this.assertOpen()
    if (n === 0) return 0
    // What processes have done until now is not for what is added now.
    this.kernel.drainProcesses()
    this.kernel.beginChanges(this, changes, n)
    try {
      return applyChanges(this, changes, n, sink, max)
    } finally {
      this.kernel.endChanges()
      this.kernel.settle()
    }
  }

  /**
   * What processes had done that were added before comes before what this change adds, and
   * counts for what was asked before it is changed. Hot path.
   */
  override register(change: Kevent): void {
    const { filter, ident } = change
    // From here on the program may be called.
    if (filter !== EVFILT_READ) this.kernel.forgetAhead()
    if (filter !== EVFILT_PROC || this.find(ident, filter) !== undefined) {
      this.kernel.lookAtProcesses()
    }
    super.register(change)
  }

  collect(sink: EventSink, max: number, timeout: number): number {
    try {
      return this.#block(sink, max, timeout)
    } finally {
      this.kernel.settle()
    }
  }

  walkOn(sink: EventSink, max: number): number {
    const n = this.scan(sink, max)
    this.kernel.settle()
    return n
  }

  /** Hot path. */
  override scan(sink: EventSink, max: number, samePass = false): number {
    const { kernel } = this
    kernel.descriptors.beginScan(max)
    try {
      return super.scan(sink, max, samePass)
    } finally {
      kernel.descriptors.endScan()
    }
  }

  get awaited(): boolean {
    return this.waiters.length > 0
  }

  sleep(max: number, timeout: number, signal: Abort | undefined): Promise<Kevent[]> {
    const events = this.waiters.wait(max, timeout, { signal })
    if (this.count > 0) this.#serveAgain()
    return events
  }

  /** What was handed out to others, and is to be handed out again to whoever asks. */
  #serveAgain(): void {
    const { loop } = this.kernel
    const pause = this.pause()
    if (pause === null) loop.wakeup(this)
    else void pause.then(() => loop.wakeup(this))
  }

  pause(): Promise<void> | null {
    if (++this.#pauses % BURST !== 0) return null
    return new Promise((resolve) => setImmediate(resolve))
  }

  describe(): KnoteInfo[] {
    this.kernel.sweep()
    return [...this.knotes()].map(describe)
  }

  reference(referenced: boolean): void {
    this.kernel.loop.reference(this, referenced)
  }

  #block(sink: EventSink, max: number, timeout: number): number {
    const { kernel } = this
    if ((timeout === 0 || this.count > 0) && kernel.still) {
      const n = this.scan(sink, max)
      if (n > 0 || timeout === 0) return n
    }
    kernel.lookAtFiles()
    kernel.drainProcesses()
    const deadline =
      timeout < 0 ? Number.POSITIVE_INFINITY : timeout === 0 ? 0 : kernel.uptime() + timeout
    let wait = this.count > 0 ? 0 : timeout
    for (;;) {
      const error = kernel.poll(max, this.#longest(wait), this)
      const n = this.scan(sink, max)
      if (n > 0) return n
      // A filter may have closed the queue.
      if (this.closed) this.assertOpen()
      if (error === -EINTR && kernel.signals.interrupts()) throw interrupted()
      if (error < 0 && error !== -EINTR) throw pollFailure(kernel.sets, error)
      if (timeout === 0) return 0
      wait = deadline === Number.POSITIVE_INFINITY ? FOREVER : deadline - kernel.uptime()
      if (wait <= 0 && wait !== FOREVER) return 0
    }
  }

  /** How long to block in one call: not past the next callout. */
  #longest(wait: number): number {
    if (wait === 0) return 0
    const { kernel } = this
    const { next } = kernel.callouts
    const first = next === Number.POSITIVE_INFINITY ? next : Math.max(0, next - kernel.uptime())
    const longest = Math.min(first, kernel.longestBlock)
    if (wait < 0) return longest === Number.POSITIVE_INFINITY ? FOREVER : longest
    return Math.min(wait, longest)
  }
}

/** Whether a knote is active only because of an edge that is no event. */
function isRumour(kn: Knote): boolean {
  if ((kn.status & (KN_QUEUED | KN_FORCED)) !== KN_QUEUED) return false
  return kn.hook instanceof PollSide && !kn.ops.event(kn, 0)
}
