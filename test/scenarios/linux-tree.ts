/** The calls of the World on real Linux that take names. */
import { chmodSync, linkSync, mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TreeCalls } from './world.js'

export function treeCalls(directory: string): TreeCalls {
  return {
    mkdir: (name) => mkdirSync(join(directory, name)),
    rmdir: (name) => rmdirSync(join(directory, name)),
    link: (from, to) => linkSync(join(directory, from), join(directory, to)),
    chmod: (name, mode) => chmodSync(join(directory, name), mode),
  }
}
