// Bytes of memory a registered EVFILT_READ takes, over as many pipes as
// MOST_PIPES and the limit on descriptors allow.
import { readFileSync } from 'node:fs'
import { EVFILT_READ } from 'kqueue'
import { openPipes } from '../pipes.mjs'
import { MOST_PIPES } from '../sizes.mjs'

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'memory',
  unit: 'bytes',
  resident: true,
  registrations() {
    const count = Math.min(MOST_PIPES, Math.floor((descriptorLimit() - 100) / 2))
    const pipes = openPipes(count, 0)
    return { count, filter: EVFILT_READ, ident: (i) => pipes.readers[i], close: pipes.close }
  },
}

/** The soft limit, which Node.js has raised to the hard one. */
function descriptorLimit() {
  const [, soft] = readFileSync('/proc/self/limits', 'utf8').match(/Max open files\s+(\d+)/) ?? []
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}
