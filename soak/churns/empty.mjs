// EVFILT_EMPTY: what was written is reported as taken once it was read, and not before.
import { EV_ADD, EV_ONESHOT, EV_SET, EVFILT_EMPTY, kqueue } from 'kqueue'
import * as posix from '../../build/test/native/posix.js'
import { textAt } from '../channels.mjs'
import { gather, pause } from '../take.mjs'

/** TCP is empty as soon as the other side has it, read or not; so are datagrams of the Internet. */
const TOLD_WHEN_READ = ['pipe', 'fifo', 'unix stream']

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'empty',
  start({ random, ledger, spare }) {
    const kq = kqueue()
    const watched = spare.filter(({ datagrams }) => !datagrams)
    return {
      async turn() {
        const channels = random.some(watched)
        const reported = new Set()
        let early = true
        const lengths = channels.map((channel) => {
          const length = random.from(1, 4096)
          posix.write(channel.writer, textAt(0, length))
          ledger.done(`${channel.kind} drained`)
          return length
        })
        const handle = (/** @type {import('kqueue').Kevent} */ { udata }) => {
          const { kind } = /** @type {import('../channels.mjs').Channel} */ (udata)
          ledger.check(!(early && TOLD_WHEN_READ.includes(kind)), () => `${kind}: not drained yet`)
          ledger.check(!reported.has(udata), () => `${kind}: reported twice`)
          reported.add(udata)
          ledger.seen(`${kind} drained`)
        }
        kq.kevent(
          channels.map((channel) =>
            EV_SET(channel.writer, EVFILT_EMPTY, EV_ADD | EV_ONESHOT, 0, 0, channel),
          ),
        )
        for (const event of kq.kevent([], 64, 0)) handle(event)
        await pause(random.from(0, 5))
        for (const event of kq.kevent([], 64, 0)) handle(event)
        early = false
        channels.forEach(({ kind, reader }, i) => {
          // TCP may bring the bytes in parts.
          for (let left = lengths[i]; left > 0; ) {
            posix.poll(reader, posix.constants.POLLIN, 1000)
            left -= posix.read(reader, left).length
          }
          ledger.check(posix.fionread(reader) === 0, () => `${kind}: more than was written`)
        })
        await gather(kq, random, handle, () => reported.size === channels.length)
      },
      close: () => kq.close(),
    }
  },
}
