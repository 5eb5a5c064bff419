/**
 * The processes that this thread watches, one for each however many knotes: `allproc`, and
 * what pidfds and the process connector tell of them.
 *
 *     return table.watch(kn)
 *
 * The forks of a process come before its exit is believed, whoever tells of it first.
 */
import { statSync } from 'node:fs'
import { attempt, orUndo } from '../../core/failure.js'
import {
  checkProcess,
  imageOfProcess,
  type ProcessState,
  resumeProcess,
  watchProcess,
} from '../../core/filters/proc.js'
import { noteFork } from '../../core/fork.js'
import type { Origin } from '../../core/image.js'
import { invalidImage, record, truth, whole } from '../../core/image-check.js'
import { type Process, STATUS_UNKNOWN } from '../../core/kernel.js'
import type { Knote } from '../../core/knote.js'
import type { ProcessJournal } from '../../core/process-journal.js'
import { EBADF, EINVAL, ENOENT, ESRCH, KqueueError, refuse } from '../../errors.js'
import { NOTE_FORK, NOTE_REAP, NOTE_TRACK } from '../../event.js'
import { boardOf } from '../hub/board.js'
import { monotonicTime } from '../hub/clock.js'
import { DUPLICATE, PIDFD } from '../hub/facility.js'
import type { Hub } from '../hub/hub.js'
import { BOARD_FD, BOARD_NSEC, BOARD_SEC } from '../hub/native.js'
import { Connector, type ConnectorListener } from './connector.js'
import { CONNECTOR_NOTES, LinuxProcess } from './process.js'
import { childrenByParent, processStat, procfsIsOurs, TICK } from './procfs.js'

/** pidfd_open(2), since Linux 6.9. */
const PIDFS = 0x50494446

/** A pidfd of a thread, and its inode, which no other process has. */
interface Pidfd {
  readonly fd: number
  readonly ino: bigint
}

/** What tells another process of processes from now on. */
export interface HandedProcesses {
  /** The process connector's socket, -1 for none. */
  readonly connector: number
  /** Those that have a pidfd, which stays ours as well. */
  readonly held: readonly HandedProcess[]
}

interface HandedProcess {
  readonly pid: number
  readonly fd: number
  /** From when on it is watched, CLOCK_MONOTONIC in ns. */
  readonly since: number
}

export interface LinuxProcessState extends ProcessState {
  readonly pidfd: Pidfd | null
  /** Whether there is a pidfd; without, the number may be another's. */
  readonly known: boolean
}

export class ProcessTable implements ConnectorListener {
  readonly connector: Connector
  /** Who keeps the times of what happens. */
  readonly journals = new Set<ProcessJournal>()
  /** Those with a pidfd, by pid. */
  readonly #held = new Map<number, LinuxProcess>()
  /** Those without, by pid: they had the number before the one in `#held`. */
  readonly #gone = new Map<number, LinuxProcess>()
  /** Those of which the connector is to tell. */
  readonly #listeners = new Set<LinuxProcess>()
  #tellsReap: boolean | undefined
  /**
   * A process was watched that may have exited before. epoll tells of that at once: one look
   * is for all that one changelist adds in a row.
   */
  hasNews = false
  /** Knotes that are about to be attached: the connector goes on. */
  #watching = 0
  /** Those that were handed over, by pid, until somebody asks for them. */
  readonly #handed = new Map<number, HandedProcess>()
  /** Something was handed over, and the knotes are still to come. */
  #arriving = false

  constructor(readonly hub: Hub) {
    this.connector = new Connector(hub, this)
  }

  /** The process of a pid, running or a zombie, with a pidfd. @throws KqueueError ESRCH */
  open(pid: number): LinuxProcess {
    return this.#seek(pid) ?? refuse(ESRCH, `there is no process ${pid}`)
  }

  /** The same, null when there is none. */
  #seek(pid: number): LinuxProcess | null {
    const known = this.#held.get(pid)
    // It may have been reaped, and the number be another's.
    if (!this.#arriving) known?.look()
    if (known !== undefined && this.#held.get(pid) === known) return known
    if (!Number.isInteger(pid) || pid < 1 || pid > 0x7fffffff) return null
    const handed = this.#handed.get(pid)
    if (handed !== undefined) {
      this.#handed.delete(pid)
      return this.#hold(pid, handed.fd, handed.since)
    }
    const fd = this.#openPidfd(pid)
    // Linux has a number for each thread, too, and has changed what it says of them.
    if (fd === -EINVAL || fd === -ENOENT || fd === -ESRCH) return null
    return this.#hold(pid, PIDFD.check(fd), this.#openedAt())
  }

  #openPidfd(pid: number): number {
    const { native } = this.hub
    boardOf(native)[BOARD_FD] = pid
    return native.pidfdOpen()
  }

