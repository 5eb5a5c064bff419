/**
 * A process as the kernel has it (`struct proc`): its number, parent and children, its
 * descriptors, signals and knotes, and the calls of its life: exit, wait, signals. Those on
 * files and queues are in `process.ts`.
 *
 * When it has exited it is a zombie until its parent waits for it; then its pid is free.
 */
import { exitOf, type ProcessExit } from '../api/processes.js'
import { wrongType } from '../core/copyin.js'
import { HINT_SIGNAL } from '../core/filters/signal.js'
import { noteFork } from '../core/fork.js'
import type { FileTable, Process } from '../core/kernel.js'
import { Knlist } from '../core/knlist.js'
import type { ProcessJournal } from '../core/process-journal.js'
import { ECHILD, EINVAL, EPERM, ESRCH, fail } from '../errors.js'
import { NOTE_EXEC, NOTE_EXIT, NOTE_FORK, NOTE_REAP } from '../event.js'
import type { Aio } from './aio.js'
import { Descriptors } from './descriptors.js'
import type { Directory } from './directory.js'
import type { SimFile } from './file.js'
import { NoteCounts } from './note-counts.js'
import type { QueueKernel, SimQueue } from './queue.js'
import { SignalActions } from './sigacts.js'
import { type Disposition, SIGNALS, type Signal, signalNumber } from './signals.js'
import type { Tree } from './tree.js'

/** What a process needs of the kernel. */
export interface ProcKernel extends QueueKernel {
  readonly sysctl: QueueKernel['sysctl'] & { readonly maxfilesperproc: number }
  readonly tree: Tree
  readonly aio: Aio
  readonly journals: Set<ProcessJournal>
  /** Who adopts orphans. */
  readonly init: Proc
  nextPid(): number
  findProcess(pid: number): Proc | null
  /** A zombie has been waited for: its pid is free. */
  removeProcess(process: Proc): void
}

export class Proc implements Process, FileTable {
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

