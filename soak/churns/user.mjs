// EVFILT_USER: each event that was triggered once, with the flags it was given; and queues
// in queues, which tell that there is something in the innermost.
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_SET,
  EVFILT_READ,
  EVFILT_USER,
  kqueue,
  NOTE_FFCOPY,
  NOTE_FFLAGSMASK,
  NOTE_TRIGGER,
} from 'kqueue'
import { gather } from '../take.mjs'

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'user',
  start({ random, ledger }) {
    const queues = Array.from({ length: 4 }, () => kqueue())
    const [inner, outer] = [queues[0], queues[3]]
    queues.slice(1).forEach((kq, i) => {
      kq.kevent([EV_SET(queues[i].fd, EVFILT_READ, EV_ADD)])
    })
    const idents = Array.from({ length: 100 }, (_, i) => i)

    async function triggered() {
      const given = new Map()
      for (const ident of random.some(idents)) {
        const flags = random.from(0, NOTE_FFLAGSMASK)
        given.set(ident, flags)
        inner.kevent([EV_SET(ident, EVFILT_USER, EV_ADD | EV_CLEAR)])
        for (let times = random.from(1, 3); times > 0; times--) {
          inner.kevent([EV_SET(ident, EVFILT_USER, 0, NOTE_TRIGGER | NOTE_FFCOPY | flags)])
        }
      }
      const all = [...given.keys()]
      ledger.done('triggered', all.length)
      await nested(given.size)
      await gather(
        inner,
        random,
        ({ ident, fflags }) => {
          const flags = given.get(ident)
          ledger.check(fflags === flags, () => `event ${ident}: ${fflags}, not ${flags}`)
          given.delete(ident)
          ledger.seen('triggered')
        },
        () => given.size === 0,
      )
      // A queue counts what it holds until it looks at it, so the inner ones look first.
      for (const kq of queues.slice(1)) {
        const left = kq.kevent([], 8, 0)
        ledger.check(left.length === 0, () => 'a queue of an empty queue is not empty')
      }
      inner.kevent(all.map((ident) => EV_SET(ident, EVFILT_USER, EV_DELETE)))
    }

    /** The outermost says that there is something, the one above the innermost how much. */
    async function nested(/** @type {number} */ pending) {
      ledger.done('nested queues')
      let seen = 0
      await gather(
        outer,
        random,
        () => {
          seen++
        },
        () => seen > 0,
      )
      ledger.seen('nested queues', Math.min(seen, 1))
      const [event] = queues[1].kevent([], 1, 0)
      ledger.check(event?.data === pending, () => `${event?.data} pending, not ${pending}`)
    }

    return {
      turn: triggered,
      close: () =>
        queues.forEach((kq) => {
          kq.close()
        }),
    }
  },
}
