// A kevent call with timeout 0 that finds nothing pending, with PIPES idle
// pipes registered.
import { readPipes } from '../scans.mjs'
import { CALLS, EVENTS, PIPES } from '../sizes.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'idle-poll',
  unit: 'calls/s',
  ours() {
    const { kq, list, close } = readPipes(PIPES, 0, EVENTS)
    return {
      work() {
        let events = 0
        for (let i = 0; i < CALLS; i++) events += kq.keventInto(null, list, 0)
        if (events !== 0) throw new Error(`${events} events where nothing is pending`)
        return CALLS
      },
      close,
    }
  },
}
