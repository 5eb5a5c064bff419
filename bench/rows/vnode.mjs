// 1,000 files, each written once: how many a second, until the watcher knows of all of them.
import { peerContest } from '../contest.mjs'
import { contest } from '../watchers.mjs'

const FILES = 1000

/** @type {import('../measure.mjs').Row} */
export default {
  name: 'vnode',
  unit: 'files/s',
  bursts: (peers) => ({ ...contest(FILES, burst), ...peerContest(peers, 'vnode') }),
}

/** @param {import('../watchers.mjs').Files} files */
async function burst(files) {
  const left = new Set(files.names)
  /** @type {Promise<void>} */
  const told = new Promise((resolve) => {
    files.written = (name) => left.delete(name) && left.size === 0 && resolve()
  })
  const start = performance.now()
  for (let i = 0; i < FILES; i++) files.write(i)
  await told
  return (FILES * 1000) / (performance.now() - start)
}
