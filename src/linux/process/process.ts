/**
 * A process that is watched, as this thread's kernel sees it (`struct proc`). Its identity
 * is a pidfd, which fires when the process exits and again when it is reaped; the number
 * alone may be another process's by then. pidfd_open(2).
 *
 * Of a process whose birth it has told, the process connector also tells the end, and the
 * pidfd may be of another, which was given the number before we could open it. A child
 * that was gone before that is bare: what is still to be told of it is all that will ever
 * be known.
 *
 *     bare ─────────────── its last thread ends ────────────────┐
 *      │ found                                                  ▼
 *      ▼          has exited           somebody says how     exited ────▶ released
 *     running ───────────────▶ unsaid ─────────────────────────▶▲  reaped
 *      │ ▲                      │ ▲    or patience is over      │
 * born │ │ not needed      born │ │ not needed                  │
 *      ▼ │        has exited    ▼ │                             │
 *     counted ───────────────▶ awaited ─────────────────────────┘
 *                                      its last thread ends
 *
 * What is known at once is not waited for: running and counted may become exited. When
 * records of the connector were lost, or patience with it is over, whoever has a pidfd and
 * has not exited is running, and the pidfd is asked again. Whom nobody watches is released.
 */
import { Callout } from '../../core/callout.js'
import type { ProcessState } from '../../core/filters/proc.js'
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
import type { Hub } from '../hub/hub.js'
import { PROCESS_REAPED, PROCESS_RUNNING } from '../hub/native.js'
import { mayReadStatus, pidOfDescriptor, processStat } from './procfs.js'

/** What only the process connector knows. */
export const CONNECTOR_NOTES = (NOTE_FORK | NOTE_EXEC | NOTE_TRACK) >>> 0

/** How long a zombie may keep its status to itself, in ns; when it is reaped the kernel tells. */
const PATIENCE = 100e6

/** Who has processes watched. */
interface Watcher {
  readonly hub: Hub
  readonly connector: { after(then: () => void): void }
  /** Whether the connector is to tell of a process. */
  needsConnector(process: LinuxProcess, needed: boolean): void
  /** Nobody watches a process, whose pidfd was `fd`; -1 for none. */
  forget(process: LinuxProcess, fd: number): void
}

/** See the picture above. */
type State =
  /** It has no pidfd. */
  | { readonly name: 'bare' }
  /** The pidfd tells its end. */
  | { readonly name: 'running'; readonly fd: number }
  /** The connector tells its end. */
  | { readonly name: 'counted'; readonly fd: number }
  /** The pidfd says that it has exited; how, the connector is about to tell. */
  | { readonly name: 'awaited'; readonly fd: number; readonly patience: Callout }
  /** The pidfd says that it has exited; how, nobody has said. */
  | { readonly name: 'unsaid'; readonly fd: number; readonly patience: Callout }
  /** NOTE_EXIT has been told. */
  | { readonly name: 'exited'; readonly fd: number; readonly status: number }
  /** Nobody watches it any more. */
  | { readonly name: 'released'; readonly status: number | null }

const MOVES: Readonly<Record<State['name'], readonly State['name'][]>> = {
  bare: ['running', 'exited', 'released'],
  running: ['counted', 'unsaid', 'exited', 'released'],
  counted: ['running', 'awaited', 'exited', 'released'],
  awaited: ['running', 'unsaid', 'exited', 'released'],
  unsaid: ['running', 'awaited', 'exited', 'released'],
  exited: ['released'],
  released: [],
}

/** What the connector has told of the threads of a process. */
class Threads {
  /** Those that live, if it has told of all. */
  alive = 1
  /** There was more than one. */
  several = false
  /** Ends that are still to be told of who had the number before. */
  late = 0
  /** How the last one ended. */
  status = STATUS_UNKNOWN
}

/** A process, which is the list of its knotes; who has none left is not watched any more. */
export class LinuxProcess extends Knlist implements Process {
  /** It was there at this time: a later birth under its number is another's. */
  readonly seen: number
  /** The NOTE_CHILD of its birth was noted. */
  announced = false
  #state: State
  /** Whether the connector is to tell of it. */
  #listens = false
  #start = 0
  /** Undefined before the connector has told of them. */
  #known: Threads | undefined

  /**
   * @param fd a pidfd, -1 when there is none
   * @param since from when on it is watched, CLOCK_MONOTONIC in ns
   */
  constructor(
    readonly table: Watcher,
    readonly pid: number,
    fd: number,
    public since: number,
  ) {
    super()
    this.seen = since
    this.#state = fd === -1 ? { name: 'bare' } : { name: 'running', fd }
  }

