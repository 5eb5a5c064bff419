/** Processes and workers that watch all that is below a directory. */
import { type KqueueError, kqueue, treeEvents } from 'kqueue'
import { runCase, say } from './cases.js'
import { descriptors } from './descriptors.js'

const cases = {
  /** Prints the code, name and message of what it fails with, and how many descriptors are left. */
  async fails(path: string) {
    kqueue().close()
    const before = descriptors()
    const error = await treeEvents(path)
      .next()
      .then(() => undefined)
      .catch((error: KqueueError) => error)
    const left = descriptors() - before
    console.log(JSON.stringify([error?.code, error?.name, error?.message, left]))
  },

  /** Says that it is ready, then each path. */
  async tells(directory: string) {
    const ready = () => say('ready')
    for await (const { path } of treeEvents(directory, { ready })) say(path)
  },
}

export type Cases = typeof cases
await runCase(cases)
