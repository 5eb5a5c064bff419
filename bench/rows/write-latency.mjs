// From a write to one of 100 files to the moment that its watcher knows which one it was.
import { contest } from '../watchers.mjs'

const FILES = 100
let next = 0

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'write-latency',
  unit: 'µs',
  latency: () =>
    contest(FILES, async (files) => {
      const index = next++ % FILES
      /** @type {Promise<void>} */
      const told = new Promise((resolve) => {
        files.written = (name) => name === files.names[index] && resolve()
      })
      const start = performance.now()
      files.write(index)
      await told
      return (performance.now() - start) * 1000
    }),
}
