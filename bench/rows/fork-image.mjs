// The bytes that travel to a child with the copy of a queue: the sealed file under its number.
import { fstatSync } from 'node:fs'
import { forkOptions } from 'kqueue'
import { copiedQueue } from '../copies.mjs'

/** @param {number} knotes */
function bytes(knotes) {
  const { fd, close } = copiedQueue(knotes)
  const options = forkOptions({ stdio: 'ignore' })
  try {
    return fstatSync(Number(options.stdio[fd])).size
  } finally {
    options.close()
    close()
  }
}

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'fork-image',
  unit: 'bytes',
  figures: () => ({
    '10 knotes': bytes(10),
    '1,000 knotes': bytes(1000),
    '10,000 knotes': bytes(10_000),
  }),
}
