/** Workers that watch, in each way to wait; the first that they say is that they do. */
import {
  type Change,
  EV_ADD,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  type Kevent,
  type Kqueue,
  kqueue,
  kqueue_add_filteropts,
  sysctl,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { LONG, runCase, say } from './cases.js'

function watching(changes: Change[]): Kqueue {
  const kq = kqueue()
  kq.kevent(changes)
  say('watching')
  return kq
}

const cases = {
  /** Says the events. */
  async waits(changelist: Change[]) {
    const waiting = kqueue().wait({ changelist })
    say('watching')
    say(await waiting)
  },

  /** Says the events. */
  blocks(changes: Change[], ms?: number) {
    say(watching(changes).kevent([], 1, ms))
  },

  /** Says so many events at once. */
  collects(changes: Change[], count: number) {
    const kq = watching(changes)
    const events: Kevent[] = []
    while (events.length < count) events.push(...kq.kevent([], 8, LONG))
    say(events)
  },

  'blocks in a queue known by its descriptor'(changes: Change[]) {
    const kq = watching(changes)
    kq.fd
    kq.kevent([], 1)
  },

  async iterates(changes: Change[]) {
    for await (const _ of watching(changes));
  },

  'is busy'(changes: Change[]) {
    for (const kq = watching(changes); ; ) kq.kevent([], 1, 0)
  },

  /** Says what there is, instead of that it watches, and what comes. */
  'looks, then blocks'(changes: Change[]) {
    const kq = kqueue()
    say(kq.kevent(changes, 1, 0))
    say(kq.kevent([], 1))
  },

  /** Writes a byte to `fd` each time that turn[0] is one more, and then says so in turn[1]. */
  'writes when told'(fd: number, turn: Int32Array, times: number) {
    say('watching')
    for (let i = 1; i <= times; i++) {
      while (Atomics.load(turn, 0) < i);
      posix.write(fd, 'x')
      Atomics.store(turn, 1, i)
    }
  },

  /** Looks until it is told to go by turn[0], and says how many descriptors it has. */
  'looks while nothing happens'(changes: Change[], turn: Int32Array) {
    for (const kq = watching(changes); Atomics.load(turn, 0) === 0; ) kq.kevent([], 1, 0)
  },

  /** Says how many events came, and how long that took. */
  'blocks for a time'(ms: number) {
    const kq = kqueue()
    const start = performance.now()
    const events = kq.kevent([], 1, ms)
    say([events.length, performance.now() - start])
  },

  /** Says the code where it fails. */
  'blocks while signals come'(ms: number) {
    const kq = kqueue()
    try {
      say(kq.kevent([], 1, ms).length)
    } catch (error) {
      say((error as NodeJS.ErrnoException).code)
    }
  },

  'has its own limits and filter'(filter: number) {
    sysctl.kq_calloutmax = 1
    kqueue_add_filteropts(filter, {
      isFd: false,
      attach: () => 0,
      detach() {},
      event: () => true,
    })
    say(kqueue().kevent([EV_SET(1, filter, EV_ADD)], 1).length)
  },

  'leaves a timer'() {
    kqueue().kevent([EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 1)])
  },

  async 'leaves two queues'(fd: number, how: 'waits unref' | 'waits' | 'exits') {
    const kq = kqueue()
    const other = kqueue()
    other.fd
    kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD), EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 5)])
    other.kevent([EV_SET(kq.fd, EVFILT_READ, EV_ADD)])
    if (how === 'waits unref') void kq.unref().wait()
    if (how === 'waits') await kq.wait()
    if (how === 'exits') process.exit()
  },
}

export type Cases = typeof cases
await runCase(cases)
