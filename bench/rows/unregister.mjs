// EVFILT_READ deleted for PIPES pipes in one changelist.
import { registerRow } from '../scans.mjs'
import { PIPES } from '../sizes.mjs'

export default registerRow('unregister', PIPES, false)
