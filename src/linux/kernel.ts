/**
 * The kernel made of Linux facilities: one for each JavaScript thread, made when
 * the thread asks for its first queue.
 *
 *     const kernel = LinuxKernel.ofThread()
 *     const kq = new LinuxQueue(kernel)
 *
 * What happens arrives in one epoll instance, `readSet`, that also holds the
 * instances for writing, out-of-band data and regular files, the timer, inotify and so on.
 * `poll` takes it in and notes the objects concerned; a scan then asks the levels.
 */
import { fileFilter } from '../core/filters/file.js'
import { type FileTable, Kernel, type OpenFile } from '../core/kernel.js'
import type { Knote } from '../core/knote.js'
import type { Kqueue } from '../core/kqueue.js'
import { NumberTable } from '../core/table.js'
import type { Waiter } from '../core/waiting.js'
import { check, EBADF, ENOMEM, ENOSPC, EPERM, KqueueError } from '../errors.js'
import {
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_FS,
  EVFILT_NETDEV,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  EVFILT_SIGNAL,
  EVFILT_VNODE,
} from '../event.js'
import { Aio } from './aio.js'
import { Descriptor, PollSide } from './descriptor/descriptor.js'
import { PipeReads } from './descriptor/pipe-reads.js'
import { EPOLL_CREATE, EPOLL_CTL, EVENTFD, type Facility, STAT, TIMERFD } from './hub/facility.js'
import { usable } from './hub/load.js'
import { Loop } from './hub/loop.js'
import {
  COUNT_UNASKED,
  EPOLLET,
  type Native,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDHUP,
  REC_COUNT,
  REC_ERROR,
  REC_EVENTS,
  REC_FD,
  REC_GENERATION,
  REC_STALE,
  RECORD,
  SIDE_EXCEPT,
  type SIDE_FILE,
  SIDE_READ,
  SIDE_WRITE,
  STAT_FIELDS,
  STAT_MODE,
} from './hub/native.js'
import { exposureFailure } from './hub/nesting.js'
import { PollSet } from './hub/pollset.js'
import { LinkTable } from './links.js'
import { MountTable } from './mounts.js'
import { linuxProcFilter, procdescFilter } from './process/filters.js'
import { ProcessTable } from './process/table.js'
import type { LinuxQueue } from './queue.js'
import { SignalTable } from './signal.js'
import { VnodeTable } from './vnode/table.js'

const S_IFMT = 0o170000
/** Records of one call to the addon. */
const BATCH = 1024
/** Descriptors remembered before those that were closed are looked for. */
const SWEEP_LEAST = 256

const isEmpty = (set: PollSet): boolean => set.empty
const isCrowded = (set: PollSet): boolean => set.crowded

let ofThread: LinuxKernel | undefined

export class LinuxKernel extends Kernel implements FileTable {
  readonly native: Native
  readonly readSet: PollSet
  readonly writeSet: PollSet
  /** The sets for out-of-band data and for regular files, as far as they were asked for. */
  readonly #further: PollSet[] = []
  readonly vnodes = new VnodeTable(this)
  readonly processes = new ProcessTable(this)
  readonly signals: SignalTable
  readonly mounts = new MountTable(this)
  readonly links = new LinkTable(this)
  readonly pipeReads = new PipeReads(this)
  readonly aio = new Aio(this)
  readonly loop: Loop
  /** An eventfd that is always readable, for the descriptors of queues. */
  readonly readyFd: number
  /** Counts scans, from 1: levels asked for one scan do not hold for the next. */
  pass = 1
  /** Why a side could not be made; see `fail`. */
  lastError = 0
  /** What `stat` found; see STAT_*. */
  readonly statistics = new Float64Array(STAT_FIELDS)

