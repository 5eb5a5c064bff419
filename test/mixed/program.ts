/**
 * The running of programs: `mixed` runs one on Linux, and throws where something is handed out that
 * may not be, or is not that must be.
 */
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import {
  EV_ADD,
  EV_DELETE,
  EV_ONESHOT,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  NOTE_LOWAT,
  NOTE_TRIGGER,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { descriptors } from '../node/processes.js'
import { ALL, CHANGES, type Command, FLAGS, KINDS, QUEUES, STREAMS, TRUSTING } from './command.js'
import { Difference, End, type Iteration, Queue, Waiter, Watch } from './queue.js'

/** So many microtasks are more than an answer takes to arrive. */
const MICROTASKS = 20
/** More than the looks in vain after which io_uring looks. */
const LOOKS = 300
/** So often something is drained that it is level-triggered. */
const CYCLES = 3
/** In so many turns of the event loop comes what comes at all. */
const TURNS = 300
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

class Runner {
  readonly ends = STREAMS.flatMap((isSocket) => End.pair(isSocket))
  readonly queues = Array.from({ length: QUEUES }, (_, n) => new Queue(n === TRUSTING))
  readonly all = new Set<Queue>(this.queues)
  readonly iterations: Iteration[] = []
  /** Those that have not been answered. */
  readonly waiters = new Set<Waiter>()
  #udata = 0
  #failure: unknown

  /** Answers nothing where no microtask is to run between this command and the next. */
  step(command: Command): Promise<void> | undefined {
    const [word] = command
    if (word === 'turn') return this.#turns(command[1])
    return word === 'microtasks' || this.#do(command) ? this.#microtasks() : undefined
  }

  async #turns(times: number): Promise<void> {
    for (let i = 0; i < times; i++) await turn()
    this.#settle()
  }

  /** Whether an answer is under way. */
  #do(command: Command): boolean {
    switch (command[0]) {
      case 'write':
        return this.#write(this.#end(command[1]), command[2])
      case 'fill':
        return this.#write(this.#end(command[1]), 1 << 20)
      case 'read':
        return this.#read(this.#end(command[1]), command[2])
      case 'close':
        return this.#close(this.#end(command[1]))
      case 'dup':
        return this.#duplicate(this.#end(command[1]))
      case 'stream':
        return this.#renew(command[1])
      case 'add':
        return this.#add(command)
      case 'addall':
        return this.#addAll(this.#queue(command[1]))
      case 'change':
        return this.#change(command)
      case 'kevent':
        return this.#kevent(this.#queue(command[1]), command[2], command[3])
      case 'looks':
        for (let i = 0; i < LOOKS; i++) this.#kevent(this.#queue(command[1]), ALL, 0)
        return false
      case 'cycle':
        return this.#cycle(this.#queue(command[1]), this.#end(command[2]))
      case 'wait':
        return this.#wait(this.#queue(command[1]), command[2], command[3])
      case 'iterate':
        return this.#iterate(this.#queue(command[1]), command[2])
      case 'next':
        return this.#next(this.#iteration(command[1]))
      case 'return':
        return this.#return(this.#iteration(command[1]))
      case 'abort':
        return this.#abort(command[1])
      case 'poll':
        return this.#poll(this.#queue(command[1]))
      case 'kqueue':
        return this.#renewQueue(command[1])
      default:
        return false
    }
  }

  #end(n: number): End {
    return this.ends[n % this.ends.length]!
  }

  #queue(n: number): Queue {
    return this.queues[n]!
  }

  #iteration(n: number): Iteration | undefined {
    return this.iterations[n % this.iterations.length]
  }

  *#watches(end: End, filter?: number): Iterable<[Queue, Watch]> {
    for (const queue of this.queues) {
      for (const watch of queue.watches) {
        if (watch.end !== end) continue
        if (filter === undefined || watch.filter === filter) yield [queue, watch]
      }
    }
  }

  #happened(end: End, filter?: number): void {
    for (const [, watch] of this.#watches(end, filter)) watch.happened()
  }

  // Streams

  #write(end: End, n: number): false {
    if (!end.open || !end.writes || end.alone || !end.hasRoom) return false
    for (let left = n; left > 0 && end.hasRoom; ) {
      const written = posix.write(end.fd, new Uint8Array(Math.min(left, 65_536)))
      end.peer.bytes += written
      left -= written
    }
    this.#happened(end.peer, EVFILT_READ)
    return false
  }

  #read(end: End, n: number): false {
    if (!end.open || !end.reads || end.bytes === 0) return false
    const had = end.peer.hasRoom
    try {
      end.bytes -= posix.read(end.fd, n).length
    } catch (error) {
      // Of what was left unread when the other end was closed.
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
    }
    if (!had && end.peer.hasRoom) this.#happened(end.peer, EVFILT_WRITE)
    return false
  }

  #close(end: End): false {
    if (!end.open) return false
    this.#forget(end)
    posix.close(end.fd)
    end.open = false
    this.#happened(end.peer)
    return false
  }

  /** Under another number; what is watched under the old one is closed. */
  #duplicate(end: End): false {
    if (!end.open) return false
    const { fd } = end
    end.duplicate()
    this.#forget(end)
    posix.close(fd)
    return false
  }

  #forget(end: End): void {
    for (const [queue, watch] of this.#watches(end)) {
      const { ident, filter } = watch
      if (queue.trusts) queue.kq.kevent([EV_SET(ident, filter, EV_DELETE)])
      queue.watches.delete(watch)
    }
  }

  #renew(stream: number): false {
    const at = 2 * stream
    for (const end of this.ends.slice(at, at + 2)) this.#close(end)
    this.ends.splice(at, 2, ...End.pair(STREAMS[stream]!))
    return false
  }

  // Changes

  #add([, n, what, of, how, lowat]: Extract<Command, ['add', ...unknown[]]>): false {
    const queue = this.#queue(n)
    const filter = KINDS[what]
    const isTimer = filter === EVFILT_TIMER
    // Of the queues, those that come later, so that none watches itself.
    const inner = what === 'QUEUE' ? this.queues[n + 1 + (of % QUEUES)] : undefined
    if (what === 'QUEUE' && inner === undefined) return false
    const isOfStream = what === 'READ' || what === 'WRITE'
    const end = isOfStream ? this.#end(of) : undefined
    if (end !== undefined) {
      if (!end.open || !(filter === EVFILT_READ ? end.reads : end.writes)) return false
      if (filter === EVFILT_WRITE && end.alone) return false
    }
    const ident = end?.fd ?? inner?.kq.fd ?? of
    const flags = isTimer ? EV_ONESHOT : FLAGS[how]
    const known = queue.find(filter, ident)
    // To add a user event with EV_CLEAR again resets it.
    if (known !== undefined && filter === EVFILT_USER) return false
    const watch = known ?? new Watch({ filter, ident, flags, end, inner })
    const isLow = what === 'READ' && lowat > 1
    const now = performance.now()
    const udata = ++this.#udata
    const data = isTimer ? lowat % 2 : isLow ? lowat : 0
    queue.kq.kevent([EV_SET(ident, filter, EV_ADD | flags, isLow ? NOTE_LOWAT : 0, data, udata)])
    watch.lowat = isLow ? lowat : 1
    watch.due = [now + data, performance.now() + data]
    watch.udata = udata
    watch.happened()
    queue.watches.add(watch)
    return false
  }

  #addAll(queue: Queue): false {
    const udata = ++this.#udata
    const ends = this.ends.filter(({ open, reads }) => open && reads)
    queue.kq.kevent(ends.map(({ fd }) => EV_SET(fd, EVFILT_READ, EV_ADD, 0, 0, udata)))
    for (const end of ends) {
      const asked = { filter: EVFILT_READ, ident: end.fd, flags: 0, end }
      const watch = queue.find(EVFILT_READ, end.fd) ?? new Watch(asked)
      watch.lowat = 1
      watch.udata = udata
      watch.happened()
      queue.watches.add(watch)
    }
    return false
  }

  #change([, n, of, how]: Extract<Command, ['change', ...unknown[]]>): false {
    const queue = this.#queue(n)
    const watch = [...queue.watches][of % queue.watches.size]
    if (watch === undefined || (how === 'trigger' && watch.filter !== EVFILT_USER)) return false
    const { ident, filter } = watch
    const isLow = filter === EVFILT_READ && watch.lowat > 1
    const notes = how === 'trigger' ? NOTE_TRIGGER : isLow ? NOTE_LOWAT : 0
    const udata = ++this.#udata
    queue.kq.kevent([EV_SET(ident, filter, CHANGES[how], notes, isLow ? watch.lowat : 0, udata)])
    watch.udata = udata
    if (how === 'delete') queue.watches.delete(watch)
    if (how === 'trigger') watch.triggered = true
    if (how === 'disable') watch.disabled = true
    else if (how === 'enable') watch.disabled = false
    watch.happened()
    return false
  }

  // Calls

  #kevent(queue: Queue, room: number, timeout: number): false {
    const { pending } = queue
    const events = queue.kq.kevent([], room, timeout)
    queue.take(events, room)
    if (events.length === room) return false
    for (const { ident, filter } of events) {
      const at = pending.findIndex((watch) => watch.ident === ident && watch.filter === filter)
      if (at !== -1) pending.splice(at, 1)
    }
    if (pending.length > 0) throw new Difference(`${pending[0]} is not reported`)
    return false
  }

  #cycle(queue: Queue, end: End): false {
    for (let i = 0; i < CYCLES; i++) {
      this.#write(end.peer, 1)
      this.#kevent(queue, ALL, 0)
      this.#read(end, 1 << 20)
      this.#kevent(queue, ALL, 0)
    }
    return false
  }

  #wait(queue: Queue, room: number, timeout: number | null): boolean {
    const waiter = this.#begin(new Waiter(queue, room, timeout))
    const { signal } = waiter.abort
    const answer = queue.kq.wait({ nevents: room, timeout, signal })
    this.#answer(waiter, answer, (events) => waiter.got(events))
    return !inspect(answer).includes('<pending>')
  }

  #iterate(queue: Queue, nevents: number): false {
    this.iterations.push({ queue, iterator: queue.kq.events({ nevents }), left: false })
    return false
  }

  #next(iteration: Iteration | undefined): boolean {
    if (iteration === undefined || iteration.left || iteration.last?.state === 'waiting')
      return false
    const { queue, iterator } = iteration
    const waiter = this.#begin(new Waiter(queue, 1, null, iteration))
    iteration.last = waiter
    this.#answer(waiter, iterator.next(), ({ done, value }) => {
      if (done) waiter.done()
      else waiter.got([value])
    })
    return true
  }

  #return(iteration: Iteration | undefined): boolean {
    if (iteration === undefined) return false
    iteration.left = true
    void iteration.iterator.return!()
    return true
  }

  #begin(waiter: Waiter): Waiter {
    this.waiters.add(waiter)
    return waiter
  }

  #answer<T>(waiter: Waiter, answer: Promise<T>, take: (answer: T) => void): void {
    const taken = answer.then(take, (error) => waiter.failed(error))
    taken.catch((error) => {
      this.#failure ??= error
    })
  }

  #abort(of: number): false {
    const waiters = [...this.waiters].filter(({ iteration }) => iteration === undefined)
    waiters[of % waiters.length]?.abort.abort(new Error('enough'))
    return false
  }

  /** Its descriptor is readable when something is pending, and not for long when nothing is. */
  #poll(queue: Queue): false {
    const { kq } = queue
    const { POLLIN } = posix.constants
    const isReadable = (): boolean => posix.poll(kq.fd, POLLIN) !== 0
    // Before the call, which may be what has it look.
    const { pending } = queue
    const readable = isReadable()
    if (pending.length > 0 && !readable) throw new Difference(`${pending[0]} is not to be seen`)
    if ([...queue.watches].some(({ filter }) => filter === EVFILT_TIMER)) return false
    if (pending.length > 0 || !readable) return false
    for (let i = 0; i < 4; i++) this.#kevent(queue, ALL, 0)
    if (queue.pending.length === 0 && isReadable() && !this.#expires()) {
      throw new Difference('it is readable, and nothing is pending')
    }
    return false
  }

  #expires(): boolean {
    const all = this.queues.flatMap(({ watches }) => [...watches])
    if (all.some(({ filter }) => filter === EVFILT_TIMER)) return true
    return [...this.waiters].some(({ until }) => Number.isFinite(until))
  }

  #renewQueue(n: number): false {
    this.#closeQueue(this.#queue(n))
    const queue = new Queue(n === TRUSTING)
    this.queues[n] = queue
    this.all.add(queue)
    return false
  }

  #closeQueue(queue: Queue): void {
    queue.kq.close()
    queue.closed = true
    queue.watches.clear()
    for (const { watches } of this.queues) {
      for (const watch of watches) if (watch.inner === queue) watches.delete(watch)
    }
  }

  // What came of it

  async #microtasks(): Promise<void> {
    for (let i = 0; i < MICROTASKS; i++) await null
    this.#settle()
  }

  /** All answers that are under way have come. */
  #settle(): void {
    if (this.#failure !== undefined) throw this.#failure
    for (const waiter of this.waiters) if (waiter.state !== 'waiting') this.waiters.delete(waiter)
    for (const { waiters, closed } of this.all) {
      const first = waiters.findIndex(({ state }) => state === 'waiting')
      const isLate = waiters.some(({ state }, i) => state === 'served' && i > first && first !== -1)
      if (isLate) throw new Difference('who came later is served first')
      if (closed && first !== -1) throw new Difference('somebody waits for a closed queue')
      const still = waiters.filter(({ state }) => state === 'waiting')
      waiters.splice(0, waiters.length, ...still)
    }
    for (const end of this.ends) {
      if (!end.open || !end.reads) continue
      assert.equal(posix.fionread(end.fd), end.bytes, 'the model counts bytes')
    }
  }

  /** Whoever is to be served is served, and whose time is over goes on. */
  async #patience(): Promise<void> {
    const neglected = (): string | undefined => {
      const queue = this.queues.find((queue) => queue.neglected !== undefined)
      if (queue !== undefined) return `nobody who waits is served ${queue.neglected}`
      const isTimed = [...this.waiters].some(({ until }) => Number.isFinite(until))
      return isTimed ? 'a wait does not end in time' : undefined
    }
    for (let turns = 0; neglected() !== undefined; turns++) {
      if (turns > TURNS) throw new Difference(neglected())
      await new Promise((resolve) => setTimeout(resolve, 1))
      this.#settle()
    }
  }

  async end(): Promise<void> {
    await this.#turns(1)
    await this.#patience()
    for (const queue of this.queues) this.#kevent(queue, ALL, 0)
    for (const queue of this.queues) this.#closeQueue(queue)
    await this.#microtasks()
    for (const { iterator } of this.iterations) await iterator.return!()
  }

  close(): void {
    for (const end of this.ends) this.#close(end)
    for (const queue of this.queues) this.#closeQueue(queue)
  }
}

/** Runs a program. */
export async function mixed(program: readonly Command[]): Promise<void> {
  const before = descriptors()
  const runner = new Runner()
  try {
    for (const command of program) {
      const pause = runner.step(command)
      if (pause !== undefined) await pause
    }
    await runner.end()
  } finally {
    runner.close()
    await turn()
  }
  if (descriptors() !== before) throw new Difference('descriptors are left open')
}
