// One kevent call that returns every one of PIPES pipes, each with one byte
// waiting, level-triggered, with the byte counts, into a reused EventList.
import { EV_ADD, EV_SET, EVFILT_READ, EventList, kqueue } from 'kqueue'
import { openPipes } from '../pipes.mjs'
import { PIPES } from '../sizes.mjs'

/** @type {import('../main.mjs').Row} */
export default {
  name: 'read-scan',
  unit: 'events/s',
  ours() {
    const pipes = openPipes(PIPES, 1)
    const kq = kqueue()
    kq.kevent(pipes.readers.map((fd) => EV_SET(fd, EVFILT_READ, EV_ADD)))
    const list = new EventList(PIPES)
    return {
      work() {
        const n = kq.keventInto(null, list, 0)
        let sum = 0
        for (let i = 0; i < n; i++) sum += list.data[i]
        if (n !== PIPES || sum !== PIPES) throw new Error(`${n} events, ${sum} bytes`)
        return n
      },
      close() {
        kq.close()
        pipes.close()
      },
    }
  },
}
