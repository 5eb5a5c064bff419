// From a write of another process to the moment that this one goes on, which slept: ours
// by the three ways of waiting, and others.
import { openSync } from 'node:fs'
import { Socket } from 'node:net'
import { EV_ADD, EV_SET, EVFILT_READ, kqueue } from 'kqueue'
import { peerContest } from '../contest.mjs'
import { openWriters, readSince, since } from '../others.mjs'

/** So many samples before those that count: programs that wait have waited before. */
const WARM = 4000

const now = () => process.hrtime.bigint()

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'wake',
  unit: 'µs',
  latency(peers, others) {
    const names = ['ours, wait', 'ours, for await', 'ours, kevent', "net.Socket 'data'"]
    const writers = openWriters(others, names.length)
    let open = names.length
    const left = async () => {
      if (--open === 0) await writers.close()
    }

    /**
     * @param {(atOnce?: boolean) => Promise<number>} sample
     * @param {() => void} end
     */
    const contestant = (sample, end) => ({
      async warm() {
        for (let i = 0; i < WARM; i++) await sample(true)
      },
      sample: () => sample(),
      close() {
        end()
        return left()
      },
    })

    /** @param {number} at @param {(kq: import('kqueue').Kqueue) => () => unknown} way */
    const ours = (at, way) => () => {
      const kq = kqueue()
      const fd = writers.readers[at]
      kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD)])
      const wait = way(kq)
      return contestant(
        async (atOnce) => {
          writers.tell(at, atOnce)
          const waiting = wait()
          // A call that has blocked has nothing to await.
          if (waiting instanceof Promise) await waiting
          return readSince(now(), fd)
        },
        () => kq.close(),
      )
    }

    return {
      [names[0]]: ours(0, (kq) => () => kq.wait()),
      [names[1]]: ours(1, (kq) => {
        const events = kq.events()
        return () => events.next()
      }),
      [names[2]]: ours(2, (kq) => () => kq.kevent(null, 1)),
      [names[3]]: () => {
        // It closes what it has: another descriptor for the pipe.
        const fd = openSync(`/proc/self/fd/${writers.readers[3]}`, 'r')
        const socket = new Socket({ fd, readable: true, writable: false })
        return contestant(
          (atOnce) => {
            /** @type {Promise<number>} */
            const told = new Promise((resolve) => {
              socket.once('data', (data) => resolve(since(now(), data)))
            })
            writers.tell(3, atOnce)
            return told
          },
          () => socket.destroy(),
        )
      },
      ...peerContest(peers, 'wake'),
    }
  },
}
