// The same for MOST_PIPES.
import { registerRow } from '../scans.mjs'
import { MOST_PIPES } from '../sizes.mjs'

export default registerRow('register-9000', MOST_PIPES, true)
