// One kevent call that returns every one of PIPES pipes.
import { scanRow } from '../scans.mjs'
import { PIPES } from '../sizes.mjs'

export default scanRow('read-scan', PIPES, PIPES)
