/**
 * A process of the simulated kernel (`struct proc`): its parent and children, its
 * descriptors and signals, and the system calls as methods. Those on files, sockets and
 * queues are in `file-calls.ts`, `socket-calls.ts` and `queue-calls.ts`.
 *
 * When it has exited it is a zombie until its parent waits for it; then its pid is free.
 */
import type { Calls } from '../api/bind.js'
import { wrongType } from '../core/copyin.js'
import { HINT_SIGNAL } from '../core/filters/signal.js'
import { noteFork } from '../core/fork.js'
import type { FileTable, Process } from '../core/kernel.js'
import { Knlist } from '../core/knlist.js'
import { ECHILD, EINVAL, EPERM, ESRCH, KqueueError } from '../errors.js'
import { NOTE_EXEC, NOTE_EXIT, NOTE_FORK, NOTE_REAP } from '../event.js'
import { Descriptors } from './descriptors.js'
import type { Directory } from './directory.js'
import type { SimKernel } from './kernel.js'
import { NoteCounts } from './note-counts.js'
import { ProcessDescriptor } from './procdesc.js'
import type { SimQueue } from './queue.js'
import { QueueCalls } from './queue-calls.js'
import {
  catchable,
  type Disposition,
  defaultAction,
  SIGNALS,
  type Signal,
  signalName,
  signalNumber,
} from './signals.js'
import { callsOf } from './system.js'

/** How a child ended: what waitpid(2) answers. */
export interface WaitStatus {
  readonly pid: number
  /** As wait(2) encodes it. */
  readonly status: number
  /** What it gave to exit, null when a signal ended it. */
  readonly code: number | null
  /** The name of the signal that ended it, null when it exited. */
  readonly signal: string | null
}

export class SimProcess extends QueueCalls implements Process, FileTable {
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

  #parent: SimProcess | null
  readonly #children = new Set<SimProcess>()
  readonly #dispositions: Map<number, Disposition>
  #exitStatus: number | null = null
  /** Forks and executions. */
  readonly #notes = new NoteCounts()
  readonly #signals = new Map<number, number>()
  #system: Calls | undefined