  readonly #timerFd: number
  /** When the timer will fire, Infinity when it is not set. */
  #armed = Number.POSITIVE_INFINITY
  readonly #descriptors = new NumberTable<Descriptor>()
  readonly #queues = new NumberTable<LinuxQueue>()
  /** Queues whose descriptor is known to the program. */
  readonly #exposed = new Set<LinuxQueue>()
  /** The kernel's own descriptors in `readSet`, and what to do when one fires. */
  readonly #sources = new NumberTable<() => void>()
  readonly #fired: (() => void)[] = []
  /** How many of them fire only when something else does: the timer, the other sets. */
  #idleSources = 0
  #sweepAt = SWEEP_LEAST

  readonly #records = new Int32Array(RECORD * BATCH)
  readonly #questions = new Int32Array(RECORD * BATCH)
  readonly #asked: PollSide[] = []
  /** How many levels a scan may ask at once. */
  #limit = 1

  /** The kernel of this thread. Throws ENOSYS where there can be none. */
  static ofThread(): LinuxKernel {
    ofThread ??= new LinuxKernel()
    return ofThread
  }

  private constructor() {
    super()
    this.native = usable()
    const made: number[] = []
    const make = (fd: number, facility: Facility): number => {
      made.push(facility.check(fd, 'kqueue'))
      return fd
    }
    const { native } = this
    try {
      this.readSet = new PollSet(
        native,
        make(native.epollCreate(), EPOLL_CREATE),
        SIDE_READ,
        POLLIN + POLLRDHUP,
      )
      this.writeSet = new PollSet(
        native,
        make(native.epollCreate(), EPOLL_CREATE),
        SIDE_WRITE,
        POLLOUT,
      )
      this.readyFd = make(native.eventfdCreate(1), EVENTFD)
      this.#timerFd = make(native.timerfdCreate(), TIMERFD)
      // Of the timer nothing is to be done: callouts are run whenever the kernel looks.
      const error = this.#adoptSet(this.writeSet) || this.adopt(this.#timerFd, () => {})
      if (error !== 0) throw new KqueueError(error, 'kqueue', { reason: this.reason })
      this.#idleSources = this.#sources.size
    } catch (error) {
      for (const fd of made) native.close(fd)
      throw error
    }
    this.loop = new Loop(this)
    this.signals = new SignalTable(this)
    this.filters.install(EVFILT_SIGNAL, this.signals.filter)
    this.filters.install(EVFILT_PROC, linuxProcFilter(this.processes))
    this.filters.install(EVFILT_PROCDESC, procdescFilter(this.processes))
    this.filters.install(EVFILT_EMPTY, fileFilter)
    this.filters.install(EVFILT_EXCEPT, fileFilter)
    this.filters.install(EVFILT_VNODE, fileFilter)
    this.filters.install(EVFILT_FS, this.mounts.filter)
    this.filters.install(EVFILT_NETDEV, this.links.filter)
  }

  uptime(): number {
    return this.native.monotonic()
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

  /**
   * Puts one of the kernel's own descriptors into `readSet`: `ready` is called once each
   * time it fires. Answers 0, or an errno with a reason.
   */
  adopt(fd: number, ready: () => void): number {
    this.#claim(fd)
    const error = this.native.epollAdd(this.readSet.fd, fd, POLLIN + EPOLLET, 0)
    if (error < 0) return EPOLL_CTL.refuse(this, -error)
    this.#sources.set(fd, ready)
    return 0
  }

  /**
   * A number is the kernel's own now, so the program has closed what it had under it.
   * In `readSet` our file would be taken for that one, and be taken out in its place.
   */
  #claim(fd: number): void {
    const side = this.#descriptors.get(fd)?.read
    if (side instanceof PollSide) side.clear()
    this.readSet.forget(fd)
  }

  /** Takes out one of the kernel's own descriptors, before it is closed. */
  disown(fd: number): void {
    this.#sources.delete(fd)
    this.native.epollDelete(this.readSet.fd, fd)
  }

