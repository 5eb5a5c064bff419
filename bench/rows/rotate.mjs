// A byte is written to one of IDLE_PIPES pipes, a kevent call tells of it, and it is read:
// round robin, as a program does that drains what it is told of.
import { kqueue } from 'kqueue'
import { readPipes } from '../scans.mjs'
import { CALLS, EVENTS, IDLE_PIPES } from '../sizes.mjs'

/**
 * @param {string} name @param {() => import('kqueue').Kqueue} make
 * @returns {import('../main.mjs').Row}
 */
export function rotateRow(name, make) {
  return {
    name,
    unit: 'events/s',
    ours() {
      const { pipes, kq, list, close } = readPipes(IDLE_PIPES, 0, EVENTS, make)
      const { readers, turn } = pipes
      let at = 0
      return {
        work() {
          for (let i = 0; i < CALLS; i++) {
            const error = turn()
            const n = kq.keventInto(null, list, 0)
            if (error !== 0 || n !== 1 || list.ident[0] !== readers[at] || list.data[0] !== 1) {
              throw new Error(`${n} events, the first of ${list.ident[0]}; errno ${error}`)
            }
            at = at === readers.length - 1 ? 0 : at + 1
          }
          return CALLS
        },
        close,
      }
    },
  }
}

export default rotateRow('rotate', kqueue)
