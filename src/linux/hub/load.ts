/** Loading the addon, once a process. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { noAddon } from '../../api/addon.js'
import { EPOLL_CREATE, freeDescriptor } from './facility.js'
import type { Native } from './native.js'

/** Of a file of dist/chunks. A bundler takes `new URL` of `import.meta.url` for a file that it is to copy. */
const { url } = import.meta

let loaded: Native | undefined

/** The addon, loaded on first use. Throws what the loader throws when there is none. */
export function native(): Native {
  if (loaded === undefined) {
    const path = usualPath()
    loaded = path === undefined ? searched() : opened(path)
  }
  return loaded
}

/** Where the addon is in nearly all cases; to load node-gyp-build takes longer than all else here. */
function usualPath(): string | undefined {
  const { platform, arch, env } = process
  const { KQUEUE_PREBUILD: chosen, LIBC } = env
  const root = chosen ?? fileURLToPath(new URL('../..', url))
  const libc = LIBC || (isThere('/etc/alpine-release') ? 'musl' : 'glibc')
  const paths = ['build/Release/kqueue.node', `prebuilds/${platform}-${arch}/kqueue.${libc}.node`]
  return paths.map((path) => join(root, path)).find(isThere)
}

/** With `--permission` Node.js throws where nothing may be read, which is no answer about the addon. */
function isThere(path: string): boolean {
  try {
    return existsSync(path)
  } catch {
    return false
  }
}

/** As `require` does, which takes twice as long to look for the file that is there. */
function opened(path: string): Native {
  const module = { exports: {} }
  process.dlopen(module, path)
  // V8 looks up what an object inherits faster than what a large one has itself.
  return Object.create(module.exports) as Native
}

/** The addon by all the rules there are. */
function searched(): Native {
  const require = createRequire(import.meta.url)
  const load = require('node-gyp-build') as (directory: string) => Native
  return load(fileURLToPath(new URL('../..', url)))
}

/** The same. Throws KqueueError ENOSYS where there is none, EMFILE or ENFILE where no descriptor is free. */
export function usable(): Native {
  try {
    return native()
  } catch (cause) {
    // Loading the addon needs a descriptor.
    EPOLL_CREATE.check(-freeDescriptor(), 'kqueue')
    throw noAddon(cause)
  }
}
