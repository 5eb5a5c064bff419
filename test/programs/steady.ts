/**
 * Programs that take events for ever: each says in a line of its own when the million events
 * that are looked at begin and end, and how much more there was on the heap then.
 *
 * V8 prints to the same output, as it is told on the command line.
 */
import { writeSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'
import {
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EventList,
  KQUEUE_TRUSTFD,
  type Kqueue,
  kqueue,
  kqueuex,
  NOTE_NSECONDS,
  NOTE_TRIGGER,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { runCase } from './cases.js'

/** Of bench/peers/pipes.c: its calls make no objects. */
interface Pipes {
  open(count: number, ready: number): number
  reader(at: number): number
  turn(): number
}

const WARM = 300_000
const EVENTS = 1_000_000

/** Some of the work: how many events that was. */
type Work = () => number

function steadyLoop(work: Work, enough: number): number {
  let events = 0
  while (events < enough) {
    const more = work()
    if (more <= 0) throw new Error(`${more} events`)
    events += more
  }
  return events
}

const say = (line: string): void => {
  writeSync(1, `${line}\n`)
}

const used = (): number => getHeapStatistics().used_heap_size

function steadily(work: Work): void {
  // The loop itself, too, is compiled and left a few times.
  for (let i = 0; i < 10; i++) steadyLoop(work, WARM / 10)
  used()
  say('begin')
  const before = used()
  const events = steadyLoop(work, EVENTS)
  const after = used()
  say(`end ${(after - before) / events}`)
}

function watched(kq: Kqueue, count: number, ready: number) {
  const pipes = posix.addon('pipes') as Pipes
  if (pipes.open(count, ready) !== 0) throw new Error(`no ${count} pipes`)
  const changes: Change[] = []
  for (let i = 0; i < count; i++) changes.push(EV_SET(pipes.reader(i), EVFILT_READ, EV_ADD))
  kq.kevent(changes)
  return pipes
}

function drained(kq: Kqueue): Work {
  const list = new EventList(16)
  const pipes = watched(kq, 100, 0)
  return function steadyDrained() {
    if (pipes.turn() !== 0) throw new Error('a pipe is not written')
    const n = kq.keventInto(null, list, 0)
    return list.data[0] === 1 ? n : 0
  }
}

const cases = {
  drained: () => steadily(drained(kqueue())),

  trusted: () => steadily(drained(kqueuex(KQUEUE_TRUSTFD))),

  rescanned() {
    const kq = kqueue()
    const list = new EventList(100)
    watched(kq, 200, 100)
    steadily(function steadyRescan() {
      return kq.keventInto(null, list, 0)
    })
  },

  triggered() {
    const kq = kqueue()
    const list = new EventList(1)
    watched(kq, 100, 0)
    kq.kevent([EV_SET(1, EVFILT_USER, EV_ADD | EV_CLEAR)])
    const trigger = [EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER)]
    steadily(function steadyTrigger() {
      return kq.keventInto(trigger, list, 0)
    })
  },

  /** A timer is due at each look, and tells how often. */
  timed() {
    const kq = kqueue()
    const list = new EventList(1)
    kq.kevent([EV_SET(1, EVFILT_TIMER, EV_ADD, NOTE_NSECONDS, 1)])
    steadily(function steadyTimer() {
      return kq.keventInto(null, list, 0) === 1 ? 1 : 0
    })
  },

  /** Nothing happens: looks are counted. */
  idle() {
    const kq = kqueue()
    const list = new EventList(1)
    watched(kq, 100, 0)
    steadily(function steadyLook() {
      return kq.keventInto(null, list, 0) + 1
    })
  },

  /** What is not steady is seen. */
  careless() {
    const kept: object[] = new Array(8)
    let at = 0
    steadily(function steadyCareless() {
      kept[at++ % 8] = { at }
      return 1
    })
  },

  /** So is what does not hold what it was compiled for. */
  deoptimised() {
    const sum = (a: unknown, b: unknown) => (a as number) + (b as number)
    new Function('f', '%PrepareFunctionForOptimization(f); f(1, 2); f(1, 2)')(sum)
    new Function('f', '%OptimizeFunctionOnNextCall(f); f(1, 2)')(sum)
    let left = 2 * WARM
    steadily(function steadySum() {
      if (--left === 0) sum('1', '2')
      return 1
    })
  },
}
export type Cases = typeof cases

await runCase(cases)
