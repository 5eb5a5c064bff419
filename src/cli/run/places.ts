/**
 * Where the paths of the user are, as a tree of names from the root directory on: so that
 * each directory on the way is known, and a path is found again that was replaced or
 * has yet to come.
 *
 * Symbolic links in a path are followed. Both the link and what it leads to have a place.
 */
import { lstatSync, readlinkSync } from 'node:fs'

/** A link that leads on to so many others leads nowhere (ELOOP). */
const MOST_LINKS = 40

export class Place {
  readonly children = new Map<string, Place>()
  /** A path of the user leads here. */
  target = false
  /** There was a symbolic link here. */
  isLink = false

  child(name: string): Place {
    const known = this.children.get(name)
    if (known !== undefined) return known
    const place = new Place()
    this.children.set(name, place)
    return place
  }
}

/** The places of absolute paths: that of the root directory. Paths and names are `Bytes`. */
export function placesOf(paths: readonly string[]): Place {
  const root = new Place()
  for (const path of paths) follow(root, path)
  return root
}

function follow(root: Place, path: string): void {
  let links = 0
  let way = [{ place: root, path: '' }]
  for (let names = split(path); names.length > 0; ) {
    const name = names.shift()!
    const at = way.at(-1)!
    if (name === '..') {
      if (way.length > 1) way.pop()
      continue
    }
    const next = { place: at.place.child(name), path: `${at.path}/${name}` }
    const target = linkTarget(next.path)
    if (target === undefined) {
      way.push(next)
      continue
    }
    next.place.isLink = true
    if (++links > MOST_LINKS) return
    if (target.startsWith('/')) way = way.slice(0, 1)
    names = [...split(target), ...names]
  }
  way.at(-1)!.place.target = true
}

function split(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

function linkTarget(path: string): string | undefined {
  const bytes = Buffer.from(path, 'latin1')
  try {
    if (!lstatSync(bytes, { throwIfNoEntry: false })?.isSymbolicLink()) return undefined
    return readlinkSync(bytes, 'latin1')
  } catch {
    // What cannot be seen, or has just gone, is found when it can.
    return undefined
  }
}
