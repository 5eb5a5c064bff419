/**
 * A process that is watched, as this thread's kernel sees it (`struct proc`). Its identity
 * is a pidfd, which fires when the process exits and again when it is reaped; the number
 * alone may be another process's by then. pidfd_open(2).
 *
 * A child of which the process connector has told, and that was gone before a pidfd could
 * be opened, has none: what is still to be told of it is all that will ever be known.
 */
import { Callout } from '../../core/callout.js'
import { type Process, STATUS_UNKNOWN } from '../../core/kernel.js'
import { Knlist } from '../../core/knlist.js'
import type { Knote } from '../../core/knote.js'
import {
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_REAP,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from '../../event.js'
import { PROCESS_REAPED, PROCESS_RUNNING } from '../hub/native.js'
import { mayReadStatus, pidOfDescriptor, processStat } from './procfs.js'
import type { ProcessTable } from './table.js'

/** What only the process connector knows. */
export const CONNECTOR_NOTES = (NOTE_FORK | NOTE_EXEC | NOTE_TRACK) >>> 0

/** How long a zombie may keep its status to itself, in ns; when it is reaped the kernel tells. */
const PATIENCE = 100e6

/** The knotes of a process; who has none left is not watched any more. */
class ProcessList extends Knlist {
  constructor(readonly process: LinuxProcess) {
    super()
  }

  override add(kn: Knote): void {
    super.add(kn)
    this.process.reckon()
  }

  override remove(kn: Knote): void {
    if (kn.list !== this) return
    super.remove(kn)
    this.process.reckon()
    if (this.empty) this.process.release()
  }
}

export class LinuxProcess implements Process {
  readonly klist: Knlist = new ProcessList(this)
  exitStatus: number | null = null
  /** It was there at this time: a later birth under its number is another's. */
  readonly seen: number
  /** The NOTE_CHILD of its birth was noted. */
  announced = false
  /**
   * The connector has told of its birth and of all since: it also tells the end. The pidfd
   * may be of another process, which was given the number before we could open it.
   */
  counted = false
  /** Threads that live, if it is counted. */
  threads = 1
  /** The status that the connector has told last: that of a thread. */
  told = STATUS_UNKNOWN
  #late = 0
  #hadThreads = false
  /** Ends the wait for a status that nobody tells. */
  #patience: Callout | null = null

  /**
   * @param fd a pidfd, -1 when there is none
   * @param since from when on it is watched, CLOCK_MONOTONIC in ns
   */
  constructor(
    readonly table: ProcessTable,
    readonly pid: number,
    public fd: number,
    public since: number,
  ) {
    this.seen = since
  }

  asksFor(notes: number): boolean {
    for (const kn of this.klist) if (kn.sfflags & notes) return true
    return false
  }

  get runs(): boolean {
    return this.fd !== -1 && this.#state() === PROCESS_RUNNING
  }

  /** Whether what it is watched for needs the connector may have changed. */
  reckon(): void {
    const needed = this.fd === -1 ? !this.klist.empty : this.asksFor(CONNECTOR_NOTES)
    if (!needed) this.counted = false
    this.table.needsConnector(this, needed && this.exitStatus === null)
  }

  /** Lets go of a process that nobody watches. */
  release(): void {
    if (this.#patience !== null) this.table.kernel.callouts.cancel(this.#patience)
    this.table.forget(this)
  }

  /**
   * The pidfd may have something to say: reports the exit and the end of the zombie. What
   * the connector has to tell of the process until then comes first.
   */
  look(): void {
    const state = this.#state()
    if (state > PROCESS_RUNNING) this.table.connector.after(() => this.#ended(state))
  }

  /** The same where the connector has told everything. */
  lookAtOnce(): void {
    const state = this.#state()
    if (state > PROCESS_RUNNING) this.#ended(state)
  }

  #state(): number {
    if (this.fd === -1) return PROCESS_RUNNING
    return this.table.kernel.native.pidfdState(this.fd)
  }

  #ended(state: number): void {
    if (this.fd === -1) return
    if (this.exitStatus === null) {
      const status = this.counted ? null : this.#status(state)
      if (status === null) {
        this.#wait()
        return
      }
      this.exited(status)
    }
    if (state === PROCESS_REAPED) this.klist.note(NOTE_REAP)
    if (this.klist.empty) this.release()
  }

  /** How it ended, null while there is hope that somebody will tell. */
  #status(state: number): number | null {
    const { native } = this.table.kernel
    const status = native.pidfdStatus(this.fd)
    if (status >= 0) return status
    if (state !== PROCESS_REAPED) {
      const zombie = this.#zombieStatus()
      if (zombie !== null) return zombie
      // It was reaped meanwhile.
      const late = native.pidfdStatus(this.fd)
      if (late >= 0) return late
    }
    if (this.told !== STATUS_UNKNOWN) return this.told
    return state === PROCESS_REAPED ? STATUS_UNKNOWN : null
  }

  /** What /proc says, as long as the pidfd says that its number is still this process's. */
  #zombieStatus(): number | null {
    const pid = pidOfDescriptor(this.fd)
    const stat = pid > 0 ? processStat(pid) : null
    if (stat?.state !== 'Z' && stat?.state !== 'X') return null
    if (stat.status === 0 && !mayReadStatus(pid)) return null
    const { native } = this.table.kernel
    return native.pidfdState(this.fd) === PROCESS_REAPED ? null : stat.status
  }

  #wait(): void {
    if (this.#patience !== null) return
    const { kernel } = this.table
    this.#patience = new Callout(() => {
      this.#patience = null
      if (this.counted) this.distrust()
      else this.exited(STATUS_UNKNOWN)
    })
    kernel.schedule(this.#patience, kernel.uptime() + PATIENCE)
  }

  /**
   * The connector has told of its birth.
   * @param late ends of threads that are still to be told of who had the number before
   */
  born(late: number): void {
    this.counted = true
    this.threads = 1
    this.#late = late
  }

  /** The connector tells that it has one more thread. */
  threaded(): void {
    this.threads++
    this.#hadThreads = true
  }

  /** The connector tells how a thread of it has ended. */
  ended(status: number): void {
    if (this.#late > 0) {
      this.#late--
      return
    }
    this.told = status
    this.threads--
    // Of those that are not counted the pidfd knows when the last thread has ended.
    if (this.threads === 0 && (this.counted || this.fd === -1)) this.#over()
    else if (this.#patience !== null) this.look()
  }

  /** The last thread has ended. */
  #over(): void {
    const state = this.#state()
    // With a pidfd that runs, somebody else has its number by now.
    if (state === PROCESS_RUNNING) {
      this.gone()
      return
    }
    // Where the first thread has ended before the last, its status may be that of the process.
    this.exited((this.#hadThreads ? this.#status(state) : null) ?? this.told)
    this.#ended(state)
  }

  /** What the connector has told may not be all. */
  distrust(): void {
    this.counted = false
    if (this.#patience !== null) this.table.kernel.callouts.cancel(this.#patience)
    this.#patience = null
    this.look()
  }

  /** It has exited. */
  exited(status: number): void {
    if (this.exitStatus !== null) return
    this.exitStatus = status
    this.reckon()
    this.klist.note(NOTE_EXIT)
  }

  /** Nothing more is to be heard of it. */
  gone(): void {
    this.exited(this.fd === -1 ? this.told : (this.#status(PROCESS_REAPED) ?? this.told))
    this.klist.note(NOTE_REAP)
    this.release()
  }

  /** Something that it has done may have been missed. */
  missed(): void {
    this.distrust()
    for (const kn of [...this.klist]) {
      if ((kn.sfflags & CONNECTOR_NOTES) === 0) continue
      kn.fflags = (kn.fflags | NOTE_TRACKERR) >>> 0
      kn.activate()
    }
  }
}
