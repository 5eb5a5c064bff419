/**
 * The running of programs: `mixed` runs one on Linux, and throws where something is handed out that
 * may not be, or is not that must be.
 */
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import {
  EV_ADD,
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
import { Difference, type Iteration, Queue, Waiter, Watch } from './queue.js'
import { type End, Streams } from './stream.js'

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
  readonly queues = Array.from({ length: QUEUES }, (_, n) => new Queue(n === TRUSTING))
  readonly streams = new Streams(STREAMS, this.queues)
  readonly all = new Set<Queue>(this.queues)
  readonly iterations: Iteration[] = []
  /** Those that have not been answered. */
  readonly waiters = new Set<Waiter>()
  #udata = 0
  /** An answer is under way, and no other command is to come before it. */
  #answers = false
  #failure: unknown

  /** Answers nothing where no microtask is to run between this command and the next. */
  step(command: Command): Promise<void> | undefined {
    const [word] = command
    if (word === 'turn') return this.#turns(command[1])
    this.#do(command)
    return word === 'microtasks' || this.#answers ? this.#microtasks() : undefined
  }

  async #turns(times: number): Promise<void> {
    for (let i = 0; i < times; i++) await turn()
    this.#settle()
  }

  #do(command: Command): void {
    const { streams } = this
    switch (command[0]) {
      case 'write':
        streams.write(this.#end(command[1]), command[2])
        break
      case 'fill':
        streams.write(this.#end(command[1]), 1 << 20)
        break
      case 'read':
        streams.read(this.#end(command[1]), command[2])
        break
      case 'close':
        streams.close(this.#end(command[1]))
        break
      case 'dup':
        streams.duplicate(this.#end(command[1]))
        break
      case 'stream':
        streams.renew(command[1])
        break
      case 'add':
        this.#add(command)
        break
      case 'addall':
        this.#addAll(this.#queue(command[1]))
        break
      case 'change':
        this.#change(command)
        break
      case 'kevent':
        this.#kevent(this.#queue(command[1]), command[2], command[3])
        break
      case 'looks':
        for (let i = 0; i < LOOKS; i++) this.#kevent(this.#queue(command[1]), ALL, 0)
        break
      case 'cycle':
        this.#cycle(this.#queue(command[1]), this.#end(command[2]))
        break
      case 'wait':
        this.#wait(this.#queue(command[1]), command[2], command[3])
        break
      case 'iterate':
        this.#iterate(this.#queue(command[1]), command[2])
        break
      case 'next':
        this.#next(this.#iteration(command[1]))
        break
      case 'return':
        this.#return(this.#iteration(command[1]))
        break
      case 'abort':
        this.#abort(command[1])
        break
      case 'poll':
        this.#poll(this.#queue(command[1]))
        break
      case 'kqueue':
        this.#renewQueue(command[1])
        break
    }
  }

  #end(n: number): End {
    return this.streams.ends[n % this.streams.ends.length]!
  }

  #queue(n: number): Queue {
    return this.queues[n]!
  }

  #iteration(n: number): Iteration | undefined {
    return this.iterations[n % this.iterations.length]
  }

  // Changes

  #add([, n, what, of, how, lowat]: Extract<Command, ['add', ...unknown[]]>): void {
    const queue = this.#queue(n)
    const filter = KINDS[what]
    const isTimer = filter === EVFILT_TIMER
    // Of the queues, those that come later, so that none watches itself.
    const inner = what === 'QUEUE' ? this.queues[n + 1 + (of % QUEUES)] : undefined
    if (what === 'QUEUE' && inner === undefined) return
    const isOfStream = what === 'READ' || what === 'WRITE'
    const end = isOfStream ? this.#end(of) : undefined
    if (end !== undefined) {
      if (!end.open || !(filter === EVFILT_READ ? end.reads : end.writes)) return
      if (filter === EVFILT_WRITE && end.alone) return
    }
    const ident = end?.fd ?? inner?.kq.fd ?? of
    const flags = isTimer ? EV_ONESHOT : FLAGS[how]
    const known = queue.find(filter, ident)
    // To add a user event with EV_CLEAR again resets it.
    if (known !== undefined && filter === EVFILT_USER) return
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
  }

  #addAll(queue: Queue): void {
    const udata = ++this.#udata
    const ends = this.streams.ends.filter(({ open, reads }) => open && reads)
    queue.kq.kevent(ends.map(({ fd }) => EV_SET(fd, EVFILT_READ, EV_ADD, 0, 0, udata)))
    for (const end of ends) {
      const asked = { filter: EVFILT_READ, ident: end.fd, flags: 0, end }
      const watch = queue.find(EVFILT_READ, end.fd) ?? new Watch(asked)
      watch.lowat = 1
      watch.udata = udata
      watch.happened()
      queue.watches.add(watch)
    }
  }

  #change([, n, of, how]: Extract<Command, ['change', ...unknown[]]>): void {
    const queue = this.#queue(n)
    const watch = [...queue.watches][of % queue.watches.size]
    if (watch === undefined || (how === 'trigger' && watch.filter !== EVFILT_USER)) return
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
  }

  // Calls

  #kevent(queue: Queue, room: number, timeout: number): void {
    const { pending } = queue
    const events = queue.kq.kevent([], room, timeout)
    queue.take(events, room)
    if (events.length === room) return
    for (const { ident, filter } of events) {
      const at = pending.findIndex((watch) => watch.ident === ident && watch.filter === filter)
      if (at !== -1) pending.splice(at, 1)
    }
    if (pending.length > 0) throw new Difference(`${pending[0]} is not reported`)
  }

  #cycle(queue: Queue, end: End): void {
    for (let i = 0; i < CYCLES; i++) {
      this.streams.write(end.peer, 1)
      this.#kevent(queue, ALL, 0)
      this.streams.read(end, 1 << 20)
      this.#kevent(queue, ALL, 0)
    }
  }

  #wait(queue: Queue, room: number, timeout: number | null): void {
    const waiter = this.#begin(new Waiter(queue, room, timeout))
    const { signal } = waiter.abort
    const answer = queue.kq.wait({ nevents: room, timeout, signal })
    this.#answer(waiter, answer, (events) => waiter.got(events))
    if (!inspect(answer).includes('<pending>')) this.#answers = true
  }

  #iterate(queue: Queue, nevents: number): void {
    this.iterations.push({ queue, iterator: queue.kq.events({ nevents }), left: false })
  }

  #next(iteration: Iteration | undefined): void {
    if (iteration === undefined || iteration.left || iteration.last?.state === 'waiting') return
    const { queue, iterator } = iteration
    const waiter = this.#begin(new Waiter(queue, 1, null, iteration))
    iteration.last = waiter
    this.#answer(waiter, iterator.next(), ({ done, value }) => {
      if (done) waiter.done()
      else waiter.got([value])
    })
    this.#answers = true
  }

  #return(iteration: Iteration | undefined): void {
    if (iteration === undefined) return
    iteration.left = true
    void iteration.iterator.return!()
    this.#answers = true
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

  #abort(of: number): void {
    const waiters = [...this.waiters].filter(({ iteration }) => iteration === undefined)
    waiters[of % waiters.length]?.abort.abort(new Error('enough'))
  }

  /** Its descriptor is readable when something is pending, and not for long when nothing is. */
  #poll(queue: Queue): void {
    const { kq } = queue
    const { POLLIN } = posix.constants
    const isReadable = (): boolean => posix.poll(kq.fd, POLLIN) !== 0
    // Before the call, which may be what has it look.
    const { pending } = queue
    const readable = isReadable()
    if (pending.length > 0 && !readable) throw new Difference(`${pending[0]} is not to be seen`)
    // A queue counts what was pending in it, as long as nobody looks.
    const isVague = ({ filter, inner }: Watch) => filter === EVFILT_TIMER || inner !== undefined
    if ([...queue.watches].some(isVague)) return
    if (pending.length > 0 || !readable) return
    for (let i = 0; i < 4; i++) this.#kevent(queue, ALL, 0)
    if (queue.pending.length === 0 && isReadable() && !this.#expires()) {
      throw new Difference('it is readable, and nothing is pending')
    }
  }

  #expires(): boolean {
    const all = this.queues.flatMap(({ watches }) => [...watches])
    if (all.some(({ filter }) => filter === EVFILT_TIMER)) return true
    return [...this.waiters].some(({ until }) => Number.isFinite(until))
  }

  #renewQueue(n: number): void {
    this.#closeQueue(this.#queue(n))
    const queue = new Queue(n === TRUSTING)
    this.queues[n] = queue
    this.all.add(queue)
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
    this.#answers = false
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
    for (const end of this.streams.ends) {
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
    for (const end of this.streams.ends) this.streams.close(end)
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
