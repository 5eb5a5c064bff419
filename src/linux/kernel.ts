/**
 * The kernel made of Linux facilities: one for each JavaScript thread, made when
 * the thread asks for its first queue. It composes the hub, the descriptors and the sources,
 * and nothing that it composes imports it.
 *
 *     const kernel = LinuxKernel.ofThread()
 *     const kq = new LinuxQueue(kernel)
 *
 * What happens arrives in the epoll instances of `sets`. `poll` takes it in and notes the
 * objects concerned; a scan then asks the levels.
 */
import { constants } from 'node:fs'
import { completionFilter } from '../core/filters/completion.js'
import { fileFilter } from '../core/filters/file.js'
import { type FileTable, Kernel, type OpenFile } from '../core/kernel.js'
import type { Knote } from '../core/knote.js'
import type { Kqueue } from '../core/kqueue.js'
import type { ImageHome } from '../core/kqueue-image.js'
import { NumberTable } from '../core/table.js'
import type { Waiter } from '../core/waiting.js'
import { EBADF, refuse } from '../errors.js'
import {
  EVFILT_AIO,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_FS,
  EVFILT_LIO,
  EVFILT_NETDEV,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  EVFILT_SIGNAL,
  EVFILT_VNODE,
  type Kevent,
} from '../event.js'
import { files, processes, rare } from '../parts.js'
import type { Aio } from './aio.js'
import { AHEAD_LEAST, Ahead } from './descriptor/ahead.js'
import { Descriptor } from './descriptor/descriptor.js'
import type { DescriptorHost } from './descriptor/host.js'
import type { PipeReads } from './descriptor/pipe-reads.js'
import { DescriptorTable } from './descriptor/table.js'
import type { Made, Sources } from './fork/departure.js'
import { BATCH, boardOf, statisticsOf } from './hub/board.js'
import { EPOLL_CREATE, EPOLL_CTL, EVENTFD, type Facility, STAT, TIMERFD } from './hub/facility.js'
import { Idle } from './hub/idle.js'
import { usable } from './hub/load.js'
import { Loop } from './hub/loop.js'
import {
  BOARD_FD,
  type Native,
  type SIDE_EXCEPT,
  type SIDE_FILE,
  SIDE_READ,
  SIDE_WRITE,
  STAT_MODE,
} from './hub/native.js'
import { exposureFailure } from './hub/nesting.js'
import type { PollSet } from './hub/pollset.js'
import { type HandedSets, isWant, Sets } from './hub/sets.js'
import { Timer } from './hub/timer.js'
import { lateFilter } from './late-filter.js'
import type { LinkTable } from './links.js'
import type { MountTable } from './mounts.js'
import { processStat } from './process/procfs.js'
import type { ProcessTable } from './process/table.js'
import type { LinuxQueue, QueueHost } from './queue.js'
import { SignalTable } from './signal.js'
import type { VnodeTable } from './vnode/table.js'

const { S_IFMT } = constants

/** A time that nobody has asked for yet, */
const NOT_ASKED = -1
/** and one of nothing. */
const NO_CHANGES = -2

let ofThread: LinuxKernel | undefined

export class LinuxKernel extends Kernel implements FileTable, DescriptorHost, QueueHost {
  readonly native: Native
  readonly sets: Sets
  readonly loop: Loop
  readonly #timer: Timer
  readonly descriptors: DescriptorTable
  readonly signals: SignalTable
  // What few programs need is made when it is asked for first.
  #vnodes: VnodeTable | undefined
  #processes: ProcessTable | undefined
  #mounts: MountTable | undefined
  #links: LinkTable | undefined
  #pipeReads: PipeReads | undefined
  #aio: Aio | undefined
  /** An eventfd that is always readable, for the descriptors of queues. */
  readonly readyFd: number
  /**
   * A worker that is to be terminated can be only between two calls to the addon, so there no
   * call blocks for longer than this many ns.
   */
  readonly longestBlock: number
  readonly statistics: Float64Array
  readonly #board: Int32Array