  get klist(): Knlist {
    return this
  }

  override add(kn: Knote): void {
    super.add(kn)
    this.reckon()
  }

  override remove(kn: Knote): void {
    if (kn.list !== this) return
    super.remove(kn)
    this.reckon()
    if (this.empty) this.release()
  }

  get state(): State['name'] {
    return this.#state.name
  }

  get exitStatus(): number | null {
    return 'status' in this.#state ? this.#state.status : null
  }

  /**
   * When it began, CLOCK_BOOTTIME in ns, rounded down; 0 where that cannot be known any more. With
   * its number it tells it from others.
   */
  get start(): number {
    if (this.#start !== 0 || this.fd === -1) return this.#start
    const stat = processStat(this.number)
    if (stat !== null && this.#pidfd() !== PROCESS_REAPED) this.#start = stat.start
    return this.#start
  }

  /** Its pid, also where it was found by a pidfd; -1 when that was reaped. */
  get number(): number {
    return this.pid === 0 ? pidOfDescriptor(this.fd) : this.pid
  }

  /**
   * Whether it is the process of an image.
   * @param byPidfd it was found by a pidfd of the program's, which is the one that it was
   */
  isMeant({ pid, start }: ProcessState, byPidfd: boolean): boolean {
    if (byPidfd) return pid === 0 || this.number < 1 || this.number === pid
    return start === 0 || this.start === start
  }

  /** The original of a copy of a knote has been told that it has exited. */
  recall(status: number): void {
    if (this.exitStatus === null) this.#become({ name: 'exited', fd: this.fd, status })
  }

  /** The pidfd, -1 for none. */
  get fd(): number {
    return 'fd' in this.#state ? this.#state.fd : -1
  }

  #become(next: State): void {
    const last = this.#state
    if (!MOVES[last.name].includes(next.name)) {
      throw new Error(`process ${this.pid} cannot become ${next.name}: it is ${last.name}`)
    }
    this.#state = next
    if (!('patience' in last)) return
    if ('patience' in next && next.patience === last.patience) return
    this.table.hub.callouts.cancel(last.patience)
  }

  get #threads(): Threads {
    this.#known ??= new Threads()
    return this.#known
  }

  get runs(): boolean {
    return this.fd !== -1 && this.#pidfd() === PROCESS_RUNNING
  }

  /** Whether what it is watched for needs the connector may have changed. */
  reckon(): void {
    const state = this.#state
    const isOver = state.name === 'exited' || state.name === 'released'
    const needed = state.name === 'bare' ? !this.empty : this.asksFor(CONNECTOR_NOTES)
    if (!needed && state.name === 'counted') this.#become({ ...state, name: 'running' })
    if (!needed && state.name === 'awaited') this.#become({ ...state, name: 'unsaid' })
    const listens = needed && !isOver
    if (listens === this.#listens) return
    this.#listens = listens
    this.table.needsConnector(this, listens)
  }

  /** Lets go of a process that nobody watches. */
  release(): void {
    if (this.#state.name === 'released') return
    const fd = this.fd
    this.#become({ name: 'released', status: this.exitStatus })
    this.reckon()
    this.table.forget(this, fd)
  }

  // What the pidfd tells

  /**
   * The pidfd may have something to say: reports the exit and the end of the zombie. What
   * the connector has to tell of the process until then comes first.
   */
  look(): void {
    const pidfd = this.#pidfd()
    if (pidfd > PROCESS_RUNNING) this.table.connector.after(() => this.#fired(pidfd))
  }

  #pidfd(): number {
    const fd = this.fd
    return fd === -1 ? PROCESS_RUNNING : this.table.hub.native.pidfdState(fd)
  }

  /** It says PROCESS_EXITED or PROCESS_REAPED. */
  #fired(pidfd: number): void {
    const state = this.#state
    switch (state.name) {
      case 'bare':
      case 'awaited':
      case 'released':
        return
      case 'counted':
        this.#wait(state.fd, 'awaited')
        return
      case 'running':
      case 'unsaid': {
        const status = this.#status(state.fd, pidfd)
        if (status === null) {
          if (state.name === 'running') this.#wait(state.fd, 'unsaid')
          return
        }
        this.#exit(status)
      }
    }
    if (pidfd === PROCESS_REAPED) this.note(NOTE_REAP)
    if (this.empty) this.release()
  }

  /** How it ended, null while there is hope that somebody will tell. */
  #status(fd: number, pidfd: number): number | null {
    const { native } = this.table.hub
    const status = native.pidfdStatus(fd)
    if (status >= 0) return status
    if (pidfd !== PROCESS_REAPED) {
      const zombie = this.#zombieStatus(fd)
      if (zombie !== null) return zombie
      // It was reaped meanwhile.
      const late = native.pidfdStatus(fd)
      if (late >= 0) return late
    }
    const told = this.#threads.status
    return told !== STATUS_UNKNOWN || pidfd === PROCESS_REAPED ? told : null
  }

