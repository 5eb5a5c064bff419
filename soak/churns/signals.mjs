// EVFILT_SIGNAL of one real-time number that several threads share: sent to the process, to
// single threads by each other, and by threads of C; every watcher counts all of them, while
// others of them are terminated.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { EV_ADD, EV_SET, EVFILT_SIGNAL, kqueue } from 'kqueue'
import * as posix from '../../build/test/native/posix.js'
import { gather, until } from '../take.mjs'

/** SIGRTMIN + 3, which nobody else here sends. */
const NUMBER = 37
const WATCHERS = 4
/** Linux keeps so many for a user, of all of its processes; kill(2) loses what is more. */
const MOST = 400

/** A worker that counts, and sends when it is told to. */
class Watcher {
  /** Signals that it must have counted. */
  expected = 0
  /** Those that were counted when it was last looked at. */
  settled = 0
  /** Words that are shared: signals counted, and sent. */
  words = new Int32Array(new SharedArrayBuffer(8))
  tid = 0
  #worker

  /** @param {import('../run.mjs').Context} context */
  constructor({ random }) {
    this.#worker = new Worker(new URL('../watcher.mjs', import.meta.url), {
      workerData: { number: NUMBER, words: this.words, seed: random.seed() },
    })
  }

  async begin() {
    const [tid] = await once(this.#worker, 'message')
    this.tid = tid
    return this
  }

  get counted() {
    return Atomics.load(this.words, 0)
  }

  /** Sends so many to any of these threads; how many there were is answered. */
  async send(/** @type {number} */ times, /** @type {number[]} */ tids) {
    this.#worker.postMessage({ times, tids })
    const [sent] = await once(this.#worker, 'message')
    return sent
  }

  end() {
    return this.#worker.terminate()
  }
}

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'signals',
  mainOnly: true,
  start(context) {
    const { random, ledger } = context
    const kq = kqueue()
    kq.kevent([EV_SET(NUMBER, EVFILT_SIGNAL, EV_ADD)])
    /** @type {Watcher[]} */
    const watchers = []
    let [expected, counted] = [0, 0]
    const tid = posix.gettid()

    /** One way to send; how many it was. @type {((times: number) => number | Promise<number>)[]} */
    const ways = [
      (times) => posix.sigqueue(process.pid, NUMBER, times),
      (times) => {
        for (let i = 0; i < times; i++) posix.kill(process.pid, NUMBER)
        return times
      },
      (times) => {
        const tids = [tid, ...watchers.map((watcher) => watcher.tid)]
        for (let i = 0; i < times; i++) posix.tgkill(NUMBER, random.pick(tids))
        return times
      },
      (times) => {
        const threads = random.from(1, 4)
        posix.storm(NUMBER, threads, times)
        posix.calm()
        return threads * times
      },
      async (times) => {
        const tids = watchers.map((watcher) => watcher.tid)
        const senders = random.some(watchers)
        const sent = await Promise.all(senders.map((watcher) => watcher.send(times, tids)))
        return sent.reduce((sum, each) => sum + each, 0)
      },
    ]

    /** @param {number} sent @param {Watcher[]} to */
    function expect(sent, to) {
      expected += sent
      ledger.done('counted in the main thread', sent)
      for (const watcher of to) {
        watcher.expected += sent
        ledger.done('counted in workers', sent)
      }
    }

    /** Waits until everybody has counted all of them, and says who has not, or too many. */
    async function settle() {
      await gather(
        kq,
        random,
        ({ data }) => {
          counted += data
          ledger.seen('counted in the main thread', data)
        },
        () => counted >= expected,
      )
      ledger.check(counted === expected, () => `main thread: ${counted} of ${expected} signals`)
      counted = expected
      await until(() => watchers.every((each) => each.counted >= each.expected))
      for (const watcher of watchers) {
        const seen = watcher.counted
        ledger.seen('counted in workers', seen - watcher.settled)
        ledger.check(
          seen === watcher.expected,
          () => `thread ${watcher.tid}: ${seen} of ${watcher.expected} signals`,
        )
        watcher.expected = seen
        watcher.settled = seen
      }
    }

    return {
      async turn() {
        while (watchers.length < WATCHERS) watchers.push(await new Watcher(context).begin())
        for (let deeds = random.from(1, 4); deeds > 0; deeds--) {
          const sent = await random.pick(ways)(random.from(1, Math.floor(MOST / 16)))
          expect(sent, watchers)
        }
        await settle()
        if (random.chance(0.4)) {
          // Those that are sent to the process meanwhile are for who is left.
          const [leaving] = watchers.splice(random.from(0, watchers.length - 1), 1)
          const ended = leaving.end()
          for (let times = random.from(0, 50); times > 0; times--) {
            posix.kill(process.pid, NUMBER)
            expect(1, watchers)
          }
          await ended
          ledger.done('watchers terminated')
          ledger.seen('watchers terminated')
          await settle()
        }
      },
      async close() {
        await Promise.all(watchers.map((watcher) => watcher.end()))
        kq.close()
      },
    }
  },
}
