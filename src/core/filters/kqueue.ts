/**
 * EVFILT_READ on a kqueue (`kqread_filtops`): ready while events are pending in
 * it, `data` is their number. kqueue(2).
 */
import { type FilterOps, HINT_HAPPENED } from '../filter.js'
import type { Kqueue } from '../kqueue.js'

export const kqueueFilter: FilterOps = {
  isFd: true,
  attach: () => 0,
  detach(kn) {
    ;(kn.file as Kqueue).watchers.remove(kn)
  },
  event(kn, hint) {
    const watched = kn.file as Kqueue
    if (hint === HINT_HAPPENED) return true
    kn.data = watched.alive() ? watched.pending() : 0
    return kn.data > 0
  },
}
