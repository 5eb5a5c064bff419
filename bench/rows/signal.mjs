// A signal is sent to the process, and a kevent call tells of it.
import { constants } from 'node:os'
import { EV_ADD, EV_SET, EVFILT_SIGNAL, EventList, kqueue } from 'kqueue'
import { loadPipes } from '../pipes.mjs'
import { CALLS } from '../sizes.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'signal',
  unit: 'signals/s',
  ours() {
    const { signal } = loadPipes()
    const kq = kqueue()
    const list = new EventList(1)
    kq.kevent([EV_SET(constants.signals.SIGUSR2, EVFILT_SIGNAL, EV_ADD)])
    return {
      work() {
        for (let i = 0; i < CALLS; i++) {
          const error = signal()
          const n = kq.keventInto(null, list)
          if (error !== 0 || n !== 1 || list.data[0] !== 1) {
            throw new Error(`${n} events of ${list.data[0]} signals; errno ${error}`)
          }
        }
        return CALLS
      },
      close: () => kq.close(),
    }
  },
}
