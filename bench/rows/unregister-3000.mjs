// The same for 3,000.
import { registerRow } from '../scans.mjs'

export default registerRow('unregister-3000', 3000, false)
