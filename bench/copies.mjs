// A queue that is copied on fork, for the rows about that: half of its knotes are user events,
// every other one of them triggered, a quarter timers an hour ahead, and the others pipes with
// a byte.
import {
  EV_ADD,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  KQUEUE_CPONFORK,
  kqueuex,
  NOTE_TRIGGER,
} from 'kqueue'
import { openPipes } from './pipes.mjs'
import { HOUR_MS } from './sizes.mjs'

/** @param {number} knotes */
export function copiedQueue(knotes) {
  const timers = Math.floor(knotes / 4)
  const pipes = openPipes(timers, timers)
  const kq = kqueuex(KQUEUE_CPONFORK)
  kq.kevent([
    ...pipes.readers.map((reader) => EV_SET(reader, EVFILT_READ, EV_ADD)),
    ...count(timers).map((i) => EV_SET(i, EVFILT_TIMER, EV_ADD, 0, HOUR_MS)),
    ...count(knotes - 2 * timers).map((i) =>
      EV_SET(i, EVFILT_USER, EV_ADD, i % 2 ? NOTE_TRIGGER : 0),
    ),
  ])
  return {
    fd: kq.fd,
    close() {
      kq.close()
      pipes.close()
    },
  }
}

/** @param {number} n */
const count = (n) => Array.from({ length: n }, (_, i) => i)