  #parent: Proc | null
  readonly #children = new Set<Proc>()
  readonly #actions: SignalActions
  /** Forks and executions. */
  readonly #notes = new NoteCounts()
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
    this.#actions = new SignalActions(parent === null ? undefined : parent.#actions)
    this.#parent = parent
    if (parent !== null) parent.#children.add(this)
  }

  /** The parent's pid, 0 for process 1. */
  get ppid(): number {
    return this.#parent?.pid ?? 0
  }

  /** The wait(2) status once it has exited, null while it runs. */
  get exitStatus(): number | null {
    return this.#exitStatus
  }

  get exited(): boolean {
    return this.#exitStatus !== null
  }

  /** The open file behind a descriptor, null for none. */
  fget(fd: number): SimFile | null {
    return this.descriptors.fget(fd)
  }

  signalCount(signal: number): number {
    return this.#actions.count(signal)
  }

  deeds(): number[] {
    return this.#notes.mark()
  }

  deedsSince(mark: unknown): number {
    return this.#notes.since(mark)
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
    fail(ESRCH, syscall, `process ${this.pid} has exited`)
  }

  /** @throws KqueueError ESRCH there is no process of this pid */
  protected find(pid: number, syscall: string): Proc {
    const found = this.kernel.findProcess(pid)
    if (found !== null) return found
    fail(ESRCH, syscall, `there is no process ${String(pid)}`)
  }

  /** It has forked a child, which has nothing yet but what all children have. fork1. */
  protected forked(child: Proc): void {
    child.descriptors.copyFrom(this.descriptors)
    const { journals } = this.kernel
    for (const journal of journals) journal.forked(this.pid, child.pid, this.kernel.uptime())
    this.#notes.add(NOTE_FORK)
    noteFork(this, child)
  }

  // Life

  /** execve(2): another program, without handlers and close-on-exec descriptors. */
  exec(name: string): void {
    this.enter('execve')
    if (typeof name !== 'string') throw wrongType('name', 'a string', name)
    this.name = name
    this.#actions.forgetHandlers()
    this.descriptors.closeForExec()
    const execution = { time: this.kernel.uptime(), name, argv: [name] }
    for (const journal of this.kernel.journals) journal.executed(this.pid, execution)
    this.#notes.add(NOTE_EXEC)
    this.klist.note(NOTE_EXEC)
  }

  /**
   * _exit(2): closes all descriptors, and is a zombie until the parent waits.
   * @param status its lower 8 bits count
   * @throws KqueueError EPERM process 1 cannot end, EINVAL not a whole number
   */
  exit(status = 0): void {
    this.enter('exit')
    if (!Number.isInteger(status)) fail(EINVAL, 'exit', `${String(status)} is not a status`)
    if (this.#parent === null) fail(EPERM, 'exit', 'process 1 cannot end')
    this.#terminate((status & 0xff) << 8)
  }

  /**
   * waitpid(2) with WNOHANG: how a child ended, null when none has yet. Its zombie is gone
   * then, which NOTE_REAP reports.
   * @param pid a child, -1 for any: the one that was forked first
   * @throws KqueueError ECHILD there is no such child, EINVAL
   */
  waitpid(pid = -1): ProcessExit | null {
    this.enter('waitpid')
    const zombie = this.#childrenFor(pid).find(({ exited }) => exited)
    if (zombie === undefined) return null
    this.#reap(zombie)
    return exitOf(SIGNALS, zombie.pid, zombie.exitStatus!)
  }

  /** Those that a pid means: itself, or all with -1. */
  #childrenFor(pid: number): Proc[] {
    if (!Number.isInteger(pid) || pid < -1 || pid === 0) {
      fail(EINVAL, 'waitpid', `a child is a pid, or -1 for any, not ${String(pid)}`)
    }
    const meant = [...this.#children].filter((child) => pid === -1 || child.pid === pid)
    if (meant.length > 0) return meant
    fail(ECHILD, 'waitpid', pid === -1 ? 'there are no children' : `${pid} is not a child`)
  }

  /** exit1: what all ways to end come to. */
  #terminate(status: number): void {
    const { kernel } = this
    this.#exitStatus = status
    this.descriptors.closeAll()
    kernel.aio.rundown(this.descriptors)
    for (const child of [...this.#children]) child.#adopt(kernel.init)
    this.#children.clear()
    for (const journal of kernel.journals) journal.ended(this.pid, kernel.uptime())
    this.klist.note(NOTE_EXIT)
    this.#tellParent()
    kernel.scheduler.yielded(this)
  }

  /** The parent has died: another one takes its place. */
  #adopt(parent: Proc): void {
    this.#parent = parent
    parent.#children.add(this)
    if (this.exited) this.#tellParent()
  }

  #tellParent(): void {
    const parent = this.#parent!
    // Who ignores SIGCHLD has no zombies.
    if (parent.#actions.get(SIGNALS.SIGCHLD) === 'ignore') parent.#reap(this)
    parent.signal(SIGNALS.SIGCHLD)
  }

  #reap(zombie: Proc): void {
    this.#children.delete(zombie)
    this.kernel.removeProcess(zombie)
    zombie.klist.note(NOTE_REAP)
  }

  // Signals

  /**
   * kill(2). Signal 0 only looks whether the process is there.
   * @param pid a process; there are no groups
   * @throws KqueueError ESRCH, EINVAL
   */
  kill(pid: number, signal: Signal | 0): void {
    this.enter('kill')
    const number = signal === 0 ? 0 : signalNumber(signal, 'kill')
    if (!Number.isInteger(pid) || pid < 1) fail(EINVAL, 'kill', `${String(pid)} is not a pid`)
    const target = this.find(pid, 'kill')
    if (number !== 0) target.signal(number)
  }

  /**
   * sigaction(2): what to do when a signal comes, and what was done before. A handler is
   * called at once, by whoever sends the signal; a program that sleeps is interrupted.
   * @throws KqueueError EINVAL no such signal, or SIGKILL or SIGSTOP; TypeError
   */
  sigaction(signal: Signal, disposition?: Disposition): Disposition {
    this.enter('sigaction')
    const number = signalNumber(signal, 'sigaction')
    const before = this.#actions.get(number)
    if (disposition !== undefined) this.#actions.set(number, disposition)
    return before
  }

  /** Delivers a signal. psignal. */
  signal(number: number): void {
    if (this.exited) return
    this.#actions.arrived(number)
    this.klist.note(HINT_SIGNAL | number)
    if (number === SIGNALS.SIGCONT || number === SIGNALS.SIGKILL) this.#continue()
    if (this.exited) return
    const action = this.#actions.next(number)
    if (typeof action === 'function') {
      this.#interrupt()
      action(number)
    } else if (this.#parent !== null) {
      // Process 1 is not hit by what it does not handle.
      if (action === 'terminate') this.#terminate(number)
      else if (action === 'stop') this.#stop()
    }
  }

  #stop(): void {
    if (this.stopped) return
    this.stopped = true
    this.#parent?.signal(SIGNALS.SIGCHLD)
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
