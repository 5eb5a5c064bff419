// A simulated process with a queue that is copied on fork forks; the child
// exits and is waited for. The FORK_KNOTES knotes of the queue are user events,
// half of them triggered, timers an hour ahead, and pipes that can be read.
import {
  EV_ADD,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  KQUEUE_CPONFORK,
  NOTE_TRIGGER,
  SimKernel,
} from 'kqueue/sim'
import { FORK_KNOTES, HOUR_MS } from '../sizes.mjs'

/** @param {import('kqueue/sim').SimProcess} p @param {number} kq */
function register(p, kq) {
  for (let i = 0; i < FORK_KNOTES / 2; i++) {
    p.kevent(kq, [EV_SET(i, EVFILT_USER, EV_ADD, i % 2 ? NOTE_TRIGGER : 0)])
  }
  for (let i = 0; i < FORK_KNOTES / 4; i++) {
    const [reader, writer] = p.pipe()
    p.write(writer, 'x')
    p.kevent(kq, [EV_SET(i, EVFILT_TIMER, EV_ADD, 0, HOUR_MS), EV_SET(reader, EVFILT_READ, EV_ADD)])
  }
}

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'fork-copy',
  unit: 'knotes/s',
  ours() {
    const kernel = new SimKernel()
    kernel.sysctl.kq_calloutmax = FORK_KNOTES
    const p = kernel.init
    const kq = p.kqueuex(KQUEUE_CPONFORK)
    register(p, kq)
    return {
      work() {
        const child = p.fork()
        const { size } = child.fget(kq)
        child.exit()
        p.waitpid(child.pid)
        if (size !== FORK_KNOTES) throw new Error(`${size} knotes in the copy`)
        return size
      },
      close: () => p.close(kq),
    }
  },
}