  #adoptSet(set: PollSet): number {
    return this.adopt(set.fd, () => {
      this.#wait(set, 0, 0)
    })
  }

  /** The sets, and how deep in the event loop's epoll instance each is. */
  *sets(): IterableIterator<[PollSet, number]> {
    yield [this.readSet, 1]
    yield [this.writeSet, 2]
    for (const set of this.#further) yield [set, 2]
  }

  /** The set of a side that few ask for, made on first use; null with `lastError` set. */
  openSet(side: typeof SIDE_EXCEPT | typeof SIDE_FILE): PollSet | null {
    const known = this.#further.find((set) => set.side === side)
    if (known !== undefined) return known
    const fd = this.native.epollCreate()
    if (fd < 0) return this.fail(EPOLL_CREATE.refuse(this, -fd))
    // Of a regular file POLLIN nearly always holds, so each wakeup is an edge, whoever has
    // polled meanwhile; see docs/decisions.md.
    const set = new PollSet(this.native, fd, side, side === SIDE_EXCEPT ? POLLPRI : POLLIN)
    const error = this.#adoptSet(set)
    if (error !== 0) {
      this.native.close(fd)
      return this.fail(error)
    }
    this.#idleSources++
    this.#further.push(set)
    return set
  }

  /** Closes a set of `openSet` if nothing came of its first descriptor. */
  restSet(set: PollSet): void {
    if (!set.empty) return
    this.disown(set.fd)
    this.native.close(set.fd)
    this.#idleSources--
    this.#further.splice(this.#further.indexOf(set), 1)
  }

  /** Whether epoll takes a file, asked without polling it: EPERM comes before ENOENT. */
  takesPoll(fd: number): boolean {
    return this.native.epollModify(this.readSet.fd, fd, POLLIN + EPOLLET, 0) !== -EPERM
  }

  /** Takes the edge with which epoll greets a file, so that it is not taken for a notice. */
  greet(set: PollSet): void {
    this.#wait(set, 0, 0)
  }

  // Descriptors

  fget(fd: number, adding: boolean): OpenFile | null {
    if (fd < 0 || fd > 0x7fffffff) return null
    const kq = this.#queues.get(fd)
    if (kq?.alive()) return kq
    // A number of ours is none of the program's: it has closed what it means.
    const ours = this.#sources.get(fd) !== undefined
    const known = this.#descriptors.get(fd)
    if (known !== undefined) {
      if (!ours && known.same()) return known
      known.gone()
    }
    if (ours) return null
    return adding || this.stat(fd) !== EBADF ? new Descriptor(this, fd) : null
  }

  /** fstat(2) into `statistics`: 0 or a positive errno. */
  stat(fd: number): number {
    return -this.native.fileStat(fd, this.statistics)
  }

  /** The same: 0, or an errno with a reason. */
  look(fd: number): number {
    const error = this.stat(fd)
    if (error === EBADF) return this.refuse(EBADF, `${fd} is not an open descriptor`)
    return error === 0 ? 0 : STAT.refuse(this, error)
  }

  /** The type of the file that `stat` was last asked for: S_IFREG and so on. */
  get mode(): number {
    return this.statistics[STAT_MODE]! & S_IFMT
  }

  /** Keeps an errno in `lastError`, and answers null for it. */
  fail(error: number): null {
    this.lastError = error
    return null
  }

  remember(descriptor: Descriptor): void {
    this.#descriptors.set(descriptor.fd, descriptor)
    if (this.#descriptors.size > this.#sweepAt) this.sweep()
  }

  forget(descriptor: Descriptor): void {
    if (this.#descriptors.get(descriptor.fd) === descriptor) {
      this.#descriptors.delete(descriptor.fd)
    }
  }

  /** Finds the descriptors that were closed, and drops their knotes. */
  sweep(): void {
    for (const descriptor of this.#descriptors.values()) descriptor.current()
    for (const kq of this.#exposed) kq.alive()
    this.#sweepAt = Math.max(SWEEP_LEAST, 2 * this.#descriptors.size)
  }

  // Queues

  addQueue(kq: LinuxQueue): void {
    this.#queues.get(kq.fd)?.superseded()
    this.#queues.set(kq.fd, kq)
  }

  removeQueue(kq: LinuxQueue): void {
    if (this.#queues.get(kq.fd) === kq) this.#queues.delete(kq.fd)
    this.#exposed.delete(kq)
    if (this.#queues.size > 0) return
    this.readSet.clearParked()
    this.writeSet.clearParked()
    for (const set of this.#further) set.clearParked()
    this.aio.rest()
  }

  /** Whether there is a queue that somebody may look into. */
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
    const error = this.native.epollAdd(kq.fd, this.readSet.fd, POLLIN, 0)
    if (error < 0) throw exposureFailure(this, error, kq.fd)
    this.#exposed.add(kq)
    this.settle()
  }

  /**
   * Before control leaves the machine: the descriptors of queues and the timer say
   * what the machine knows, where somebody can be looking.
   */
  settle(): void {
    this.vnodes.settle()
    for (const kq of this.#exposed) kq.show()
    if (this.#exposed.size > 0 || this.loop.sleeping) this.#arm()
  }

  #arm(): void {
    const { next } = this.callouts
    if (next === this.#armed) return
    this.#armed = next
    if (next === Number.POSITIVE_INFINITY) {
      this.native.timerfdSet(this.#timerFd, 0, 0)
      return
    }
    const delay = Math.max(1, next - this.uptime())
    this.native.timerfdSet(this.#timerFd, Math.floor(delay / 1e9), Math.floor(delay % 1e9))
  }

  // What happens

  /**
   * Takes in what has happened, waiting `wait` ns for something (-1 for ever) when
   * nothing has. With one crossing it also learns the levels of the first `max`
   * descriptors. Answers 0, or -EINTR when a signal came first. Hot path.
   */
  poll(max: number, wait: number): number {
    let n = 0
    if (wait !== 0 || !this.#quiet) {
      this.signals.check()
      n = this.#wait(this.readSet, Math.min(max, BATCH), wait)
      // The signal that interrupts is told of before the interruption.
      if (n < 0) this.signals.harvest()
      if (this.#crowded) this.#renew()
    }
    const { callouts } = this
    if (callouts.size > 0) callouts.run(this.uptime())
    return Math.min(n, 0)
  }

  /** Whether nothing can happen but callouts. */
  get #quiet(): boolean {
    return (
      this.readSet.empty &&
      this.writeSet.empty &&
      this.#further.every(isEmpty) &&
      this.#sources.size === this.#idleSources
    )
  }

  get #crowded(): boolean {
    return this.readSet.crowded || this.writeSet.crowded || this.#further.some(isCrowded)
  }

  #wait(set: PollSet, asked: number, wait: number): number {
    const sec = wait < 0 ? -1 : Math.floor(wait / 1e9)
    const nsec = wait < 0 ? 0 : Math.ceil(wait % 1e9)
    let n = this.native.pollWait(set.fd, this.#records, asked, sec, nsec)
    // epoll reports each descriptor once, so this ends; the bound is for those
    // that fire as fast as they are taken in.
    let rest = set.size + this.#sources.size
    for (;;) {
      if (n < 0) return n
      this.#take(set, n)
      if (this.#fired.length > 0) for (const ready of this.#fired.splice(0)) ready()
      rest -= n
      if (n < BATCH || rest <= 0) return 0
      n = this.native.pollWait(set.fd, this.#records, 0, 0, 0)
    }
  }

  /** Notes the objects of `n` records. */
  #take(set: PollSet, n: number): void {
    const records = this.#records
    const kind = set.side
    for (let at = 0; at < n * RECORD; at += RECORD) {
      const fd = records[at + REC_FD]!
      const generation = records[at + REC_GENERATION]!
      if (generation === 0) {
        const ready = this.#sources.get(fd)
        if (ready !== undefined) this.#fired.push(ready)
        continue
      }
      const descriptor = this.#descriptors.get(fd)
      const side = descriptor?.side(kind)
      if (!(side instanceof PollSide) || side.generation !== generation) {
        set.reportedStranger(fd)
      } else {
        if (records[at + REC_COUNT] === COUNT_UNASKED) side.events = records[at + REC_EVENTS]!
        else this.#learn(side, records, at)
        if (side.stale) side.descriptor.gone()
        else side.edge()
      }
    }
  }

  #learn(side: PollSide, records: Int32Array, at: number): void {
    side.events = records[at + REC_EVENTS]!
    side.count = records[at + REC_COUNT]!
    side.error = records[at + REC_ERROR]! || side.error
    side.stale = (side.events & REC_STALE) !== 0
    side.pass = this.pass
  }

  /** A scan for at most `max` events begins. Hot path. */
  beginScan(max: number): void {
    this.#limit = Math.min(max, BATCH)
  }

  endScan(): void {
    this.#limit = 1
    this.pass++
  }

  /**
   * Asks the level of the side that a knote is on and, in the same crossing, of
   * those that a scan will come to next. Hot path.
   */
  askLevels(first: Knote, side: PollSide): void {
    const { set } = side
    let n = this.#question(side, 0)
    let kn = this.#limit > 1 ? first.kq.first : null
    for (; kn !== null && n < this.#limit; kn = kn.queueNext) {
      const { hook } = kn
      if (hook instanceof PollSide && hook.set === set && hook.pass !== this.pass) {
        n = this.#question(hook, n)
      }
    }
    check(this.native.pollLevels(set.fd, set.side, this.#questions, n), 'kevent')
    for (let i = 0; i < n; i++) {
      const asked = this.#asked[i]!
      this.#learn(asked, this.#questions, i * RECORD)
    }
    for (let i = 0; i < n; i++) {
      const asked = this.#asked[i]!
      if (asked.stale) asked.descriptor.gone()
    }
  }

  #question(side: PollSide, n: number): number {
    this.#questions[n * RECORD + REC_FD] = side.descriptor.fd
    this.#questions[n * RECORD + REC_GENERATION] = side.generation
    this.#questions[n * RECORD + REC_EVENTS] = side.events
    this.#asked[n] = side
    side.pass = this.pass
    return n + 1
  }

  *#held(kind: number): IterableIterator<[number, number]> {
    for (const descriptor of this.#descriptors.values()) {
      const side = descriptor.side(kind)
      if (side instanceof PollSide) yield [descriptor.fd, side.generation]
    }
  }

  /** Starts afresh where descriptors that cannot be taken out have piled up. */
  #renew(): void {
    if (this.writeSet.crowded && !this.#renewInner(this.writeSet)) return
    for (const set of this.#further) if (set.crowded && !this.#renewInner(set)) return
    if (!this.readSet.crowded) return
    this.readSet.renew(this.#held(SIDE_READ), (fd) => {
      for (const source of this.#sources.numbers()) {
        if (this.native.epollAdd(fd, source, POLLIN + EPOLLET, 0) < 0) return false
      }
      for (const kq of this.#exposed) {
        // A queue that was closed is noticed when it is asked.
        const error = this.native.epollAdd(kq.fd, fd, POLLIN, 0)
        if (error === -ENOSPC || error === -ENOMEM) return false
      }
      return this.loop.renew(fd)
    })
  }

  /** One of the sets inside `readSet`: whether it could be done. */
  #renewInner(set: PollSet): boolean {
    return set.renew(this.#held(set.side), (fd, old) => {
      this.#claim(fd)
      const error = this.native.epollAdd(this.readSet.fd, fd, POLLIN + EPOLLET, 0)
      if (error < 0) return false
      this.disown(old)
      this.#sources.set(fd, () => void this.#wait(set, 0, 0))
      return true
    })
  }
}
