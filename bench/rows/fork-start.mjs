// A program is started that says when it has its queues: by child_process.fork, which
// copies none, and by ours with a queue of 10, 1,000 and 10,000 knotes.
import { fork as plain } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { fork } from 'kqueue'
import { copiedQueue } from '../copies.mjs'

const PROGRAM = fileURLToPath(new URL('../inheritor.mjs', import.meta.url))

/** @param {typeof plain} start */
async function sample(start) {
  const begin = performance.now()
  const child = start(PROGRAM)
  const exit = once(child, 'exit')
  await once(child, 'message')
  const taken = (performance.now() - begin) * 1000
  child.disconnect()
  await exit
  return taken
}

/** @param {number} knotes */
function ours(knotes) {
  return {
    sample() {
      // Only while it is its turn: fork copies every queue that there is.
      const { close } = copiedQueue(knotes)
      return sample(fork).finally(close)
    },
    close() {},
  }
}

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'fork-start',
  unit: 'µs',
  samples: 20,
  latency: () => ({
    'child_process.fork': () => ({ sample: () => sample(plain), close() {} }),
    'ours, 10 knotes': () => ours(10),
    'ours, 1,000 knotes': () => ours(1000),
    'ours, 10,000 knotes': () => ours(10_000),
  }),
}
