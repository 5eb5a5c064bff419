// Processes watched for their exit: see ../exits.mjs.
import { exitRow } from '../exits.mjs'

export default exitRow('exit-add-5000', 5000)
