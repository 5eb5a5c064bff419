// EVFILT_READ added for PIPES pipes in one changelist, then deleted in another.
import { EV_ADD, EV_DELETE, EV_SET, EVFILT_READ, kqueue } from 'kqueue'
import { openPipes } from '../pipes.mjs'
import { PIPES } from '../sizes.mjs'

/** @type {import('../main.mjs').Row} */
export default {
  name: 'register',
  unit: 'changes/s',
  ours() {
    const pipes = openPipes(PIPES, 0)
    const kq = kqueue()
    const changes = pipes.readers.map((fd) => EV_SET(fd, EVFILT_READ, EV_ADD))
    const deletions = pipes.readers.map((fd) => EV_SET(fd, EVFILT_READ, EV_DELETE))
    return {
      work() {
        kq.kevent(changes)
        kq.kevent(deletions)
        return 2 * PIPES
      },
      close() {
        kq.close()
        pipes.close()
      },
    }
  },
}
