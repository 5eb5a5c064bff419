// level-rescan in a queue that waives the proof, KQUEUE_TRUSTFD.
import { KQUEUE_TRUSTFD, kqueuex } from 'kqueue'
import { scanRow } from '../scans.mjs'
import { IDLE_PIPES, READY_PIPES } from '../sizes.mjs'

const make = () => kqueuex(KQUEUE_TRUSTFD)

export default scanRow('level-rescan-trusted', IDLE_PIPES, READY_PIPES, 1, make, false)
