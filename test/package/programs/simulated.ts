/** The same on the simulated kernel. */
import { EV_ADD, EV_SET, EVFILT_TIMER, SimKernel } from 'kqueue/sim'

const p = new SimKernel().init
console.log(p.kevent(p.kqueue(), [EV_SET(7, EVFILT_TIMER, EV_ADD, 0, 5)], 1)[0]?.ident)
