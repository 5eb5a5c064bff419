// The rows about processes that are watched: they sleep, and are added in one changelist and
// deleted in another, of which the first is measured.
import { EV_ADD, EV_DELETE, EV_SET, EVFILT_PROC, kqueue, NOTE_EXIT } from 'kqueue'
import { openSleepers } from './others.mjs'

/**
 * @param {string} name @param {number} count
 * @returns {import('./measure.mjs').Row}
 */
export function exitRow(name, count) {
  return {
    name,
    unit: 'watches/s',
    async ours(others) {
      const { pids, close } = await openSleepers(others, count)
      const kq = kqueue()
      const additions = pids.map((pid) => EV_SET(pid, EVFILT_PROC, EV_ADD, NOTE_EXIT))
      const deletions = pids.map((pid) => EV_SET(pid, EVFILT_PROC, EV_DELETE))
      let added = false
      return {
        prepare() {
          if (added) kq.kevent(deletions)
          added = false
        },
        work() {
          kq.kevent(additions)
          added = true
          return count
        },
        close() {
          kq.close()
          close()
        },
      }
    },
  }
}
