/**
 * Children are started while things happen: each has each event once, or not at all when it
 * was consumed before the child was started. `KQUEUE_FORKS` is how many; 24 without.
 */
import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_ONESHOT,
  EV_SET,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_TIMER,
  fork,
  type Kevent,
  KQUEUE_CPONFORK,
  kqueuex,
  NOTE_EXIT,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { LONG } from '../patience.js'
import { INHERITOR, Inheritor, keepChild, warmUp } from './inheritors.js'
import { cleanUpPuppets, idleStranger } from './puppets.js'
import { cleanUp } from './queues.js'

await warmUp()
cleanUp()
cleanUpPuppets()

const FORKS = Number(process.env.KQUEUE_FORKS ?? 24)
/** Children that are started with one queue. */
const EACH = 4
const PIPES = 12
/** ns. */
const PERIOD = 7e6

/** Children of which every event was counted. */
let counted = 0
after(() => assert.equal(counted, Math.ceil(FORKS / EACH) * EACH))

const now = (): number => Number(process.hrtime.bigint())
const key = ({ filter, ident }: Kevent): string => `${filter}:${ident}`

/** Numbers from 0 to 1 that only look random. */
function* numbers(seed: number): Generator<number, never> {
  for (let n = seed >>> 0; ; ) {
    n = (Math.imul(n, 1664525) + 1013904223) >>> 0
    yield n / 2 ** 32
  }
}

class Round {
  readonly kq = kqueuex(KQUEUE_CPONFORK)
  readonly pipes: [number, number][] = []
  readonly exits = new Map<number, { go: () => void; status: number }>()
  /** What the queue of this process has handed out. */
  readonly consumed = new Map<string, number>()
  readonly children: { child: Inheritor; before: Map<string, number> }[] = []
  readonly #random: Generator<number, never>
  #set: [number, number] = [0, 0]

  constructor(seed: number) {
    this.#random = numbers(seed)
  }

  begin(): void {
    const { kq } = this
    for (let i = 0; i < PIPES; i++) {
      const pair = posix.pipe2(posix.constants.O_CLOEXEC | posix.constants.O_NONBLOCK)
      this.pipes.push(pair)
      kq.kevent([EV_SET(pair[0], EVFILT_READ, EV_ADD | EV_CLEAR)])
    }
    for (const status of [3, 4]) {
      const { pid, go } = idleStranger(`exit ${status}`)
      this.exits.set(pid, { go, status })
      kq.kevent([EV_SET(pid, EVFILT_PROC, EV_ADD, NOTE_EXIT)])
    }
    for (const ms of [5, 40, 120]) {
      kq.kevent([EV_SET(ms, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, ms)])
    }
    const from = now()
    kq.kevent([EV_SET(7, EVFILT_TIMER, EV_ADD, 0, PERIOD / 1e6)])
    this.#set = [from, now()]
  }

  consume(): void {
    for (const event of this.kq.kevent([], 1024, 0)) {
      const times = event.ident === 7 && event.filter === EVFILT_TIMER ? event.data : 1
      this.consumed.set(key(event), (this.consumed.get(key(event)) ?? 0) + times)
    }
  }

  start(): void {
    const child = keepChild(fork(INHERITOR, ['gather']))
    this.children.push({ child: new Inheritor(child), before: new Map(this.consumed) })
  }

  async run(): Promise<void> {
    this.begin()
    const things = [
      ...this.pipes.map(
        ([, w]) =>
          () =>
            void posix.write(w, 'x'),
      ),
      ...[...this.exits.values()].map(({ go }) => go),
      ...Array.from({ length: EACH }, () => () => this.start()),
      ...Array.from({ length: 3 }, () => () => this.consume()),
    ]
    for (const thing of this.#shuffled(things)) {
      thing()
      if (this.#random.next().value < 0.4) {
        await new Promise((resolve) => setTimeout(resolve, this.#random.next().value * 20))
      }
    }
    await this.#check()
    counted += this.children.length
    await Promise.all(this.children.map(({ child }) => child.end()))
    this.kq.close()
    for (const fd of this.pipes.flat()) posix.close(fd)
  }

  #shuffled<T>(things: readonly T[]): T[] {
    return things
      .map((thing) => ({ thing, at: this.#random.next().value }))
      .sort((a, b) => a.at - b.at)
      .map(({ thing }) => thing)
  }

  /** All but the periodic timer comes once to everybody. */
  get #once(): string[] {
    return [
      ...this.pipes.map(([r]) => `${EVFILT_READ}:${r}`),
      ...[...this.exits.keys()].map((pid) => `${EVFILT_PROC}:${pid}`),
      ...[5, 40, 120].map((ms) => `${EVFILT_TIMER}:${ms}`),
    ]
  }

  async #check(): Promise<void> {
    for (const start = performance.now(); !this.#once.every((each) => this.consumed.has(each)); ) {
      assert.ok(performance.now() - start < LONG, 'all happens')
      await new Promise((resolve) => setTimeout(resolve, 5))
      this.consume()
    }
    for (const each of this.#once) assert.equal(this.consumed.get(each), 1, each)
    for (const { child, before } of this.children) await this.#checkChild(child, before)
  }

  async #checkChild(child: Inheritor, before: ReadonlyMap<string, number>): Promise<void> {
    const { events, from, to } = await child.ask<'gathered'>({ what: 'gathered', fd: this.kq.fd })
    const times = new Map<string, number>()
    let expirations = 0
    for (const event of events) {
      if (event.filter === EVFILT_TIMER && event.ident === 7) expirations += event.data
      else times.set(key(event), (times.get(key(event)) ?? 0) + 1)
      const exit = this.exits.get(event.ident)
      if (event.filter === EVFILT_PROC) assert.equal(event.data, exit!.status << 8)
    }
    for (const each of this.#once) {
      assert.equal(times.get(each) ?? 0, before.has(each) ? 0 : 1, each)
      times.delete(each)
    }
    assert.deepEqual([...times.keys()], [])
    const all = (before.get(`${EVFILT_TIMER}:7`) ?? 0) + expirations
    const [first, last] = this.#set
    const least = Math.floor((from - last) / PERIOD)
    const most = Math.floor((to - first) / PERIOD)
    assert.ok(least <= all && all <= most, `${all} expirations, not ${least} to ${most}`)
  }
}

/** Forks in one test, which ends in time on a slow machine, too: the limit grows with them. */
const IN_ONE = 24
/** Rounds that go on at a time: each child has the queues of all. */
const AT_ONCE = 3
const seed = Date.now()

async function runRound(number: number): Promise<void> {
  try {
    await new Round(number).run()
  } catch (error) {
    throw new Error(`seed ${number}: ${(error as Error).message}`, { cause: error })
  }
}

for (let first = 0; first < FORKS; first += IN_ONE) {
  const last = Math.min(first + IN_ONE, FORKS)
  it(`forks ${first + 1} to ${last}, while things happen`, async () => {
    for (let fork = first; fork < last; fork += AT_ONCE * EACH) {
      const rounds = Array.from({ length: AT_ONCE }, (_, i) => fork + i * EACH)
      await Promise.all(rounds.filter((each) => each < last).map((each) => runRound(seed + each)))
    }
  })
}
