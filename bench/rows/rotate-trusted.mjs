// rotate in a queue that waives the proof, KQUEUE_TRUSTFD.
import { KQUEUE_TRUSTFD, kqueuex } from 'kqueue'
import { rotateRow } from './rotate.mjs'

export default rotateRow('rotate-trusted', () => kqueuex(KQUEUE_TRUSTFD), false)
