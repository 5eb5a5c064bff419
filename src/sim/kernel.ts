/**
 * `SimKernel`: a small Unix in memory, with a clock that moves only when everybody
 * sleeps or somebody moves it. Its machine is the one of `kqueue/core`.
 *
 *     const kernel = new SimKernel()
 *     const p = kernel.init
 *     const [r, w] = p.pipe()
 *     const kq = p.kqueue()
 *     p.kevent(kq, [EV_SET(r, EVFILT_READ, EV_ADD)])
 *     p.write(w, 'hello')
 *     p.kevent(kq, [], 8)          // [{ ident: r, data: 5, ... }]
 *
 *     kernel.spawn(async (p) => { ... await p.wait(kq) ... })
 *     await kernel.run()
 */
import { fileFilter } from '../core/filters/file.js'
import { procFilter } from '../core/filters/proc.js'
import { signalFilter } from '../core/filters/signal.js'
import { Timer } from '../core/filters/timer.js'
import { Kernel, type Sysctl } from '../core/kernel.js'
import { KN_DISABLED, KN_QUEUED } from '../core/knote.js'
import type { Kqueue } from '../core/kqueue.js'
import type { ProcessJournal } from '../core/process-journal.js'
import { Waiter } from '../core/waiting.js'
import { EAGAIN, EINVAL, fail } from '../errors.js'
import {
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  EVFILT_SIGNAL,
} from '../event.js'
import { Addresses } from './addresses.js'
import { Aio } from './aio.js'
import { Net } from './net.js'
import { SimProcess } from './process.js'
import type { SimQueue } from './queue.js'
import { Scheduler } from './scheduler.js'
import { Tree } from './tree.js'

/** Limits of the simulated kernel: sysctl(8). */
export interface SimSysctl extends Sysctl {
  /** The most descriptors of a process: kern.maxfilesperproc. */
  maxfilesperproc: number
  /** The most processes, zombies included: kern.maxproc. */
  maxproc: number
  /** The highest pid; the next one is the lowest that is free: kern.pid_max. */
  pid_max: number
}

export interface SimOptions {
  /** Permutes the order in which programs get their turns; without it, first come, first served. */
  seed?: number
  /**
   * The time of day at the start, in ms since 1970: 2 January 1970 by default, early
   * enough for a JavaScript number to count ns exactly.
   */
  epoch?: number
}

const DAY = 86_400_000

export class SimKernel extends Kernel {
  override readonly sysctl: SimSysctl = {
    kq_calloutmax: 4096,
    kq_knotemax: Number.POSITIVE_INFINITY,
    maxfilesperproc: 65536,
    maxproc: 100_000,
    pid_max: 99_999,
  }
  readonly scheduler: Scheduler
  /** Where sockets are bound. */
  readonly addresses = new Addresses()
  readonly tree: Tree
  readonly net: Net
  readonly aio: Aio
  /** Who keeps the times of what processes do. */
  readonly journals = new Set<ProcessJournal>()
  /** Process 1, which adopts orphans. */
  readonly init: SimProcess

  readonly #epoch: number
  /** ns since the start. */
  #clock = 0
  /** Running processes and zombies, by pid: allproc, zombproc. */
  readonly #processes = new Map<number, SimProcess>()
  #lastPid = 0

  /** @throws KqueueError EINVAL an epoch or a seed that is not a number */
  constructor({ seed, epoch = DAY }: SimOptions = {}) {
    super()
    if (!Number.isFinite(epoch) || (seed !== undefined && !Number.isInteger(seed))) {
      fail(EINVAL, 'SimKernel', 'an epoch is a number of ms, a seed a whole number')
    }
    this.#epoch = Math.round(epoch * 1e6)
    this.scheduler = new Scheduler(seed)
    this.#installFilters()
    this.tree = new Tree(this)
    this.net = new Net(this)
    this.aio = new Aio(this)
    this.init = new SimProcess(this, null)
  }

