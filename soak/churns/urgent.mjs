// EVFILT_EXCEPT: each urgent byte of TCP once, with the byte that was sent.
import { EV_ADD, EV_CLEAR, EV_DELETE, EV_SET, EVFILT_EXCEPT, kqueue, NOTE_OOB } from 'kqueue'
import * as posix from '../../build/test/native/posix.js'
import { gather } from '../take.mjs'

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'urgent',
  start({ random, ledger, urgent: { reader, writer } }) {
    const kq = kqueue()
    return {
      async turn() {
        kq.kevent([EV_SET(reader, EVFILT_EXCEPT, EV_ADD | EV_CLEAR, NOTE_OOB)])
        for (let times = random.from(1, 8); times > 0; times--) {
          const byte = random.from(0, 255)
          let seen = 0
          posix.send(writer, Uint8Array.of(byte), posix.constants.MSG_OOB)
          ledger.done('urgent bytes')
          const handle = () => {
            seen++
            ledger.seen('urgent bytes')
            if (seen > 1) return
            const [got] = posix.recv(reader, 1, posix.constants.MSG_OOB)
            ledger.check(got === byte, () => `urgent byte ${got} instead of ${byte}`)
          }
          if (!(await gather(kq, random, handle, () => seen > 0))) return
          // Reading is past its place, or the next byte would be pushed beside it.
          posix.send(writer, 'x')
          posix.poll(reader, posix.constants.POLLIN, 60_000)
          posix.read(reader, 64)
        }
        kq.kevent([EV_SET(reader, EVFILT_EXCEPT, EV_DELETE)])
      },
      close: () => kq.close(),
    }
  },
}
