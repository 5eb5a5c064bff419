// Several who wait for one queue, give up and come again: each event goes to one of them,
// and closing the queue ends them all with EBADF.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { EV_ADD, EV_CLEAR, EV_SET, EVFILT_TIMER, EVFILT_USER, kqueue, NOTE_TRIGGER } from 'kqueue'
import { SETTLE_MS, take, until } from '../take.mjs'

/**
 * So often, on the average, the waiters run while events are triggered. A turn of the event
 * loop that all churns share takes up to a second on a busy machine.
 */
const INTERRUPTIONS = 4

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'waiters',
  start({ random, ledger }) {
    return {
      async turn() {
        const kq = kqueue()
        const times = random.from(1, 200)
        const seen = new Set()
        let over = false
        async function waiter() {
          while (!over) {
            for (const { filter, ident } of await take(kq, random)) {
              if (filter === EVFILT_TIMER) continue
              ledger.check(!seen.has(ident), () => `event ${ident} went to two`)
              seen.add(ident)
              ledger.seen('events')
            }
          }
        }
        kq.kevent([EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 1)])
        const waiters = Array.from({ length: random.from(1, 4) }, waiter)
        for (let ident = 0; ident < times; ident++) {
          kq.kevent([EV_SET(ident, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER)])
          ledger.done('events')
          if (random.chance(INTERRUPTIONS / times)) await nextTurn()
        }
        await until(() => seen.size === times, SETTLE_MS)
        over = true
        await Promise.all(waiters)

        const quiet = kqueue()
        const waiting = Array.from({ length: random.from(1, 5) }, () => quiet.wait())
        ledger.done('waiters of closed queues', waiting.length)
        if (random.chance(0.5)) await nextTurn()
        quiet.close()
        for (const { status, reason } of await Promise.allSettled(waiting)) {
          if (status === 'rejected' && reason.code === 'EBADF')
            ledger.seen('waiters of closed queues')
        }
        kq.close()
      },
      close() {},
    }
  },
}
