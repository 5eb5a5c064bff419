/**
 * What the machine needs from the world. A kernel extends `Kernel`, gives each
 * process a `FileTable`, and puts `OpenFile`s behind the descriptors; the files
 * own their filters.
 *
 * Time is in nanoseconds since the kernel's start, as a JavaScript number: exact
 * for 104 days, to 2 ns for the next 104.
 */

import { EVFILT_READ, EVFILT_TIMER, EVFILT_USER, EVFILT_WRITE } from '../event.js'
import { type Callout, CalloutQueue } from './callout.js'
import { FilterTable } from './filter.js'
import { fileFilter } from './filters/file.js'
import { timerFilter } from './filters/timer.js'
import { userFilter } from './filters/user.js'
import type { Origin } from './image.js'
import type { Knlist } from './knlist.js'
import type { Knote } from './knote.js'
import type { Kqueue } from './kqueue.js'
import type { Awaited, Waiter } from './waiting.js'

/** An open file: `struct file`, as far as kqueue is concerned. */
export interface OpenFile {
  /**
   * Attaches a knote for one of the filters of descriptors: sets `kn.ops` and puts
   * the knote on the file's list. Answers 0. fo_kqfilter(9).
   * @throws KqueueError, or answers a positive errno: EINVAL for a filter that this file does
   *   not have
   */
  kqfilter(kn: Knote): number

  // For copies of queues

  /** The same for a copy of a knote: what has ended since is no reason to refuse. */
  rewatch?(kn: Knote): number
  /** What tells the file from another that has its number later, as plain data. */
  identify?(): unknown
  /** Whether the file is the one of which `identify` said this. */
  isIdentified?(identity: unknown): boolean
  /** What is known of a knote besides its fields; see `FilterOps.image`. */
  image?(kn: Knote): unknown
  /** A copy of a knote has been attached; see `FilterOps.restore`. */
  restored?(kn: Knote, state: unknown, origin: Origin): void

  // The rest is for kernels in which descriptors are closed unseen.

  /** A filter that the program added has attached a knote to the descriptor. */
  holdKnote?(kn: Knote): void
  /** Such a knote has been removed. */
  releaseKnote?(kn: Knote): void
  /** Whether the descriptor still names this file; if not, its knotes are dropped. */
  current?(): boolean
}

/**
 * In `data` of NOTE_EXIT: the process has exited, and this system does not say how. Linux
 * before 6.15 tells it only of a child that was not waited for yet.
 */
export const STATUS_UNKNOWN = -1

/** A process, as far as kqueue is concerned: `struct proc`. */
export interface Process {
  readonly pid: number
  /** With the pid it tells a process from a later one that has its number. */
  readonly start?: number
  /** The knotes of EVFILT_PROC and EVFILT_SIGNAL: p_klist. */
  readonly klist: Knlist
  /** Its wait(2) status once it has exited, null while it runs. */
  readonly exitStatus: number | null

  // For copies of queues, where the kernel counts.

  /** How often a signal was sent to it. */
  signalCount?(signal: number): number
  /** How often it has forked and executed, as plain data. */
  deeds?(): unknown
  /** NOTE_FORK and NOTE_EXEC, as it has done since `deeds` said this. */
  deedsSince?(deeds: unknown): number
}

/** The descriptors of a process: `struct filedesc`. */
export interface FileTable {
  /** Whose descriptors these are, for filters that watch the process itself. */
  readonly process?: Process
  /**
   * The open file behind a descriptor, null when there is none. fget(9).
   * With `adding`, the file is about to be attached, and a kernel that learns
   * there whether the descriptor is open need not find out here.
   */
  fget(fd: number, adding: boolean): OpenFile | null
}

/** Limits that can be changed while the program runs: sysctl(8). */
export interface Sysctl {
  /** The most timers there can be at a time: kern.kq_calloutmax. */
  kq_calloutmax: number
  /** The most knotes there can be in one queue; more are ENOMEM. */
  kq_knotemax: number
}

export abstract class Kernel {
  readonly filters = new FilterTable()
  readonly sysctl: Sysctl = {
    kq_calloutmax: 4096,
    kq_knotemax: Number.POSITIVE_INFINITY,
  }
  readonly callouts = new CalloutQueue()
  /** Timers in use, for kq_calloutmax. */
  timers = 0

  constructor() {
    this.filters.install(EVFILT_READ, fileFilter)
    this.filters.install(EVFILT_WRITE, fileFilter)
    this.filters.install(EVFILT_TIMER, timerFilter)
    this.filters.install(EVFILT_USER, userFilter)
  }

  /** Nanoseconds since the kernel's start: CLOCK_MONOTONIC. */
  abstract uptime(): number
  /**
   * The time of a change: where asking costs something, the same for a whole changelist, some
   * time between its beginning and now. What is set together then also expires together.
   */
  changeTime(): number {
    return this.uptime()
  }
  /** Nanoseconds since 1970: CLOCK_REALTIME. */
  abstract realtime(): number
  /** The process of this pid, running or a zombie, that may be watched; null for none. pfind(9). */
  findProcess(_pid: number): Process | null {
    return null
  }
  /** A knote of this queue has become active: wake who waits for it. */
  abstract wakeup(kq: Kqueue): void

  /**
   * One more waits for a queue (1), or one less (-1). It counts also when it throws, as it may
   * when nobody can wait.
   */
  awaited(_kq: Awaited, _change: 1 | -1): void {}
  /** Lets somebody who waited for a queue go on. */
  resume(_kq: Awaited, goOn: () => void): void {
    goOn()
  }
  /** The time of somebody who waits is over; what is pending is theirs still. */
  expire(waiter: Waiter): void {
    waiter.kq.waiters.serve()
    waiter.finish([])
  }

  /** Sets a callout; a kernel that keeps a real timer for the first one extends this. */
  schedule(callout: Callout, time: number): void {
    this.callouts.schedule(callout, time)
  }
}
