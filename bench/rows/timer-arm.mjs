// TIMERS one-shot timers, an hour ahead, added in one changelist, then deleted
// in another.
import { EV_ADD, EV_DELETE, EV_ONESHOT, EV_SET, EVFILT_TIMER, kqueue } from 'kqueue'
import { HOUR_MS, TIMERS } from '../sizes.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'timer-arm',
  unit: 'timers/s',
  ours() {
    const kq = kqueue()
    const idents = Array.from({ length: TIMERS }, (_, i) => i)
    const changes = idents.map((i) => EV_SET(i, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, HOUR_MS))
    const deletions = idents.map((i) => EV_SET(i, EVFILT_TIMER, EV_DELETE))
    return {
      work() {
        kq.kevent(changes)
        kq.kevent(deletions)
        return TIMERS
      },
      close: () => kq.close(),
    }
  },
  node() {
    /** @type {NodeJS.Timeout[]} */
    const timers = new Array(TIMERS)
    const fired = () => {}
    return {
      work() {
        for (let i = 0; i < TIMERS; i++) timers[i] = setTimeout(fired, HOUR_MS)
        for (let i = 0; i < TIMERS; i++) clearTimeout(timers[i])
        return TIMERS
      },
      close() {},
    }
  },
}
