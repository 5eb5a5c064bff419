// EVFILT_PROCDESC: the end of the process behind a pidfd, once, with its status.
import { EV_ADD, EV_SET, EVFILT_PROCDESC, kqueue, NOTE_EXIT } from 'kqueue'
import * as posix from '../../build/test/native/posix.js'
import { orphan } from '../orphans.mjs'
import { gather } from '../take.mjs'

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'descriptors',
  mainOnly: true, // a worker that is terminated would not close the pidfd
  start({ random, ledger, directory }) {
    const kq = kqueue()
    return {
      async turn() {
        /** @type {Map<number, number>} */
        const living = new Map()
        for (let i = random.from(1, 4); i > 0; i--) {
          const code = random.from(0, 255)
          const { pid, go } = orphan(directory, `exit ${code}`)
          const fd = posix.pidfdOpen(pid)
          living.set(fd, code << 8)
          kq.kevent([EV_SET(fd, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT)])
          go()
          ledger.done('exits')
        }
        await gather(
          kq,
          random,
          ({ ident, data }) => {
            const status = living.get(ident)
            ledger.check(status === data, () => `exit of pidfd ${ident}: ${data}, not ${status}`)
            if (living.delete(ident)) posix.close(ident)
            ledger.seen('exits')
          },
          () => living.size === 0,
        )
      },
      close: () => kq.close(),
    }
  },
}
