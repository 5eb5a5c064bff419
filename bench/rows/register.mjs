// EVFILT_READ added for PIPES pipes in one changelist.
import { registerRow } from '../scans.mjs'
import { PIPES } from '../sizes.mjs'

export default registerRow('register', PIPES, true)
