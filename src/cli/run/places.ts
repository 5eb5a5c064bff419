/**
 * Where the paths of the user are, as a tree of names from the root directory on: so that
 * each directory on the way is known, and a path is found again that was replaced or
 * has yet to come.
 *
 * Symbolic links in a path are followed. Both the link and what it leads to have a place.
 */
import { lstatSync, readlinkSync } from 'node:fs'
import { type Bytes, pathOf } from '../bytes.js'
import type { Pattern } from './pattern.js'
import { statusOf } from './status.js'

/** A link that leads on to so many others leads nowhere (ELOOP). */
const MOST_LINKS = 40

/** A path that was asked for. */
export interface Given {
  /** Absolute. */
  readonly path: Bytes
  /** As it was written. */
  readonly word: string
  /** What is looked for below it; without, the path itself is meant. */
  readonly pattern?: Pattern
  /** It says what git ignores, and is not to be run for. */
  readonly rules?: true
}

export class Place {
  readonly children = new Map<Bytes, Place>()
  /** A path of the user leads here. */
  target = false
  /** What is looked for from here on. */
  readonly patterns: Pattern[] = []
  /** What it says changes what counts. */
  rules = false
  /** There was a symbolic link here. */
  isLink = false

  child(name: Bytes): Place {
    const known = this.children.get(name)
    if (known !== undefined) return known
    const place = new Place()
    this.children.set(name, place)
    return place
  }
}

/**
 * The places of what was asked for: that of the root directory.
 * @param root is given more
 */
export function placesOf(given: readonly Given[], root = new Place()): Place {
  const links = new Map<Bytes, Bytes | undefined>()
  for (const { path, pattern, rules } of given) {
    const place = follow(root, path, links)
    if (place === undefined) continue
    if (pattern !== undefined) place.patterns.push(pattern)
    else if (rules) place.rules = true
    else place.target = true
  }
  return root
}

/** Where the paths of the user end that are no files, without links. */
export function directoriesIn(place: Place, path: Bytes = ''): Bytes[] {
  const directories: Bytes[] = []
  if (place.target || place.patterns.length > 0) {
    const isFile = place.children.size === 0 && statusOf(path || '/')?.kind === 'file'
    if (!isFile) directories.push(path || '/')
  }
  for (const [name, child] of place.children) {
    directories.push(...directoriesIn(child, `${path}/${name}`))
  }
  return directories
}

/** @param links what is known of the paths on the way; undefined for what is no link */
function follow(root: Place, path: Bytes, links: Map<Bytes, Bytes | undefined>): Place | undefined {
  let followed = 0
  let way = [{ place: root, path: '' }]
  for (let names = split(path); names.length > 0; ) {
    const name = names.shift()!
    const at = way.at(-1)!
    if (name === '..') {
      if (way.length > 1) way.pop()
      continue
    }
    const next = { place: at.place.child(name), path: `${at.path}/${name}` }
    if (!links.has(next.path)) links.set(next.path, linkTarget(next.path))
    const target = links.get(next.path)
    if (target === undefined) {
      way.push(next)
      continue
    }
    next.place.isLink = true
    if (++followed > MOST_LINKS) return undefined
    if (target.startsWith('/')) way = way.slice(0, 1)
    names = [...split(target), ...names]
  }
  return way.at(-1)!.place
}

function split(path: Bytes): Bytes[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

function linkTarget(path: Bytes): Bytes | undefined {
  try {
    if (!lstatSync(pathOf(path), { throwIfNoEntry: false })?.isSymbolicLink()) return undefined
    return readlinkSync(pathOf(path), 'latin1')
  } catch {
    // What cannot be seen, or has just gone, is found when it can.
    return undefined
  }
}
