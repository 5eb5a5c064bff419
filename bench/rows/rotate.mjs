// A byte is written to one of IDLE_PIPES pipes, a kevent call tells of it, and it is read:
// round robin, as a program does that drains what it is told of.
import { kqueue } from 'kqueue'
import { barePipes, readPipes } from '../scans.mjs'
import { CALLS, EVENTS, IDLE_PIPES } from '../sizes.mjs'

/**
 * @param {{ readers: number[], turn(): number }} pipes
 * @param {() => number} told the descriptor that has one byte, if it is the only one
 */
function rotating({ readers, turn }, told) {
  let at = 0
  return () => {
    for (let i = 0; i < CALLS; i++) {
      const error = turn()
      const fd = told()
      if (error !== 0 || fd !== readers[at]) throw new Error(`told of ${fd}; errno ${error}`)
      at = at === readers.length - 1 ? 0 : at + 1
    }
    return CALLS
  }
}

/**
 * @param {string} name @param {() => import('kqueue').Kqueue} make
 * @param {boolean} [proves] whether such a queue asks if a number is what was added
 * @returns {import('../measure.mjs').Row}
 */
export function rotateRow(name, make, proves = true) {
  return {
    name,
    unit: 'events/s',
    ours() {
      const { pipes, kq, list, close } = readPipes(IDLE_PIPES, 0, EVENTS, make)
      const told = () =>
        kq.keventInto(null, list, 0) === 1 && list.data[0] === 1 ? list.ident[0] : -1
      return { work: rotating(pipes, told), close }
    },
    addon() {
      const { pipes, list, next, close } = barePipes(IDLE_PIPES, EVENTS, proves)
      return { work: rotating(pipes, () => (next() === 1 && list[1] === 1 ? list[0] : -1)), close }
    },
  }
}

export default rotateRow('rotate', kqueue)
