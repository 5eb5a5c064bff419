// The same with READY_PIPES pipes at a time, which one kevent call returns.
import { barePipes, readPipes } from '../scans.mjs'
import { IDLE_PIPES, READY_PIPES } from '../sizes.mjs'

/** @param {Pick<ReturnType<typeof readPipes>, 'pipes' | 'scan' | 'close'>} side */
const rotating = ({ pipes, scan, close }) => ({
  work() {
    const error = pipes.turn100()
    if (error !== 0) throw new Error(`errno ${error}`)
    return scan(READY_PIPES)
  },
  close,
})

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'rotate-100',
  unit: 'events/s',
  ours: () => rotating(readPipes(IDLE_PIPES, 0, READY_PIPES)),
  addon: () => rotating(barePipes(IDLE_PIPES, READY_PIPES, true)),
}
