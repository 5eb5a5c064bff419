// One kevent call that returns the READY_PIPES of IDLE_PIPES that are never read.
import { scanRow } from '../scans.mjs'
import { IDLE_PIPES, READY_PIPES } from '../sizes.mjs'

export default scanRow('level-rescan', IDLE_PIPES, READY_PIPES)
