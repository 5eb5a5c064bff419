// A process in namespaces of its own, for the churns that mount and make interfaces.
import { run } from './run.mjs'

let over = false
process.once('disconnect', () => {
  over = true
})
process.once('message', async (options) => {
  process.on('message', () => {
    over = true
  })
  await run({
    .../** @type {any} */ (options),
    over: () => over,
    report: (name, account) => process.connected && process.send?.({ name, account }),
  })
  if (process.connected) process.disconnect()
})
