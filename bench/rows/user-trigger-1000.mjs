// user-trigger in a queue that watches IDLE_PIPES pipes, too.
import { readPipes } from '../scans.mjs'
import { IDLE_PIPES } from '../sizes.mjs'
import { triggering } from './user-trigger.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'user-trigger-1000',
  unit: 'roundtrips/s',
  ours() {
    const { kq, close } = readPipes(IDLE_PIPES, 0, 1)
    return { work: triggering(kq), close }
  },
}
