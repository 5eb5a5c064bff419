// A worker of the churn of signals: counts one number for ever, now in this way, now in that,
// now and then too busy to look, and sends signals to other threads when it is told to.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { EV_ADD, EV_SET, EVFILT_SIGNAL, kqueue } from 'kqueue'
import * as posix from '../build/test/native/posix.js'
import { Random } from './random.mjs'
import { busy, take } from './take.mjs'

const { number, words, seed } = workerData
const random = new Random(seed)
const kq = kqueue()
kq.kevent([EV_SET(number, EVFILT_SIGNAL, EV_ADD)])

parentPort?.on('message', ({ times, tids }) => {
  for (let i = 0; i < times; i++) {
    if (random.chance(0.3)) posix.raise(number)
    else posix.tgkill(number, random.pick(tids))
  }
  parentPort?.postMessage(times)
})
parentPort?.postMessage(posix.gettid())

for (;;) {
  for (const { data } of await take(kq, random)) Atomics.add(words, 0, data)
  if (random.chance(0.1)) busy(random.from(1, 40))
  await nextTurn()
}
