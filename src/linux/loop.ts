/**
 * The meeting of the machine and the event loop of its thread: who sleeps until
 * a queue has events, and how they are woken. The loop watches the kernel's
 * epoll instance while somebody sleeps.
 */
import { EventArray } from '../core/event-list.js'
import { check } from '../errors.js'
import type { LinuxKernel } from './kernel.js'
import type { LoopWatch } from './native.js'
import type { LinuxQueue, Waiter } from './queue.js'

/** Levels fetched along with the readiness when the loop wakes the machine. */
const LEVELS = 64

export class Loop {
  #watch: LoopWatch | undefined
  #running = false
  #referenced = false
  /** Waiters of all queues, and those of queues that keep the process alive. */
  #sleepers = 0
  #keeping = 0
  /** Queues with waiters and new events. */
  readonly #awake = new Set<LinuxQueue>()
  readonly #expired: Waiter[] = []
  /** Whether `#serve` is about to be called. */
  #serving = false
  /** Whether the kernel looks at what happens though nobody sleeps. */
  #attending = false

  constructor(readonly kernel: LinuxKernel) {}

  get sleeping(): boolean {
    return this.#sleepers > 0
  }

  /** A knote of this queue has become active. Hot path. */
  wakeup(kq: LinuxQueue): void {
    if (kq.waiters.length === 0) return
    this.#awake.add(kq)
    this.#schedule()
  }

  /** A waiter's time is over. */
  expire(waiter: Waiter): void {
    this.#expired.push(waiter)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#serving) return
    this.#serving = true
    queueMicrotask(() => this.#serve())
  }

  /** A waiter goes to sleep. */
  enter(waiter: Waiter): void {
    waiter.kq.waiters.push(waiter)
    this.#sleepers++
    if (waiter.kq.referenced) this.#keeping++
    this.#run()
    this.kernel.settle()
  }

  /** A waiter has been served, or has given up. */
  leave(waiter: Waiter): void {
    const { waiters } = waiter.kq
    const index = waiters.indexOf(waiter)
    if (index === -1) return
    waiters.splice(index, 1)
    this.#sleepers--
    if (waiter.kq.referenced) this.#keeping--
    this.#keep()
  }

  /** Whether waiting for this queue keeps the process alive from now on. */
  reference(kq: LinuxQueue, referenced: boolean): void {
    if (kq.referenced === referenced) return
    kq.referenced = referenced
    this.#keeping += referenced ? kq.waiters.length : -kq.waiters.length
    this.#keep()
  }

  /**
   * The kernel looks at what happens, whether somebody sleeps or not. This does not keep
   * the process alive.
   */
  attend(attending: boolean): void {
    if (this.#attending === attending) return
    this.#attending = attending
    if (attending) this.#run()
    else if (!this.sleeping) this.#stop()
  }

  /** The epoll instance has been replaced. */
  renew(): void {
    if (this.#watch === undefined) return
    this.kernel.native.loopStop(this.#watch)
    this.#watch = undefined
    this.#running = false
    if (this.sleeping || this.#attending) this.#run()
  }

  #run(): void {
    const { native, readSet } = this.kernel
    if (this.#watch === undefined) {
      this.#watch = native.loopWatch(readSet.fd, () => this.#ready())
      native.loopUnref(this.#watch)
      this.#referenced = false
    }
    if (!this.#running) {
      check(native.loopStart(this.#watch), 'kevent')
      this.#running = true
    }
    this.#keep()
  }

  #keep(): void {
    const keep = this.#keeping > 0
    if (this.#watch === undefined || keep === this.#referenced) return
    this.#referenced = keep
    if (keep) this.kernel.native.loopRef(this.#watch)
    else this.kernel.native.loopUnref(this.#watch)
  }

  #stop(): void {
    if (this.#watch !== undefined) this.kernel.native.loopStop(this.#watch)
    this.#running = false
  }

  /** The loop says that something has happened. */
  #ready(): void {
    if (!this.sleeping && !this.#attending) {
      // Left running after the last waiter had gone, to spare stopping and
      // starting for each; nobody has come, so stop.
      this.#stop()
      return
    }
    this.#serving = true
    try {
      this.kernel.poll(LEVELS, 0)
    } finally {
      this.#serve()
    }
  }

  /** Gives waiters their events, those who came first first. */
  #serve(): void {
    try {
      for (const kq of this.#awake) {
        this.#awake.delete(kq)
        this.#serveQueue(kq)
      }
      for (const waiter of this.#expired.splice(0)) waiter.finish([])
    } finally {
      this.#serving = false
    }
    this.kernel.settle()
  }

  #serveQueue(kq: LinuxQueue): void {
    if (!kq.alive()) return
    let samePass = false
    for (const waiter of [...kq.waiters]) {
      if (kq.count === 0) return
      const sink = new EventArray()
      try {
        this.kernel.scan(kq, sink, waiter.max, samePass)
      } catch (error) {
        waiter.fail(error)
      }
      samePass = true
      if (sink.events.length > 0) waiter.finish(sink.events)
    }
  }
}
