// FIRING timers that fire every FIRING_MS: how many times one is told of in a second of
// processor time. setInterval drifts: that is less often in the same time.
import { EV_ADD, EV_DELETE, EV_SET, EVFILT_TIMER, EventList, kqueue } from 'kqueue'
import { FIRING, FIRING_MS } from '../sizes.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'timer-fire',
  unit: 'expiries/cpu s',
  ours() {
    const kq = kqueue()
    const list = new EventList(FIRING)
    const idents = Array.from({ length: FIRING }, (_, i) => i)
    const additions = idents.map((i) => EV_SET(i, EVFILT_TIMER, EV_ADD, 0, FIRING_MS))
    const deletions = idents.map((i) => EV_SET(i, EVFILT_TIMER, EV_DELETE))
    return {
      cpu: true,
      begin: () => kq.kevent(additions),
      end: () => kq.kevent(deletions),
      work() {
        return kq.keventInto(null, list)
      },
      close: () => kq.close(),
    }
  },
  node() {
    let fired = 0
    /** @type {NodeJS.Timeout[]} */
    let timers = []
    return {
      cpu: true,
      begin() {
        timers = Array.from({ length: FIRING }, () => setInterval(() => fired++, FIRING_MS))
      },
      end() {
        for (const timer of timers) clearInterval(timer)
      },
      async work() {
        fired = 0
        await new Promise((resolve) => setTimeout(resolve, 2 * FIRING_MS))
        return fired
      },
      close() {},
    }
  },
}
