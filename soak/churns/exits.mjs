// EVFILT_PROC with NOTE_EXIT: each process once, with its status, however it ends.
import { EV_ADD, EV_SET, EVFILT_PROC, kqueue, NOTE_EXIT } from 'kqueue'
import { orphan } from '../orphans.mjs'
import { gather } from '../take.mjs'

/** Without SIGINT and SIGQUIT, which shells ignore in the background. */
const SIGNALS = [1, 6, 9, 10, 12, 13, 14, 15]
/** That a core was left is of no interest. */
const CORE = 0x80

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'exits',
  start({ random, ledger, directory }) {
    const kq = kqueue()
    return {
      async turn() {
        /** @type {Map<number, number>} the status that each will have */
        const living = new Map()
        for (let i = random.from(1, 8); i > 0; i--) {
          const number = random.chance(0.3) ? random.pick(SIGNALS) : 0
          const code = random.from(0, 255)
          const { pid, go } = orphan(directory, number ? `kill -${number} $$` : `exit ${code}`)
          kq.kevent([EV_SET(pid, EVFILT_PROC, EV_ADD, NOTE_EXIT)])
          go()
          living.set(pid, number === 0 ? code << 8 : number)
          ledger.done('exits')
        }
        await gather(
          kq,
          random,
          ({ ident, fflags, data }) => {
            const status = living.get(ident)
            const right = status !== undefined && (data & ~CORE) === status && fflags === NOTE_EXIT
            ledger.check(right, () => `exit of ${ident}: ${data} (${fflags}) instead of ${status}`)
            living.delete(ident)
            ledger.seen('exits')
          },
          () => living.size === 0,
        )
      },
      close: () => kq.close(),
    }
  },
}
