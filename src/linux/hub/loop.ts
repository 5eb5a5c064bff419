/**
 * The meeting of the machine and the event loop of its thread: who sleeps until
 * a queue has events, and how they are woken. The loop watches the kernel's
 * epoll instance while somebody sleeps.
 */

import type { Kqueue } from '../../core/kqueue.js'
import type { Waiter } from '../../core/waiting.js'
import type { Hub } from './hub.js'
import { LOOP_CALLED, type LoopWatch } from './native.js'
import { pollFailure } from './nesting.js'
import type { Sets } from './sets.js'

/** A queue that is waited for. */
export interface AwaitedQueue extends Kqueue {
  /** Whether waiting for it keeps the process alive. */
  referenced: boolean
  /** Whether it has new events, for which its waiters are about to be served. */
  awake: boolean
}

/** Whose epoll instance it watches. */
export interface LoopOwner extends Hub {
  readonly sets: Sets
  /** Whether nothing has happened since the last look, and nothing is to be done. Hot path. */
  readonly still: boolean
  /** Takes in what has happened, and what a scan of `kq` will ask: 0, or a negative errno. */
  poll(max: number, wait: number, kq?: Kqueue): number
  /** Takes in what the event loop has found, so many records on the board: the same. */
  arrived(n: number): number
  queues(): Iterable<AwaitedQueue>
}

export class Loop {
  #watch: LoopWatch | undefined
  #running = false
  #referenced = false
  /** Waiters of all queues, and those of queues that keep the process alive. */
  #sleepers = 0
  #keeping = 0
  /** Queues with waiters and new events. */
  readonly #awake: AwaitedQueue[] = []
  readonly #expired: Waiter[] = []
  /** Whether the loop is calling: those who go on may wait again before it is over. */
  #called = false
  /** Whether `#serve` is about to be called. */
  #serving = false
  /** Whether the kernel looks at what happens though nobody sleeps. */
  #attending = false

  constructor(readonly owner: LoopOwner) {}

  get sleeping(): boolean {
    return this.#sleepers > 0
  }

  /** A knote of this queue has become active. Hot path. */
  wakeup(kq: AwaitedQueue): void {
    if (kq.waiters.length === 0) return
    if (!kq.awake) this.#awake.push(kq)
    kq.awake = true
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
    queueMicrotask(() => this.#look())
  }

  /**
   * Takes in what has happened by now: what is handed out would be told of as new when the event
   * loop finds it.
   */
  #look(): void {
    try {
      if (!this.owner.still) this.owner.poll(0, 0)
    } finally {
      this.#serve()
    }
  }

  /** Somebody waits for a queue. */
  enter(kq: AwaitedQueue): void {
    this.#sleepers++
    if (kq.referenced) this.#keeping++
    this.#run()
    this.owner.settle()
  }

  /** Somebody has been served, or has given up. */
  leave(kq: AwaitedQueue): void {
    this.#sleepers--
    if (kq.referenced) this.#keeping--
    if (!this.#called) this.#keep()
  }

  /** Whether waiting for this queue keeps the process alive from now on. */
  reference(kq: AwaitedQueue, referenced: boolean): void {
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
    if (attending) this.#run()
    this.#attending = attending
    if (!attending && !this.sleeping) this.#stop()
  }

  /** Watches an epoll instance instead of the one until now: whether it could be done. */
  renew(fd: number): boolean {
    const old = this.#watch
    if (old === undefined) return true
    const { native } = this.owner
    const watch = this.#makeWatch(fd)
    if (typeof watch === 'number') return false
    if (this.#running && native.loopStart(watch) < 0) return false
    native.loopStop(old)
    this.#watch = watch
    this.#referenced = false
    this.#keep()
    return true
  }

  /** Stops to watch for nobody; whether it did, and the event loop limits no more what nests. */
  relax(): boolean {
    if (!this.#running || this.sleeping || this.#attending) return false
    this.#stop()
    return true
  }

  /** Whether the event loop still allows what `readSet` holds: 0, or a negative errno. */
  allows(): number {
    return this.#running && !this.relax()
      ? this.owner.native.loopAllows(this.owner.sets.read.fd)
      : 0
  }

  /** A watch of an epoll instance, or a negative errno. */
  #makeWatch(fd: number): LoopWatch | number {
    const { native } = this.owner
    const watch = native.loopWatch(fd, (told) => {
      if (told === LOOP_CALLED) this.#goOn()
      else if (told < 0) this.#fail(told)
      else this.#ready(told)
    })
    if (typeof watch !== 'number') native.loopUnref(watch)
    return watch
  }

  #run(): void {
    const { native, sets } = this.owner
    if (this.#watch === undefined) {
      const watch = this.#makeWatch(sets.read.fd)
      if (typeof watch === 'number') throw pollFailure(sets, watch)
      this.#watch = watch
      this.#referenced = false
    }
    if (!this.#running) {
      const error = native.loopStart(this.#watch)
      if (error < 0) throw pollFailure(sets, error)
      this.#running = true
    }
    this.#keep()
  }

  #keep(): void {
    const keep = this.#keeping > 0
    if (this.#watch === undefined || keep === this.#referenced) return
    this.#referenced = keep
    if (keep) this.owner.native.loopRef(this.#watch)
    else this.owner.native.loopUnref(this.#watch)
  }

  #stop(): void {
    if (this.#watch !== undefined) this.owner.native.loopStop(this.#watch)
    this.#running = false
  }

  /** The loop says that something has happened. */
  #ready(n: number): void {
    // Left running after the last waiter had gone, to spare stopping and
    // starting for each; nobody has come, so stop.
    if (this.relax()) {
      // What they have left as it was is not to call again as soon as somebody waits.
      this.owner.arrived(n)
      this.owner.settle()
      return
    }
    this.#called = this.#serving = true
    try {
      const error = this.owner.arrived(n)
      if (error < 0) this.#fail(error)
    } finally {
      this.#serve()
    }
  }

  /** They have gone on whom the loop has woken. */
  #goOn(): void {
    this.#called = false
    this.#keep()
  }

  /** The epoll instance cannot be watched any more: nobody can be woken. */
  #fail(error: number): void {
    this.#stop()
    this.#attending = false
    const failure = pollFailure(this.owner.sets, error)
    for (const kq of this.owner.queues()) kq.waiters.fail(failure)
  }

  /** Gives waiters their events, those who came first first. */
  #serve(): void {
    try {
      for (let kq = this.#awake.shift(); kq !== undefined; kq = this.#awake.shift()) {
        kq.awake = false
        if (kq.alive()) kq.waiters.serve()
      }
      while (this.#expired.length > 0) this.#expired.shift()!.finish([])
    } finally {
      this.#serving = false
      // A signal of the program's own may throw, which is not to be in the way of the others.
      if (this.#awake.length > 0 || this.#expired.length > 0) this.#schedule()
      this.owner.settle()
    }
  }
}
