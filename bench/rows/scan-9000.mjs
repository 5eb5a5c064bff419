// The same with MOST_PIPES.
import { scanRow } from '../scans.mjs'
import { MOST_PIPES } from '../sizes.mjs'

export default scanRow('scan-9000', MOST_PIPES, MOST_PIPES)