  /** The time of the changelist that is being applied; see NOT_ASKED and NO_CHANGES. */
  #changeTime = NO_CHANGES
  readonly #idle: Idle
  readonly #ahead: Ahead
  readonly #queues = new NumberTable<LinuxQueue>(({ fd }) => fd)
  /** Queues whose descriptor is known to the program. */
  readonly #exposed = new Set<LinuxQueue>()

  /** The kernel of this thread. Throws ENOSYS where there can be none. */
  static ofThread(handed?: HandedSets): LinuxKernel {
    ofThread ??= new LinuxKernel(handed)
    return ofThread
  }

  /** @param handed sets that another process has made for this one */
  private constructor(handed: HandedSets = new Map()) {
    super()
    this.native = usable()
    this.#board = boardOf(this.native)
    this.statistics = statisticsOf(this.native)
    this.descriptors = new DescriptorTable(this.native)
    this.#idle = new Idle(this.native)
    this.#ahead = new Ahead(this.native, this.descriptors)
    this.longestBlock = this.native.threadIsFirst() === 1 ? Number.POSITIVE_INFINITY : 100e6
    const made: number[] = []
    const make = (fd: number, facility: Facility): number => {
      made.push(facility.check(fd, 'kqueue'))
      return fd
    }
    const { native } = this
    try {
      const read = make(handed.get(SIDE_READ)?.fd ?? native.epollCreate(), EPOLL_CREATE)
      const write = make(handed.get(SIDE_WRITE)?.fd ?? native.epollCreate(), EPOLL_CREATE)
      this.readyFd = make(native.eventfdCreate(1), EVENTFD)
      this.#timer = new Timer(native, make(native.timerfdCreate(), TIMERFD))
      this.sets = new Sets(native, this.descriptors, read, write, (fd) => this.#renewed(fd))
      EPOLL_CTL.check(this.sets.begin(this.#timer.fd), 'kqueue')
      this.sets.takeOver(handed)
    } catch (error) {
      for (const fd of made) native.close(fd)
      throw error
    }
    this.loop = new Loop(this)
    this.signals = new SignalTable(this)
    this.#installFilters()
  }

  #installFilters(): void {
    const { filters } = this
    filters.install(EVFILT_SIGNAL, this.signals.filter)
    filters.install(
      EVFILT_PROC,
      lateFilter(false, () => processes().linuxProcFilter(this.processes)),
    )
    filters.install(
      EVFILT_PROCDESC,
      lateFilter(true, () => processes().procdescFilter(this.processes, linkOf)),
    )
    filters.install(
      EVFILT_FS,
      lateFilter(false, () => this.mounts.filter),
    )
    filters.install(
      EVFILT_NETDEV,
      lateFilter(false, () => this.links.filter),
    )
    filters.install(EVFILT_AIO, completionFilter)
    filters.install(EVFILT_LIO, completionFilter)
    for (const filter of [EVFILT_EMPTY, EVFILT_EXCEPT, EVFILT_VNODE]) {
      filters.install(filter, fileFilter)
    }
  }

  get imageHome(): ImageHome {
    const { pid } = process
    return { system: 'linux', pid, start: processStat('self')?.start ?? 0, epoch: this.epoch }
  }

  uptime(): number {
    return this.native.monotonic()
  }

  /** Hot path. */
  override changeTime(): number {
    if (this.#changeTime === NO_CHANGES) return this.uptime()
    if (this.#changeTime === NOT_ASKED) this.#changeTime = this.uptime()
    return this.#changeTime
  }

  beginChanges(kq: LinuxQueue, changes: readonly Kevent[], n: number): void {
    this.#changeTime = NOT_ASKED
    if (n >= AHEAD_LEAST) this.#ahead.ask(changes, n, this.sets.read, kq.trusting)
  }

  endChanges(): void {
    this.#changeTime = NO_CHANGES
    this.forgetAhead()
    this.lookAtProcesses()
  }

  /** Hot path. */
  forgetAhead(): void {
    if (this.#ahead.asked) this.#ahead.end()
  }

  lookAtProcesses(): void {
    const processes = this.#processes
    if (processes === undefined || !processes.hasNews) return
    processes.hasNews = false
    this.greet(this.sets.read)
  }

  // Sources. @throws KqueueError what reading a part of the package fails with

  get vnodes(): VnodeTable {
    this.#vnodes ??= new (files().VnodeTable)(this)
    return this.#vnodes
  }

  get processes(): ProcessTable {
    this.#processes ??= new (processes().ProcessTable)(this)
    return this.#processes
  }

  get mounts(): MountTable {
    this.#mounts ??= new (rare().MountTable)(this)
    return this.#mounts
  }

  get links(): LinkTable {
    this.#links ??= new (rare().LinkTable)(this)
    return this.#links
  }

  get pipeReads(): PipeReads {
    this.#pipeReads ??= new (files().PipeReads)(this)
    return this.#pipeReads
  }

  /** @param syscall who asks for it */
  aio(syscall: string): Aio {
    this.#aio ??= new (rare(syscall).Aio)(this)
    return this.#aio
  }

  /** Those that are made. */
  get sources(): Made<Sources & { aio: Aio }> {
    return {
      aio: this.#aio,
      vnodes: this.#vnodes,
      processes: this.#processes,
      mounts: this.#mounts,
      links: this.#links,
      pipeReads: this.#pipeReads,
    }
  }

  get epoch(): bigint {
    return this.native.epoch()
  }

  realtime(): number {
    return this.native.realtime()
  }

  wakeup(kq: Kqueue): void {
    this.loop.wakeup(kq as LinuxQueue)
  }

  override awaited(kq: Kqueue, change: 1 | -1): void {
    if (change > 0) this.loop.enter(kq as LinuxQueue)
    else this.loop.leave(kq as LinuxQueue)
  }

  override expire(waiter: Waiter): void {
    this.loop.expire(waiter)
  }

  // The hub

  adopt(fd: number, ready: () => void): void {
    EPOLL_CTL.check(this.sets.adopt(fd, ready))
  }

  disown(fd: number): void {
    this.sets.disown(fd)
  }

  attend(attending: boolean): void {
    this.loop.attend(attending)
  }

  get readSet(): PollSet {
    return this.sets.read
  }

  get writeSet(): PollSet {
    return this.sets.write
  }

  openSet(side: typeof SIDE_EXCEPT | typeof SIDE_FILE): PollSet {
    const known = this.sets.find(side)
    if (known !== undefined) return known
    const fd = EPOLL_CREATE.check(this.native.epollCreate())
    const set = this.sets.add(side, fd)
    if (typeof set !== 'number') return set
    this.native.close(fd)
    throw EPOLL_CTL.failure(-set)
  }

  closeSetIfEmpty(set: PollSet): void {
    this.sets.closeIfEmpty(set)
  }

  takesPoll(fd: number): boolean {
    return this.sets.takesPoll(fd)
  }

  greet(set: PollSet): void {
    this.sets.wait(set, 0, 0)
  }

  relax(): boolean {
    return this.loop.relax()
  }

  allows(): number {
    return this.loop.allows()
  }

  #renewed(fd: number): boolean {
    this.#idle.renew()
    for (const kq of this.#exposed) {
      // A queue that was closed is noticed when it is asked.
      if (isWant(this.sets.putInto(kq.fd, fd))) return false
    }
    return this.loop.renew(fd)
  }

  // Descriptors

  fget(fd: number, adding: boolean): OpenFile | null {
    if (fd < 0 || fd > 0x7fffffff) return null
    const known = this.descriptors.get(fd)
    if (known !== undefined) {
      // Of what is only parked it is found out as it is added again.
      if (known.same(adding)) return known
      known.gone()
    }
    const kq = this.#queues.get(fd)
    if (kq?.alive()) return kq
    // A number of ours is none of the program's: it has closed what it means.
    if (this.sets.isOwn(fd)) return null
    return adding || this.stat(fd) !== EBADF ? new Descriptor(this, fd) : null
  }

  stat(fd: number): number {
    this.#board[BOARD_FD] = fd
    return -this.native.fileStat()
  }

  statOpen(fd: number): void {
    const error = this.stat(fd)
    if (error === EBADF) refuse(EBADF, `${fd} is not an open descriptor`)
    STAT.check(-error)
  }

  get mode(): number {
    return this.statistics[STAT_MODE]! & S_IFMT
  }

  /** Finds the descriptors and queues that were closed, and drops their knotes. */
  sweep(): void {
    this.descriptors.sweep()
    for (const kq of this.#exposed) kq.alive()
  }

  // Queues

  addQueue(kq: LinuxQueue): void {
    this.#queues.get(kq.fd)?.superseded()
    this.descriptors.get(kq.fd)?.gone()
    this.#queues.set(kq)
  }

  removeQueue(kq: LinuxQueue): void {
    if (this.#queues.get(kq.fd) === kq) this.#queues.delete(kq.fd)
    this.#exposed.delete(kq)
    if (this.#queues.size > 0) return
    this.sets.clearParked()
    this.#idle.close()
    this.#aio?.attendOrClose()
  }

  get hasQueues(): boolean {
    return this.#queues.size > 0
  }

  queues(): Iterable<LinuxQueue> {
    return [...this.#queues.values()]
  }

  /**
   * The program knows the descriptor of a queue: it becomes readable with the
   * thread's epoll instance. Not before, because Linux takes its time to add to an
   * instance that is in another.
   */
  expose(kq: LinuxQueue): void {
    const error = this.sets.putInto(kq.fd)
    if (error < 0) throw exposureFailure(this.sets, error, kq.fd)
    this.#exposed.add(kq)
    this.settle()
  }

  settle(): void {
    this.#vnodes?.drainRemoved()
    if (this.#exposed.size > 0) for (const kq of this.#exposed) kq.show()
    if (this.#exposed.size > 0 || this.loop.sleeping) this.#timer.arm(this.callouts.next)
    // What has been asked until now is not what holds when control comes back.
    this.descriptors.pass++
  }

  // What happens

  drainProcesses(): void {
    this.#processes?.connector.drain()
  }

  lookAtFiles(): void {
    this.#vnodes?.look()
  }

  settleFiles(): void {
    this.#vnodes?.settle()
  }

  /**
   * Takes in what has happened, waiting `wait` ns for something (-1 for ever) when
   * nothing has. With one crossing it also learns the levels of the first `max`
   * descriptors, and of those that a scan of `kq` will ask. Answers 0, or -EINTR when a signal
   * came first. Hot path.
   */
  poll(max: number, wait: number, kq?: Kqueue): number {
    const { sets, callouts } = this
    let n = 0
    if (wait !== 0 || !sets.quiet) {
      this.signals.check()
      n =
        kq === undefined
          ? sets.wait(sets.read, Math.min(max, BATCH), wait)
          : this.#look(max, wait, kq)
      // The signal that interrupts is told of before the interruption.
      if (n < 0) this.signals.harvest()
      if (sets.crowded) sets.renew()
    }
    if (callouts.size > 0) callouts.run(this.uptime())
    return Math.min(n, 0)
  }

  /** The same of what the event loop has found, so many records on the board. Hot path. */
  arrived(found: number): number {
    const { sets, callouts } = this
    this.signals.check()
    const n = sets.arrived(found)
    if (sets.crowded) sets.renew()
    if (callouts.size > 0) callouts.run(this.uptime())
    return n
  }

  get still(): boolean {
    const { sets } = this
    return this.callouts.size === 0 && sets.plain && (sets.quiet || this.#idle.holds())
  }

  /** For a scan of `kq`: with a system call only where something can have happened. */
  #look(max: number, wait: number, kq: Kqueue): number {
    const { sets, descriptors } = this
    const questions = descriptors.prepare(kq, max, sets.read)
    if (wait !== 0) return sets.wait(sets.read, Math.min(max, BATCH), wait, questions)
    if (questions === 0 && !descriptors.awaitsLevels && this.#idle.holds()) return 0
    const n = sets.wait(sets.read, Math.min(max, BATCH), 0, questions)
    if (n === 0) descriptors.waited()
    this.#idle.looked(sets.read.fd, sets.taken !== 0)
    return n
  }
}

/** What /proc says of the descriptor that a knote watches; that of a queue is none. */
function linkOf({ file }: Knote): string {
  return file instanceof Descriptor ? file.link : 'a kqueue'
}
