/** Loading the addon, once a process. */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { ENOSYS, KqueueError } from '../../errors.js'
import { EPOLL_CREATE, freeDescriptor } from './facility.js'
import type { Native } from './native.js'

let loaded: Native | undefined

/** The addon, loaded on first use. Throws what the loader throws when there is none. */
export function native(): Native {
  if (loaded === undefined) {
    const require = createRequire(import.meta.url)
    const load = require('node-gyp-build') as (directory: string) => Native
    loaded = load(fileURLToPath(new URL('../../..', import.meta.url)))
  }
  return loaded
}

/** The same. Throws KqueueError ENOSYS where there is none, EMFILE or ENFILE where no descriptor is free. */
export function usable(): Native {
  if (process.platform !== 'linux') {
    throw new KqueueError(ENOSYS, 'kqueue', {
      reason: `there is kqueue on Linux, macOS and the BSDs, not on ${process.platform}; kqueue/sim runs everywhere`,
    })
  }
  try {
    return native()
  } catch (cause) {
    // Loading the addon needs a descriptor.
    EPOLL_CREATE.check(-freeDescriptor(), 'kqueue')
    const error = new KqueueError(ENOSYS, 'kqueue', {
      reason: `the addon is not built for ${process.arch}; 'npm rebuild kqueue' builds it, and kqueue/sim runs without`,
    })
    throw Object.assign(error, { cause })
  }
}
