/**
 * The directories that are watched, and those above them: each place from which they can be
 * moved away, and to which others may come.
 *
 *     const bases = basesOf(placesOf(given))
 *     const way = new Way(bases, () => console.log('others are there now'))
 */
import { accessSync, closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs'
import {
  EV_ADD,
  EV_CLEAR,
  EV_SET,
  EVFILT_VNODE,
  type Kqueue,
  kqueue,
  NOTE_DELETE,
  NOTE_RENAME,
  NOTE_WRITE,
} from '../../index.js'
import { type Bytes, pathOf } from '../bytes.js'
import { O_PATH } from '../descriptor.js'
import { unwatchable } from './paths.js'
import type { Place } from './places.js'
import { type Base, below } from './scope.js'

/**
 * The fewest directories below which all places are. A directory that may not be read tells
 * of nothing, so that those below it are to be watched by themselves.
 * @param path where the place is
 * @throws SourceError for what nothing would tell of
 */
export function basesOf(place: Place, path: Bytes = '/'): Base[] {
  const isEnd = place.target || place.patterns.length > 0
  const [only, ...others] = [...place.children].map(([name, child]) => ({
    at: below(path, name),
    child,
  }))
  if (!isEnd && only !== undefined && others.length === 0 && isDirectory(only.at)) {
    return basesOf(only.child, only.at)
  }
  if (isEnd || isReadable(path)) return [{ path, place }, ...closedBelow(path, place)]
  return basesBehind(path, place)
}

/** Of directories that may not be read, on the way from one that may. */
function closedBelow(path: Bytes, place: Place): Base[] {
  if (place.target) return []
  return [...place.children].flatMap(([name, child]) => {
    const at = below(path, name)
    if (child.children.size === 0 || !isDirectory(at)) return []
    if (child.target || child.patterns.length > 0) return []
    return isReadable(at) ? closedBelow(at, child) : basesBehind(at, child)
  })
}

function basesBehind(path: Bytes, { children }: Place): Base[] {
  return [...children].flatMap(([name, child]) => {
    const at = below(path, name)
    if (isDirectory(at)) return basesOf(child, at)
    if (child.rules) return []
    const reason = new Error(
      'its directory may not be read, which would tell of it, and of another in its place',
    )
    throw unwatchable(at, reason)
  })
}

function isDirectory(path: Bytes): boolean {
  try {
    return lstatSync(pathOf(path), { throwIfNoEntry: false })?.isDirectory() ?? false
  } catch {
    return false
  }
}

function isReadable(path: Bytes): boolean {
  try {
    accessSync(pathOf(path), constants.R_OK)
    return true
  } catch {
    return false
  }
}

export class Way {
  readonly #queue: Kqueue = kqueue()
  readonly #descriptors: number[] = []
  /** Which directory each is. */
  readonly #identities = new Map<Bytes, string>()

  /** @param lost called when a directory has lost its place */
  constructor(bases: readonly Base[], lost: () => void) {
    for (const { path } of bases) {
      for (let at = path; !this.#identities.has(at); at = above(at)) this.#add(at)
    }
    this.#watch(lost)
  }

  /** Whether all are still where they were. */
  get holds(): boolean {
    for (const [path, identity] of this.#identities) {
      if (identity !== identityAt(path)) return false
    }
    return true
  }

  close(): void {
    this.#queue.close()
    for (const fd of this.#descriptors) closeSync(fd)
  }

  #add(path: Bytes): void {
    this.#identities.set(path, '')
    try {
      const fd = openSync(pathOf(path), O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW)
      this.#descriptors.push(fd)
      const { dev, ino } = fstatSync(fd)
      this.#identities.set(path, `${dev}:${ino}`)
      const notes = NOTE_WRITE | NOTE_DELETE | NOTE_RENAME
      this.#queue.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, notes)])
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EMFILE' || code === 'ENFILE' || code === 'ENOSPC') {
        throw unwatchable(path, error)
      }
      // It may not be read, or is gone, which is seen when it is compared.
    }
  }

  async #watch(lost: () => void): Promise<void> {
    try {
      while (this.holds) await this.#queue.wait({ nevents: this.#descriptors.length })
      lost()
    } catch {
      // The queue was closed.
    }
  }
}

function identityAt(path: Bytes): string {
  try {
    const stats = lstatSync(pathOf(path), { throwIfNoEntry: false })
    return stats === undefined ? '' : `${stats.dev}:${stats.ino}`
  } catch {
    return ''
  }
}

function above(path: Bytes): Bytes {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}
