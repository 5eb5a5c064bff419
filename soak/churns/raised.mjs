// EVFILT_SIGNAL of a number that only this thread sends to itself: counted to the last one,
// while other threads that watch other numbers come and go.
import { EV_ADD, EV_DELETE, EV_SET, EVFILT_SIGNAL, kqueue } from 'kqueue'
import * as posix from '../../build/test/native/posix.js'
import { gather } from '../take.mjs'

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'raised',
  start({ random, ledger, signal }) {
    const kq = kqueue()
    return {
      async turn() {
        kq.kevent([EV_SET(signal, EVFILT_SIGNAL, EV_ADD)])
        const times = random.from(1, 50)
        let left = times
        for (let i = 0; i < times; i++) posix.raise(signal)
        ledger.done('signals to the own thread', times)
        await gather(
          kq,
          random,
          ({ data }) => {
            left -= data
            ledger.seen('signals to the own thread', data)
          },
          () => left <= 0,
        )
        // Now and then nobody watches any signal, and the dispositions are put back.
        if (random.chance(0.3)) kq.kevent([EV_SET(signal, EVFILT_SIGNAL, EV_DELETE)])
      },
      close: () => kq.close(),
    }
  },
}
