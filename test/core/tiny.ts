/**
 * The smallest kernel that the machine runs on: a clock that only moves when it
 * is told, files that are what a test says, and a record of who was woken.
 */
import assert from 'node:assert/strict'
import {
  applyChanges,
  type Callout,
  type Change,
  EV_SET,
  EventArray,
  type FileTable,
  type FilterOps,
  Kernel,
  type Kevent,
  KN_DROPPED,
  KN_QUEUED,
  Knlist,
  type Knote,
  Kqueue,
  type OpenFile,
} from 'kqueue/core'

/** The number of the filter that a test adds. */
export const MINE = -100

export class TinyKernel extends Kernel implements FileTable {
  /** ns since the start. */
  time = 0
  /** When the kernel started, in ns since 1970. */
  epoch = 1e15
  /** Who was woken, in order. */
  readonly woken: Kqueue[] = []
  /** Callouts that may still be set: what would never end throws instead. */
  patience = 100_000_000
  readonly #files = new Map<number, OpenFile>()
  #nextFd = 3

  uptime(): number {
    return this.time
  }

  now(): number {
    return this.time
  }

  realtime(): number {
    return this.epoch + this.time
  }

  wakeup(kq: Kqueue): void {
    this.woken.push(kq)
  }

  override schedule(callout: Callout, time: number): void {
    if (this.patience-- <= 0) throw new Error('callouts are set without end')
    super.schedule(callout, time)
  }

  fget(fd: number): OpenFile | null {
    return this.#files.get(fd) ?? null
  }

  /** Puts a file behind the next free descriptor. */
  open(file: OpenFile): number {
    this.#files.set(this.#nextFd, file)
    return this.#nextFd++
  }

  /** A queue without a descriptor. */
  kqueue(): Kqueue {
    return new Kqueue(this, this)
  }

  /** Moves the clock; callouts are called at their time. */
  advance(ns: number): void {
    const end = this.time + ns
    while (this.callouts.next <= end) {
      this.time = Math.max(this.time, this.callouts.next)
      this.callouts.runFirst()
    }
    this.time = end
  }

  /** Moves the clock at one stroke; callouts are late. */
  jump(ns: number): void {
    this.time += ns
    this.callouts.run(this.time)
  }
}

/** What kevent(2) does on every kernel, without sleeping. */
export function kevent(kq: Kqueue, changes: readonly Change[], room = 0): Kevent[] {
  const sink = new EventArray()
  const list = changes.map((c) => EV_SET(c.ident, c.filter, c.flags, c.fflags, c.data, c.udata))
  const answered = applyChanges(kq, list, list.length, sink, room)
  if (answered === 0 && room > 0) kq.scan(sink, room)
  return sink.events
}

/** The idents of what is pending. */
export function pending(kq: Kqueue, room = 64): number[] {
  return kevent(kq, [], room).map(({ ident }) => ident)
}

/** A filter whose knotes are on a list; what it does beyond that is up to the test. */
export function filterOn(list: Knlist, more: Partial<FilterOps> = {}): FilterOps {
  return {
    isFd: false,
    attach(kn) {
      list.add(kn)
      return 0
    },
    detach: (kn) => list.remove(kn),
    event: () => true,
    ...more,
  }
}

/** A machine with one queue and the filter MINE, and a count of its knotes. */
export function machine(more: Partial<FilterOps> = {}) {
  const kernel = new TinyKernel()
  const list = new Knlist()
  const kq = kernel.kqueue()
  const attached = new Set<Knote>()
  const ops = filterOn(list, more)
  kernel.filters.add(MINE, {
    ...ops,
    attach(kn) {
      attached.add(kn)
      let error = -1
      try {
        error = ops.attach(kn)
      } finally {
        if (error !== 0) attached.delete(kn)
      }
      return error
    },
    detach(kn) {
      assert.ok(attached.delete(kn), `knote ${kn.ident} is detached twice`)
      ops.detach(kn)
    },
  })
  return { kernel, kq, list, attached }
}

/** The list of active knotes, the table and the knotes themselves say the same. */
export function assertSound(kq: Kqueue): void {
  const queued: Knote[] = []
  let previous: Knote | null = null
  for (let kn = kq.first; kn !== null; kn = kn.queueNext) {
    assert.ok(kn.queuePrevious === previous, `the way back from ${kn.ident}`)
    assert.equal(kn.status & (KN_QUEUED | KN_DROPPED), KN_QUEUED)
    assert.ok(kq.find(kn.ident, kn.filter) === kn, `${kn.ident} is queued and in the table`)
    queued.push(kn)
    previous = kn
  }
  assert.equal(kq.count, queued.length, 'the count of active knotes')
  for (const kn of kq.knotes()) {
    assert.equal((kn.status & KN_QUEUED) !== 0, queued.includes(kn), `${kn.ident} is queued`)
    assert.equal(kn.status & KN_DROPPED, 0, `${kn.ident} in the table is not dropped`)
  }
  if (kq.closed) assert.equal([...kq.knotes()].length, 0, 'a closed queue has no knotes')
}