  #installFilters(): void {
    const { filters } = this
    filters.install(EVFILT_PROC, procFilter)
    filters.install(EVFILT_SIGNAL, signalFilter)
    for (const filter of [EVFILT_PROCDESC, EVFILT_EMPTY, EVFILT_EXCEPT]) {
      filters.install(filter, fileFilter)
    }
  }

  // The clock

  /** ns since the kernel's start. */
  get now(): bigint {
    return BigInt(Math.round(this.#clock))
  }

  uptime(): number {
    return this.#clock
  }

  /** ns since 1970. */
  realtime(): number {
    return this.#epoch + this.#clock
  }

  /**
   * Moves the clock by `ms`, or a fraction of one. Callouts are called on the way, each
   * at its own time.
   * @throws KqueueError EINVAL to go back
   */
  advance(ms: number): void {
    if (typeof ms !== 'number' || !(ms >= 0 && ms < Number.POSITIVE_INFINITY)) {
      fail(EINVAL, 'advance', `the clock moves by 0 or more ms, not ${String(ms)}`)
    }
    const end = this.#clock + Math.round(ms * 1e6)
    while (this.callouts.next <= end) this.step(end)
    this.moveTo(end)
  }

  /** Moves the clock, if it is not there yet; no callout is due before. */
  moveTo(time: number): void {
    if (time > this.#clock) this.#clock = time
  }

  /**
   * Moves the clock to the next callout at which something can happen, but not past `end`,
   * and calls it and all that are due at that moment: as on a real system nobody who is woken
   * runs before the last of them has been called (softclock). Periodic timers that only count meanwhile are called once for all their
   * expirations, so that one of a nanosecond does not stop the world.
   */
  step(end = Number.POSITIVE_INFINITY): void {
    const { callouts } = this
    const counting: Timer[] = []
    for (let { first } = callouts; first instanceof Timer; { first } = callouts) {
      if (first.time > end || !onlyCounts(first)) break
      counting.push(first)
      callouts.cancel(first)
    }
    const target = Math.min(callouts.next, end)
    for (const timer of counting) {
      this.moveTo(Number.isFinite(target) ? target : timer.time)
      timer.call(this.#clock)
    }
    if (callouts.next > target || !Number.isFinite(target)) return
    this.moveTo(target)
    callouts.run(target)
  }

  /** Calls the callouts whose time has come. */
  runDue(): void {
    this.callouts.run(this.#clock)
  }

  /** Whether a callout can lead to an event in a queue in which nothing is pending. */
  canWake(kq: SimQueue): boolean {
    for (const callout of this.callouts) {
      if (callout instanceof Waiter) continue
      if (!(callout instanceof Timer) || reports(callout, kq)) return true
    }
    return false
  }

  // Programs

  /**
   * Makes a child of process 1 that runs `program`; it gets its first turn in `run` or
   * `settle`. The process exits when the function returns, with the number that it
   * returns as its status, or with 0; what it throws is thrown by `run`.
   * @throws KqueueError EAGAIN there are too many processes
   */
  spawn(program: (p: SimProcess) => Promise<unknown> | unknown): SimProcess {
    return this.init.fork(program)
  }

  /**
   * Runs the programs until nothing can happen any more: when all sleep, the clock goes
   * to the next callout. Programs that nothing can wake sleep on; periodic timers that
   * wake nobody do not count.
   * @throws what a program threw
   */
  async run(): Promise<void> {
    for (;;) {
      await this.settle()
      if (!this.#idle()) this.step()
      else if (this.scheduler.elsewhere) await this.scheduler.anyYield()
      else return
    }
  }

  /**
   * Runs the programs until all sleep; the clock stands still.
   * @throws what a program threw
   */
  async settle(): Promise<void> {
    do {
      this.runDue()
      await this.scheduler.settle()
    } while (this.callouts.next <= this.#clock)
  }

  /** Whether the callouts that are left are periodic timers that wake nobody, for ever. */
  #idle(): boolean {
    for (const callout of this.callouts) {
      if (!(callout instanceof Timer) || callout.period === 0) return false
      for (const process of this.#processes.values()) {
        if (process.sleepsFor((kq) => reports(callout, kq))) return false
      }
    }
    return true
  }

  /** An event is pending: who sleeps for it gets a turn to look. */
  wakeup(kq: Kqueue): void {
    const queue = kq as SimQueue
    if (queue.waiters.length === 0 || queue.serving) return
    queue.serving = true
    this.scheduler.enqueue(null, () => {
      queue.serving = false
      queue.serve()
    })
  }

  /** In a turn, so that what happens at the same time comes before the end. */
  override expire(waiter: Waiter): void {
    this.scheduler.enqueue(null, () => {
      ;(waiter.kq as SimQueue).serve()
      waiter.finish([])
    })
  }

  override resume(kq: Kqueue, goOn: () => void): void {
    this.scheduler.enqueue((kq as SimQueue).process, goOn)
  }

  // Processes

  override findProcess(pid: number): SimProcess | null {
    return this.#processes.get(pid) ?? null
  }

  /** All processes, zombies included, by pid. */
  get processes(): SimProcess[] {
    return [...this.#processes.values()].sort((a, b) => a.pid - b.pid)
  }

  /**
   * The pid of the next process, which adds itself.
   * @throws KqueueError EAGAIN there are too many processes
   */
  nextPid(): number {
    const { maxproc, pid_max } = this.sysctl
    if (this.#processes.size >= Math.min(maxproc, pid_max)) {
      fail(EAGAIN, 'fork', `sysctl.maxproc allows ${maxproc} processes, sysctl.pid_max ${pid_max}`)
    }
    do {
      this.#lastPid = this.#lastPid >= pid_max ? 2 : this.#lastPid + 1
    } while (this.#processes.has(this.#lastPid))
    return this.#lastPid
  }

  addProcess(process: SimProcess): void {
    this.#processes.set(process.pid, process)
  }

  /** A zombie has been waited for: its pid is free. */
  removeProcess({ pid }: { readonly pid: number }): void {
    this.#processes.delete(pid)
  }

  // The machine's surroundings

  /** Mounts a file system. Throws as `tree.mount` does. */
  mount(path: string): void {
    this.tree.mount(path)
  }

  unmount(path: string): void {
    this.tree.unmount(path)
  }

  /** The link of a network interface goes up or down. */
  link(ifindex: number, state: 'up' | 'down'): void {
    this.net.link(ifindex, state)
  }
}

/** Whether a timer does nothing for now but to count what has not been handed out. */
function onlyCounts({ kn, period }: Timer): boolean {
  return period > 0 && (kn.status & (KN_DISABLED | KN_QUEUED)) !== 0
}

/** Whether the expiration of a timer can be an event in a queue in which nothing is pending. */
function reports(timer: Timer, kq: SimQueue): boolean {
  const { kn } = timer
  return (kn.status & (KN_DISABLED | KN_QUEUED)) === 0 && kq.reaches(kn.kq)
}
