// Filters that the program adds: each note counted.
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_SET,
  Knlist,
  kfilter_register,
  kfilter_unregister,
  kqueue,
} from 'kqueue'
import { gather } from '../take.mjs'

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'own',
  start({ random, ledger }) {
    const watchers = new Knlist()
    const filter = kfilter_register('soak', {
      isFd: false,
      attach(kn) {
        watchers.add(kn)
        return 0
      },
      detach: (kn) => watchers.remove(kn),
      event(kn, hint) {
        kn.data += hint
        return kn.data > 0
      },
    })
    const kq = kqueue()
    return {
      async turn() {
        const idents = Array.from({ length: random.from(1, 20) }, (_, i) => i)
        kq.kevent(idents.map((ident) => EV_SET(ident, filter, EV_ADD | EV_CLEAR)))
        let left = 0
        const handle = (/** @type {import('kqueue').Kevent} */ { data }) => {
          left -= data
          ledger.seen('notes', data)
        }
        for (let times = random.from(1, 30); times > 0; times--) {
          const note = random.from(1, 5)
          watchers.note(note)
          left += note * idents.length
          ledger.done('notes', note * idents.length)
          if (random.chance(0.2)) for (const event of kq.kevent([], 4, 0)) handle(event)
        }
        await gather(kq, random, handle, () => left <= 0)
        kq.kevent(idents.map((ident) => EV_SET(ident, filter, EV_DELETE)))
      },
      close() {
        kq.close()
        kfilter_unregister('soak')
      },
    }
  },
}
