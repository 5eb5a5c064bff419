// One kevent call that returns the one of MOST_PIPES pipes that has a byte.
import { scanRow } from '../scans.mjs'
import { CALLS, MOST_PIPES } from '../sizes.mjs'

export default scanRow('sparse', MOST_PIPES, 1, CALLS)
