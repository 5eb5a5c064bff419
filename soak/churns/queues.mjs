// Queues that are opened, filled, told by their descriptors and closed in any order.
import {
  EV_ADD,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EventList,
  kqueue,
  NOTE_TRIGGER,
} from 'kqueue'

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'queues',
  start({ random, ledger, channels }) {
    const list = new EventList(64)
    return {
      async turn() {
        const queues = Array.from({ length: random.from(1, 30) }, kqueue)
        for (const kq of queues) {
          const wanted = random.from(0, 40)
          const changes = Array.from({ length: wanted }, (_, ident) =>
            EV_SET(ident, EVFILT_USER, EV_ADD, NOTE_TRIGGER),
          )
          for (const { reader } of random.chance(0.5) ? random.some(channels) : []) {
            changes.push(EV_SET(reader, EVFILT_READ, EV_ADD, 0, 0))
          }
          changes.push(EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 1_000_000))
          kq.kevent(changes)
          ledger.done('events in short-lived queues', wanted)
          kq.keventInto([], list, 0)
          for (let i = 0; i < list.length; i++) {
            if (list.filter[i] === EVFILT_USER) ledger.seen('events in short-lived queues')
          }
          if (random.chance(0.3)) kq.fd
          if (random.chance(0.2)) {
            const other = random.pick(queues)
            if (other !== kq) kq.kevent([EV_SET(other.fd, EVFILT_READ, EV_ADD)], 1, 0)
          }
        }
        for (const kq of random.some(queues)) kq.close()
        for (const kq of queues) kq.close()
      },
      close() {},
    }
  },
}
