// Keeps a processor busy until the soak is over.
import { busy } from './take.mjs'

let over = false
process.once('disconnect', () => {
  over = true
})
;(function burn() {
  busy(20)
  if (!over) setImmediate(burn)
})()