  /** What /proc says, as long as the pidfd says that its number is still this process's. */
  #zombieStatus(fd: number): number | null {
    const pid = pidOfDescriptor(fd)
    const stat = pid > 0 ? processStat(pid) : null
    if (stat?.state !== 'Z' && stat?.state !== 'X') return null
    if (stat.status === 0 && !mayReadStatus(pid)) return null
    return this.#pidfd() === PROCESS_REAPED ? null : stat.status
  }

  #wait(fd: number, name: 'awaited' | 'unsaid'): void {
    const { hub } = this.table
    const patience = new Callout(() => {
      if (this.#state.name === 'unsaid') this.#exit(STATUS_UNKNOWN)
      else this.#distrust()
    })
    this.#become({ name, fd, patience })
    hub.schedule(patience, hub.uptime() + PATIENCE)
  }

  // What the connector tells

  /**
   * It was born.
   * @param late ends of threads that are still to be told of who had the number before
   */
  born(late: number): void {
    Object.assign(this.#threads, { alive: 1, late })
    const state = this.#state
    if (state.name === 'running') this.#become({ ...state, name: 'counted' })
    else if (state.name === 'unsaid') this.#become({ ...state, name: 'awaited' })
  }

  /** It has one more thread. */
  threaded(): void {
    this.#threads.alive++
    this.#threads.several = true
  }

  executed(): void {
    // Until now it was the end of the threads that do not execute.
    this.#threads.status = STATUS_UNKNOWN
    this.note(NOTE_EXEC)
  }

  /** A thread of it has ended. */
  ended(status: number): void {
    const threads = this.#threads
    if (threads.late > 0) {
      threads.late--
      return
    }
    threads.status = status
    threads.alive--
    switch (this.#state.name) {
      case 'unsaid':
        this.look()
        break
      case 'bare':
      case 'counted':
      case 'awaited':
        if (threads.alive === 0) this.#over()
    }
  }

  /** The last thread has ended. */
  #over(): void {
    const pidfd = this.#pidfd()
    // With a pidfd that runs, somebody else has its number by now.
    if (pidfd === PROCESS_RUNNING) {
      this.gone()
      return
    }
    const { several, status } = this.#threads
    // Where the first thread has ended before the last, its status may be that of the process.
    this.#exit((several ? this.#status(this.fd, pidfd) : null) ?? status)
    this.#fired(pidfd)
  }

  #exit(status: number): void {
    this.#become({ name: 'exited', fd: this.fd, status })
    this.reckon()
    this.note(NOTE_EXIT)
  }

  /** Its number has a new owner: how many ends of its threads are still to be told. */
  succeeded(): number {
    const { name } = this.#state
    if (name === 'running' || name === 'unsaid') {
      const pidfd = this.#pidfd()
      if (pidfd > PROCESS_RUNNING) this.#fired(pidfd)
      return 0
    }
    this.gone()
    return name === 'exited' ? 0 : this.#threads.alive
  }

  /** Nothing more is to be heard of it. */
  gone(): void {
    if (this.#state.name === 'released') return
    const fd = this.fd
    const { status } = this.#threads
    if (this.exitStatus === null) {
      this.#exit(fd === -1 ? status : (this.#status(fd, PROCESS_REAPED) ?? status))
    }
    this.note(NOTE_REAP)
    this.release()
  }

  /** A pidfd was found for it after all. */
  recovered(fd: number): void {
    this.#become({ name: 'running', fd })
    this.reckon()
    this.look()
  }

  /** Something that it has done may have been missed. */
  missed(): void {
    this.#distrust()
    for (const kn of [...this]) {
      if ((kn.sfflags & CONNECTOR_NOTES) === 0) continue
      kn.fflags = (kn.fflags | NOTE_TRACKERR) >>> 0
      kn.activate()
    }
  }

  /** What the connector has told may not be all. */
  #distrust(): void {
    const state = this.#state
    if ('patience' in state || state.name === 'counted') {
      this.#become({ name: 'running', fd: state.fd })
    }
    this.look()
  }
}
