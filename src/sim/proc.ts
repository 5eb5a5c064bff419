/**
 * A process as the kernel has it (`struct proc`): its number, parent and children, its
 * descriptors, signals and knotes. It makes no system calls, and knows nobody who does;
 * those are in `process.ts`.
 *
 * When it has exited it is a zombie until its parent waits for it; then its pid is free.
 */
import { HINT_SIGNAL } from '../core/filters/signal.js'
import type { Process } from '../core/kernel.js'
import { Knlist } from '../core/knlist.js'
import type { ProcessJournal } from '../core/process-journal.js'
import { ESRCH, KqueueError } from '../errors.js'
import { NOTE_EXIT, NOTE_REAP } from '../event.js'
import type { Aio } from './aio.js'
import { Descriptors } from './descriptors.js'
import type { Directory } from './directory.js'
import { NoteCounts } from './note-counts.js'
import type { QueueKernel, SimQueue } from './queue.js'
import { SignalActions } from './sigacts.js'
import { SIGNALS } from './signals.js'
import type { Tree } from './tree.js'

/** What a process needs of the kernel. */
export interface ProcKernel extends QueueKernel {
  readonly sysctl: QueueKernel['sysctl'] & { readonly maxfilesperproc: number }
  readonly tree: Tree
  readonly aio: Aio
  readonly journals: ReadonlySet<ProcessJournal>
  /** Who adopts orphans. */
  readonly init: Proc
  nextPid(): number
  /** A zombie has been waited for: its pid is free. */
  removeProcess(process: Proc): void
}

export abstract class Proc implements Process {
  readonly pid: number
  readonly klist = new Knlist()
  readonly descriptors: Descriptors
  cwd: Directory
  /** The program that it executes, by name. */
  name: string
  /** ns on the kernel's clock: when it was forked. */
  readonly start: number
  /** Stopped by a signal: it gets no turns until SIGCONT. */
  stopped = false

  protected parent: Proc | null
  protected readonly children = new Set<Proc>()
  protected readonly actions: SignalActions
  /** Forks and executions. */
  protected readonly notes = new NoteCounts()
  #exitStatus: number | null = null

  /** A process that has everything as its parent but the descriptors; fork makes them. */
  constructor(
    readonly kernel: ProcKernel,
    parent: Proc | null,
  ) {
    this.pid = kernel.nextPid()
    this.start = kernel.uptime()
    this.descriptors = new Descriptors(this)
    this.cwd = parent?.cwd ?? kernel.tree.root
    this.name = parent?.name ?? 'init'
    this.actions = new SignalActions(parent?.actions)
    this.parent = parent
    if (parent !== null) parent.children.add(this)
  }

  /** _exit(2). */
  abstract exit(status: number): void

  /** The parent's pid, 0 for process 1. */
  get ppid(): number {
    return this.parent?.pid ?? 0
  }

  /** The wait(2) status once it has exited, null while it runs. */
  get exitStatus(): number | null {
    return this.#exitStatus
  }

  get exited(): boolean {
    return this.#exitStatus !== null
  }

  signalCount(signal: number): number {
    return this.actions.count(signal)
  }

  deeds(): number[] {
    return this.notes.mark()
  }

  deedsSince(mark: unknown): number {
    return this.notes.since(mark)
  }

  /** Whether its program sleeps for a queue of which `wanted` says yes. */
  sleepsFor(wanted: (kq: SimQueue) => boolean): boolean {
    for (const kq of this.descriptors.queues) {
      if (kq.waiters.length > 0 && wanted(kq)) return true
    }
    return false
  }

  /** A call begins. @throws KqueueError ESRCH the process has exited */
  protected enter(syscall: string): void {
    if (!this.exited) return
    throw new KqueueError(ESRCH, syscall, { reason: `process ${this.pid} has exited` })
  }

  /** exit1: what all ways to end come to. */
  protected terminate(status: number): void {
    const { kernel } = this
    this.#exitStatus = status
    this.descriptors.closeAll()
    kernel.aio.rundown(this.descriptors)
    for (const child of [...this.children]) child.#adopt(kernel.init)
    this.children.clear()
    for (const journal of kernel.journals) journal.ended(this.pid, kernel.uptime())
    this.klist.note(NOTE_EXIT)
    this.#tellParent()
    kernel.scheduler.yielded(this)
  }

  /** The parent has died: another one takes its place. */
  #adopt(parent: Proc): void {
    this.parent = parent
    parent.children.add(this)
    if (this.exited) this.#tellParent()
  }

  #tellParent(): void {
    const parent = this.parent!
    // Who ignores SIGCHLD has no zombies.
    if (parent.actions.get(SIGNALS.SIGCHLD) === 'ignore') parent.reap(this)
    parent.signal(SIGNALS.SIGCHLD)
  }

  protected reap(zombie: Proc): void {
    this.children.delete(zombie)
    this.kernel.removeProcess(zombie)
    zombie.klist.note(NOTE_REAP)
  }

  /** Delivers a signal. psignal. */
  signal(number: number): void {
    if (this.exited) return
    this.actions.arrived(number)
    this.klist.note(HINT_SIGNAL | number)
    if (number === SIGNALS.SIGCONT || number === SIGNALS.SIGKILL) this.#continue()
    if (this.exited) return
    const action = this.actions.next(number)
    if (typeof action === 'function') {
      this.#interrupt()
      action(number)
    } else if (this.parent !== null) {
      // Process 1 is not hit by what it does not handle.
      if (action === 'terminate') this.terminate(number)
      else if (action === 'stop') this.#stop()
    }
  }

  #stop(): void {
    if (this.stopped) return
    this.stopped = true
    this.parent?.signal(SIGNALS.SIGCHLD)
  }

  #continue(): void {
    if (!this.stopped) return
    this.stopped = false
    for (const kq of this.descriptors.queues) if (kq.count > 0) this.kernel.wakeup(kq)
  }

  /** A handler runs: ends sleeps in queues in which nothing is pending with EINTR. */
  #interrupt(): void {
    for (const { count, waiters } of this.descriptors.queues) if (count === 0) waiters.interrupt()
  }
}
