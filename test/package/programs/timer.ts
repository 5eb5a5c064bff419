/** A program as a user has it: prints what comes of a timer. */
import { EV_ADD, EV_SET, EVFILT_TIMER, kqueue } from 'kqueue'

const kq = kqueue()
kq.kevent([EV_SET(7, EVFILT_TIMER, EV_ADD, 0, 5)])
console.log((await kq.wait())[0]?.ident)
kq.close()