  /** A process that has everything as its parent but the descriptors; `fork` makes them. */
  constructor(
    readonly kernel: SimKernel,
    parent: SimProcess | null,
  ) {
    super()
    this.pid = kernel.addProcess(this)
    this.start = kernel.uptime()
    this.descriptors = new Descriptors(this)
    this.cwd = parent?.cwd ?? kernel.tree.root
    this.name = parent?.name ?? 'init'
    this.#dispositions = new Map(parent === null ? [] : parent.#dispositions)
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

  signalCount(signal: number): number {
    return this.#signals.get(signal) ?? 0
  }

  deeds(): number[] {
    return this.#notes.mark()
  }

  deedsSince(mark: unknown): number {
    return this.#notes.since(mark)
  }

  get exited(): boolean {
    return this.#exitStatus !== null
  }

  protected override enter(syscall: string): void {
    if (!this.exited) return
    throw new KqueueError(ESRCH, syscall, { reason: `process ${this.pid} has exited` })
  }

  /** Every export of `kqueue`, for a program of this process. */
  get system(): Calls {
    this.#system ??= callsOf(this)
    return this.#system
  }

  // Life

  /**
   * fork(2): the child, which has the same open files. Queues are left out, or copied, as
   * their flags say. A child with a program runs it when its turn comes, as with
   * `kernel.spawn`.
   * @throws KqueueError EAGAIN there are too many processes
   */
  fork(program?: (p: SimProcess) => Promise<unknown> | unknown): SimProcess {
    this.enter('fork')
    if (program !== undefined && typeof program !== 'function') {
      throw wrongType('program', 'a function', program)
    }
    const child = new SimProcess(this.kernel, this)
    child.descriptors.copyFrom(this.descriptors)
    const { journals } = this.kernel
    for (const journal of journals) journal.forked(this.pid, child.pid, this.kernel.uptime())
    this.#notes.add(NOTE_FORK)
    noteFork(this, child)
    if (program !== undefined) this.kernel.scheduler.start(child, program)
    return child
  }

  /** execve(2): another program, without handlers and close-on-exec descriptors. */
  exec(name: string): void {
    this.enter('execve')
    if (typeof name !== 'string') throw wrongType('name', 'a string', name)
    this.name = name
    for (const [signal, disposition] of this.#dispositions) {
      if (typeof disposition === 'function') this.#dispositions.delete(signal)
    }
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
    if (!Number.isInteger(status)) {
      throw new KqueueError(EINVAL, 'exit', { reason: `${String(status)} is not a status` })
    }
    if (this.#parent === null) {
      throw new KqueueError(EPERM, 'exit', { reason: 'process 1 cannot end' })
    }
    this.#terminate((status & 0xff) << 8)
  }

  /** exit1: what all ways to end come to. */
  #terminate(status: number): void {
    const { kernel } = this
    this.#exitStatus = status
    this.descriptors.closeAll()
    kernel.aio.rundown(this)
    for (const child of [...this.#children]) child.#adopt(kernel.init)
    this.#children.clear()
    for (const journal of kernel.journals) journal.ended(this.pid, kernel.uptime())
    this.klist.note(NOTE_EXIT)
    this.#tellParent()
    kernel.scheduler.yielded(this)
  }

  /** The parent has died: another one takes its place. */
  #adopt(parent: SimProcess): void {
    this.#parent = parent
    parent.#children.add(this)
    if (this.exited) this.#tellParent()
  }

  #tellParent(): void {
    const parent = this.#parent!
    // Who ignores SIGCHLD has no zombies.
    if (parent.#disposition(SIGNALS.SIGCHLD) === 'ignore') parent.#reap(this)
    parent.signal(SIGNALS.SIGCHLD)
  }

  /**
   * waitpid(2) with WNOHANG: how a child ended, null when none has yet. Its zombie is gone
   * then, which NOTE_REAP reports.
   * @param pid a child, -1 for any: the one that was forked first
   * @throws KqueueError ECHILD there is no such child, EINVAL
   */
  waitpid(pid = -1): WaitStatus | null {
    this.enter('waitpid')
    if (!Number.isInteger(pid) || pid < -1 || pid === 0) {
      throw new KqueueError(EINVAL, 'waitpid', {
        reason: `a child is a pid, or -1 for any, not ${String(pid)}`,
      })
    }
    const children = [...this.#children].filter((child) => pid === -1 || child.pid === pid)
    if (children.length === 0) {
      throw new KqueueError(ECHILD, 'waitpid', {
        reason: pid === -1 ? 'there are no children' : `${pid} is not a child`,
      })
    }
    const zombie = children.find(({ exited }) => exited)
    if (zombie === undefined) return null
    this.#reap(zombie)
    return waitStatus(zombie.pid, zombie.#exitStatus!)
  }

  #reap(zombie: SimProcess): void {
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
    if (!Number.isInteger(pid) || pid < 1) {
      throw new KqueueError(EINVAL, 'kill', { reason: `${String(pid)} is not a pid` })
    }
    const target = this.kernel.findProcess(pid)
    if (target === null) {
      throw new KqueueError(ESRCH, 'kill', { reason: `there is no process ${pid}` })
    }
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
    const before = this.#disposition(number)
    if (disposition === undefined) return before
    const words = disposition === 'default' || disposition === 'ignore'
    if (!words && typeof disposition !== 'function') {
      throw wrongType('disposition', `'default', 'ignore' or a function`, disposition)
    }
    if (!catchable(number)) {
      throw new KqueueError(EINVAL, 'sigaction', { reason: `${signalName(number)} is as it is` })
    }
    this.#dispositions.set(number, disposition)
    return before
  }

  #disposition(signal: number): Disposition {
    return this.#dispositions.get(signal) ?? 'default'
  }

  /** Delivers a signal. psignal. */
  signal(number: number): void {
    if (this.exited) return
    this.#signals.set(number, this.signalCount(number) + 1)
    this.klist.note(HINT_SIGNAL | number)
    if (number === SIGNALS.SIGCONT || number === SIGNALS.SIGKILL) this.#continue()
    const disposition = this.#disposition(number)
    if (disposition === 'ignore' || this.exited) return
    if (disposition === 'default') {
      this.#actByDefault(number)
      return
    }
    this.#interrupt()
    disposition(number)
  }

  #actByDefault(signal: number): void {
    // Process 1 is not hit by what it does not handle.
    if (this.#parent === null) return
    const action = defaultAction(signal)
    if (action === 'terminate') this.#terminate(signal)
    else if (action === 'stop') this.#stop()
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

  protected override brokenPipe(): void {
    this.signal(SIGNALS.SIGPIPE)
  }

  /** Whether its program sleeps for a queue of which `wanted` says yes. */
  sleepsFor(wanted: (kq: SimQueue) => boolean): boolean {
    for (const kq of this.descriptors.queues) {
      if (kq.waiters.length > 0 && wanted(kq)) return true
    }
    return false
  }

  // Process descriptors

  /**
   * A descriptor for a process, zombies included: `pidfd_open(2)`. To close it does nothing
   * to the process.
   * @throws KqueueError ESRCH, EMFILE
   */
  pdopen(pid: number): number {
    this.enter('pdopen')
    const subject = this.kernel.findProcess(pid)
    if (subject === null) {
      throw new KqueueError(ESRCH, 'pdopen', { reason: `there is no process ${String(pid)}` })
    }
    return this.descriptors.install(new ProcessDescriptor(subject), 'pdopen', true)
  }

  /** The pid behind a process descriptor: pdgetpid(2). @throws KqueueError EBADF, EINVAL */
  pdgetpid(fd: number): number {
    const file = this.file(fd, 'pdgetpid')
    if (file instanceof ProcessDescriptor) return file.subject.pid
    throw new KqueueError(EINVAL, 'pdgetpid', { reason: `${fd} is not a process descriptor` })
  }
}

function waitStatus(pid: number, status: number): WaitStatus {
  const signal = status & 0x7f
  if (signal !== 0) return { pid, status, code: null, signal: signalName(signal) }
  return { pid, status, code: (status >> 8) & 0xff, signal: null }
}