  /** When the last pidfd was opened, CLOCK_MONOTONIC in ns: to be asked at once. */
  #openedAt(): number {
    const board = boardOf(this.hub.native)
    return board[BOARD_SEC]! * 1e9 + board[BOARD_NSEC]!
  }

  /** Takes in a process by its pidfd. */
  #hold(pid: number, fd: number, since: number): LinuxProcess {
    const process = this.#listenTo(new LinuxProcess(this, pid, fd, since), fd)
    this.#held.set(pid, process)
    return process
  }

  #listenTo(process: LinuxProcess, fd: number): LinuxProcess {
    const { hub } = this
    orUndo(
      () => hub.adopt(fd, () => process.look()),
      () => hub.native.close(fd),
    )
    return process
  }

  /** A process behind a pidfd of the program's, under a descriptor of our own. @throws KqueueError */
  duplicate(fd: number): LinuxProcess {
    const own = this.hub.native.pidfdDuplicate(fd)
    if (own === -EBADF) refuse(EBADF, `${fd} is not an open descriptor`)
    DUPLICATE.check(own)
    return this.#listenTo(new LinuxProcess(this, 0, own, monotonicTime(this.hub.native)), own)
  }

  forget(process: LinuxProcess, fd: number): void {
    if (this.#held.get(process.pid) === process) this.#held.delete(process.pid)
    if (this.#gone.get(process.pid) === process) this.#gone.delete(process.pid)
    if (fd === -1) return
    this.hub.disown(fd)
    this.hub.native.close(fd)
  }

  // Knotes

  /** Attaches a knote to its process: 0. @throws KqueueError */
  watch(kn: Knote): number {
    this.#begin()
    try {
      this.#prepare(kn.sfflags)
      const process = this.#processOf(kn)
      watchProcess(kn, process)
      if (kn.ops.isFd) process.look()
      this.hasNews = true
      if (process.empty) process.release()
      return 0
    } finally {
      this.#end()
    }
  }

  /** The process of the pidfd that a knote watches, or of the number. @throws KqueueError */
  #processOf({ ident, ops }: Knote): LinuxProcess {
    return ops.isFd ? this.duplicate(ident) : this.open(ident)
  }

  /** Changes what a knote asks for: 0. @throws KqueueError */
  change(kn: Knote, notes: number): number {
    this.#begin()
    try {
      this.#prepare(notes)
      kn.sfflags = notes
      // Of a copy whose process was gone there is nothing to ask for.
      if (kn.hook instanceof LinuxProcess) kn.hook.reckon()
      return 0
    } finally {
      this.#end()
    }
  }

  /** The process that has the number of one that has exited by now, null for none. */
  successor(process: LinuxProcess): LinuxProcess | null {
    if (process.exitStatus === null) return null
    const other = this.#seek(process.pid)
    if (other === null) return null
    const runs = other !== process && other.runs
    this.#lookOrRelease(other)
    return runs ? other : null
  }

  // Copies of knotes

  /** What is known of the process of a knote. */
  image(kn: Knote): LinuxProcessState {
    const process = kn.hook as Process
    const given = imageOfProcess(kn)
    if (!(process instanceof LinuxProcess)) return { ...given, pidfd: null, known: false }
    const pid = Math.max(0, process.number)
    return { ...given, pid, pidfd: this.#pidfdOf(process.fd), known: process.fd !== -1 }
  }

  /** What tells a pidfd from others; null where pidfds are no files of their own. */
  #pidfdOf(fd: number): Pidfd | null {
    if (fd === -1 || this.hub.native.fileSystem(fd) !== PIDFS) return null
    return { fd, ino: statSync(`/proc/self/fd/${fd}`, { bigint: true }).ino }
  }

  /** Attaches a copy to its process. @throws KqueueError */
  restore(kn: Knote, state: unknown, from: Origin): number {
    const isTold = (kn.sfflags & CONNECTOR_NOTES) === 0 || this.connector.handed
    const origin = { ...from, handed: from.handed && isTold }
    const given = checkProcess(kn, state)
    const { known, pidfd } = checkKnown(state)
    if (!given.watched) {
      resumeProcess(kn, given, null, origin)
      return 0
    }
    this.#begin()
    try {
      this.#prepare(kn.sfflags)
      const process = known ? unlessGone(() => this.#processOf(kn)) : null
      if (process?.isMeant(given, kn.ops.isFd)) this.#resume(kn, given, process, origin)
      else resumeProcess(kn, given, null, origin, this.#statusBehind(pidfd))
      if (process?.klist.empty) process.release()
      return 0
    } finally {
      this.#end()
    }
  }

  #resume(kn: Knote, given: ProcessState, process: LinuxProcess, origin: Origin): void {
    if (!origin.handed) process.look()
    if (given.status !== null) process.recall(given.status)
    resumeProcess(kn, given, process, origin)
  }

  /** How a process has ended that is gone, as far as a pidfd of another thread still says. */
  #statusBehind(pidfd: Pidfd | null): number {
    if (pidfd === null || this.#pidfdOf(pidfd.fd)?.ino !== pidfd.ino) return STATUS_UNKNOWN
    return Math.max(STATUS_UNKNOWN, this.hub.native.pidfdStatus(pidfd.fd))
  }

  /** Until `#end` the connector goes on, though nobody may need it yet. */
  #begin(): void {
    // What has happened until now is not for who comes now.
    this.connector.drain()
    this.#watching++
  }

  #end(): void {
    this.#watching--
    this.stopIfIdle()
  }

  /** Makes sure that notes can come. @throws KqueueError */
  #prepare(notes: number): void {
    if (notes & NOTE_REAP) this.#tellReap()
    if (notes & CONNECTOR_NOTES) this.connector.start()
  }

  /** Reports what a process is by now, and lets go of one that nobody watches. */
  #lookOrRelease(process: LinuxProcess): void {
    process.look()
    if (process.klist.empty) process.release()
  }

  /** Makes sure that pidfds tell of the end of zombies. */
  #tellReap(): void {
    this.#tellsReap ??= PIDFD.check(this.hub.native.pidfdTellsReap()) === 1
    if (!this.#tellsReap) refuse(EINVAL, 'NOTE_REAP needs Linux 6.9')
  }

  needsConnector(process: LinuxProcess, needed: boolean): void {
    if (needed) this.#listeners.add(process)
    else this.#listeners.delete(process)
    this.stopIfIdle()
  }

  /** Stops to listen when nobody needs it. */
  stopIfIdle(): void {
    if (this.#listeners.size === 0 && this.#watching === 0) this.connector.stop()
  }

  // From one process to another

  /** What other processes are to be told of those of some knotes. */
  handOver(knotes: Iterable<Knote>): HandedProcesses {
    const held = new Map<number, HandedProcess>()
    let listens = false
    for (const { hook, sfflags } of knotes) {
      if (!(hook instanceof LinuxProcess)) continue
      listens ||= (sfflags & CONNECTOR_NOTES) !== 0
      const { pid, fd, since } = hook
      if (this.#held.get(pid) === hook && fd !== -1) held.set(pid, { pid, fd, since })
    }
    return { connector: listens ? this.connector.handOver() : -1, held: [...held.values()] }
  }

  /** It was handed over. */
  takeOver({ connector, held }: HandedProcesses): void {
    for (const process of held) this.#handed.set(process.pid, process)
    this.#arriving = true
    if (connector >= 0) this.connector.takeOver(connector)
  }

  /** The knotes are there: what has happened meanwhile is for them. */
  takenOver(): void {
    for (const { fd } of this.#handed.values()) this.hub.native.close(fd)
    this.#handed.clear()
    this.#arriving = false
    this.connector.takenOver()
    for (const process of [...this.#held.values()]) this.#lookOrRelease(process)
  }

  // What the connector tells

  /** Who has the number as far as the connector has told. */
  #find(pid: number): LinuxProcess | undefined {
    return this.#gone.get(pid) ?? this.#held.get(pid)
  }

  forked(parentPid: number, pid: number, time: number): void {
    const late = this.#passOn(pid, time)
    const parent = this.#find(parentPid)
    if (parent === undefined) return
    if (!parent.asksFor(NOTE_TRACK)) {
      parent.klist.note(NOTE_FORK)
      return
    }
    const child = this.#child(pid, time)
    // It may have been found in /proc before.
    if (child.announced && child.seen >= time) return
    child.born(late)
    this.#follow(parent, child, time)
  }

  /**
   * A number has a new owner: the one that had it before is gone. How many ends of its
   * threads are still to be told: a process may be waited for a moment before that.
   */
  #passOn(pid: number, time: number): number {
    let late = 0
    for (const former of [this.#gone.get(pid), this.#held.get(pid)]) {
      if (former !== undefined && former.seen < time) late += former.succeeded()
    }
    return late
  }

  #follow(parent: LinuxProcess, child: LinuxProcess, time: number): void {
    child.announced = true
    for (const journal of this.journals) journal.forked(parent.pid, child.pid, time)
    noteFork(parent, child)
    child.reckon()
    this.#lookOrRelease(child)
  }

  /** The child that was forked at a time, which may be gone and its number another's. */
  #child(pid: number, time: number): LinuxProcess {
    const known = this.#held.get(pid)
    if (known !== undefined) return known
    const fd = this.#openOlder(pid, time)
    const held = fd < 0 ? null : attempt(() => this.#hold(pid, fd, time))
    if (held !== null) return held
    const child = new LinuxProcess(this, pid, -1, time)
    this.#gone.set(pid, child)
    return child
  }

  /** A pidfd for a number, if its process began before a time; -1 otherwise. */
  #openOlder(pid: number, time: number): number {
    const { native } = this.hub
    const fd = this.#openPidfd(pid)
    if (fd < 0) return -1
    if (this.#isOlder(pid, time)) return fd
    native.close(fd)
    return -1
  }

  /** Whether the process that has a number now began before a time, CLOCK_MONOTONIC in ns. */
  #isOlder(pid: number, time: number): boolean {
    const stat = processStat(pid)
    return stat !== null && stat.start <= time + this.hub.native.suspended()
  }

  threaded(pid: number): void {
    this.#find(pid)?.threaded()
  }

  executed(pid: number, time: number): void {
    const process = this.#find(pid)
    if (process === undefined) return
    if (this.journals.size > 0) {
      const execution = {
        time,
        name: this.connector.programName(),
        argv: this.connector.programWords(),
      }
      for (const journal of this.journals) journal.executed(pid, execution)
    }
    process.executed()
  }

  ended(pid: number, status: number, time: number): void {
    const process = this.#find(pid)
    if (process === undefined) return
    for (const journal of this.journals) journal.ended(pid, time)
    process.ended(status)
  }

  /**
   * The connector has lost messages: tells all who rely on it, and looks in /proc for
   * children of followed processes that are not known.
   */
  missed(): void {
    for (const process of [...this.#gone.values()]) this.#recover(process)
    const tracked = [...this.#listeners].filter((process) => process.asksFor(NOTE_TRACK))
    for (const process of [...this.#listeners]) process.missed()
    if (tracked.length === 0 || !procfsIsOurs()) return
    const children = childrenByParent()
    const suspended = this.hub.native.suspended()
    // The list grows by the children that are found, which are followed as well.
    for (const parent of tracked) {
      const since = parent.since + suspended
      for (const { pid, start } of children.get(parent.pid) ?? []) {
        if (start + TICK <= since || this.#held.get(pid)?.announced) continue
        const child = attempt(() => this.#seek(pid))
        if (child === null) continue
        child.since = start - suspended
        if (processStat(pid)?.parent === parent.pid) this.#follow(parent, child, child.since)
        if (child.asksFor(NOTE_TRACK)) tracked.push(child)
        else this.#lookOrRelease(child)
      }
    }
  }

  /** Of a process without a pidfd the exit may be what was lost. */
  #recover(process: LinuxProcess): void {
    const { pid, since } = process
    const fd = this.#held.has(pid) ? -1 : this.#openOlder(pid, since)
    if (fd < 0) {
      process.gone()
      return
    }
    if (attempt(() => this.#listenTo(process, fd)) === null) return
    this.#gone.delete(pid)
    this.#held.set(pid, process)
    process.recovered(fd)
  }
}

/** @throws KqueueError EINVAL */
function checkKnown(state: unknown): Pick<LinuxProcessState, 'known' | 'pidfd'> {
  const { known, pidfd } = record<'known' | 'pidfd'>(state, 'state')
  const isKnown = truth(known, 'state.known')
  return { known: isKnown, pidfd: pidfd === null ? null : checkPidfd(pidfd) }
}

function checkPidfd(pidfd: unknown): Pidfd {
  const given = record<'fd' | 'ino'>(pidfd, 'state.pidfd')
  const fd = whole(given.fd, 'state.pidfd.fd', 0, 0x7fffffff)
  const { ino } = given
  if (typeof ino !== 'bigint') throw invalidImage('state.pidfd.ino', 'a bigint')
  return { fd, ino }
}

/** The process that `open` finds, null when there is none any more. */
function unlessGone(open: () => LinuxProcess): LinuxProcess | null {
  try {
    return open()
  } catch (error) {
    if (error instanceof KqueueError && error.errno === -ESRCH) return null
    throw error
  }
}
