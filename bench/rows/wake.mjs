// From a write of another process to the moment that this one goes on, which slept: ours
// by the three ways of waiting, and others.
import { openSync } from 'node:fs'
import { Socket } from 'node:net'
import { EV_ADD, EV_SET, EVFILT_READ, kqueue } from 'kqueue'
import { peerContest } from '../contest.mjs'
import { openWriter, readSince, since } from '../others.mjs'

/** So many samples before those that count: programs that wait have waited before. */
const WARM = 4000

const now = () => process.hrtime.bigint()

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'wake',
  unit: 'µs',
  latency(peers, others) {
    const names = ['ours, wait', 'ours, for await', 'ours, kevent', "net.Socket 'data'"]
    const writer = openWriter(others, names.length)
    let open = names.length
    const left = async () => {
      if (--open === 0) await writer.close()
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

    /**
     * @param {number} at
     * @param {(kq: import('kqueue').Kqueue) => (tell: () => void) => unknown} way that has the
     *   writer told when it waits already, if it does not block
     */
    const ours = (at, way) => () => {
      const kq = kqueue()
      const fd = writer.readers[at]
      kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD)])
      const wait = way(kq)
      return contestant(
        async (atOnce) => {
          const waiting = wait(() => writer.tell(at, atOnce))
          // A call that has blocked has nothing to await.
          if (waiting instanceof Promise) await waiting
          return readSince(now(), fd)
        },
        () => kq.close(),
      )
    }

    return {
      [names[0]]: ours(0, (kq) => (tell) => {
        const waiting = kq.wait()
        tell()
        return waiting
      }),
      [names[1]]: ours(1, (kq) => {
        const events = kq.events()
        return (tell) => {
          const waiting = events.next()
          tell()
          return waiting
        }
      }),
      [names[2]]: ours(2, (kq) => (tell) => {
        tell()
        return kq.kevent(null, 1)
      }),
      [names[3]]: () => {
        // It closes what it has: another descriptor for the pipe.
        const fd = openSync(`/proc/self/fd/${writer.readers[3]}`, 'r')
        const socket = new Socket({ fd, readable: true, writable: false })
        return contestant(
          (atOnce) => {
            /** @type {Promise<number>} */
            const told = new Promise((resolve) => {
              socket.once('data', (data) => resolve(since(now(), data)))
            })
            writer.tell(3, atOnce)
            return told
          },
          () => socket.destroy(),
        )
      },
      ...peerContest(peers, 'wake'),
    }
  },
}
