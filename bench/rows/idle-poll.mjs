// A kevent call with timeout 0 that finds nothing pending, with PIPES idle
// pipes registered.
import { EV_ADD, EV_SET, EVFILT_READ, EventList, kqueue } from 'kqueue'
import { openPipes } from '../pipes.mjs'
import { CALLS, PIPES } from '../sizes.mjs'

/** @type {import('../main.mjs').Row} */
export default {
  name: 'idle-poll',
  unit: 'calls/s',
  ours() {
    const pipes = openPipes(PIPES, 0)
    const kq = kqueue()
    kq.kevent(pipes.readers.map((fd) => EV_SET(fd, EVFILT_READ, EV_ADD)))
    const list = new EventList(PIPES)
    return {
      work() {
        let events = 0
        for (let i = 0; i < CALLS; i++) events += kq.keventInto(null, list, 0)
        if (events !== 0) throw new Error(`${events} events where nothing is pending`)
        return CALLS
      },
      close() {
        kq.close()
        pipes.close()
      },
    }
  },
}
