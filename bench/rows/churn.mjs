// A pipe is made and written, added, told of, deleted and closed.
import { EV_ADD, EV_DELETE, EV_SET, EVFILT_READ, EventList, kqueue } from 'kqueue'
import { loadPipes } from '../pipes.mjs'
import { CALLS } from '../sizes.mjs'

/** @type {import('../main.mjs').Row} */
export default {
  name: 'churn',
  unit: 'pipes/s',
  ours() {
    const { open, reader, close } = loadPipes()
    const kq = kqueue()
    const list = new EventList(1)
    const additions = [EV_SET(0, EVFILT_READ, EV_ADD)]
    const deletions = [EV_SET(0, EVFILT_READ, EV_DELETE)]
    return {
      work() {
        for (let i = 0; i < CALLS; i++) {
          const error = open(1, 1)
          const fd = reader(0)
          additions[0].ident = deletions[0].ident = fd
          kq.kevent(additions)
          const n = kq.keventInto(null, list, 0)
          if (error !== 0 || n !== 1 || list.ident[0] !== fd || list.data[0] !== 1) {
            throw new Error(`${n} events, the first of ${list.ident[0]}; errno ${error}`)
          }
          kq.kevent(deletions)
          close()
        }
        return CALLS
      },
      close: () => kq.close(),
    }
  },
}
