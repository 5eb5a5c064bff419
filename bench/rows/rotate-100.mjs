// The same with READY_PIPES pipes at a time, which one kevent call returns.
import { readPipes } from '../scans.mjs'
import { IDLE_PIPES, READY_PIPES } from '../sizes.mjs'

/** @type {import('../main.mjs').Row} */
export default {
  name: 'rotate-100',
  unit: 'events/s',
  ours() {
    const { pipes, scan, close } = readPipes(IDLE_PIPES, 0, READY_PIPES)
    return {
      work() {
        const error = pipes.turn100()
        if (error !== 0) throw new Error(`errno ${error}`)
        return scan(READY_PIPES)
      },
      close,
    }
  },
}
