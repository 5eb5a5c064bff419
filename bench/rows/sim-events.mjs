// One kevent call of a simulated process that returns every one of PIPES
// pipes, each with one byte waiting, level-triggered, with the byte counts,
// into a reused EventList: read-scan without system calls.
import { EV_ADD, EV_SET, EVFILT_READ, EventList, SimKernel } from 'kqueue/sim'
import { PIPES } from '../sizes.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'sim-events',
  unit: 'events/s',
  ours() {
    const p = new SimKernel().init
    const kq = p.kqueue()
    for (let i = 0; i < PIPES; i++) {
      const [reader, writer] = p.pipe()
      p.write(writer, 'x')
      p.kevent(kq, [EV_SET(reader, EVFILT_READ, EV_ADD)])
    }
    const list = new EventList(PIPES)
    return {
      work() {
        const n = p.keventInto(kq, null, list, 0)
        let sum = 0
        for (let i = 0; i < n; i++) sum += list.data[i]
        if (n !== PIPES || sum !== PIPES) throw new Error(`${n} events, ${sum} bytes`)
        return n
      },
      close: () => p.close(kq),
    }
  },
}
