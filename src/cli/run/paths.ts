/**
 * Paths as the user has written them, made absolute.
 */
import { existsSync, readlinkSync, statSync } from 'node:fs'
import { type Bytes, bytesOf, fileOf, pathOf, textOf } from '../bytes.js'
import { Refusal, SourceError } from '../errors.js'
import { patternOf } from './pattern.js'
import type { Given } from './places.js'
import { silenceOf } from './silent.js'

/** An error that ends the watching, for what was met at a path. */
export function unwatchable(path: Bytes, cause: unknown): SourceError {
  return new SourceError(textOf(path), cause)
}

/** @throws SourceError when it was removed */
export function currentDirectory(): string {
  try {
    const path = process.cwd()
    // It has bytes that are no UTF-8, or a character that looks like that.
    return path.includes('\ufffd') ? textOf(readlinkSync('/proc/self/cwd', 'latin1')) : path
  } catch (error) {
    throw new SourceError('the current directory', error)
  }
}

/**
 * What the user has written as a path: a pattern, if there is no such path. Its `..` are left
 * in it: behind a symbolic link they mean the directory above that which the link leads to.
 * @throws SourceError
 */
export function givenAs(word: string): Given {
  const wild = patternOf(word)
  if (wild === undefined || existsSync(fileOf(word))) return { path: absolute(bytesOf(word)), word }
  return { path: absolute(bytesOf(wild.directory)), word, pattern: wild.pattern }
}

/** @throws SourceError */
export function absolute(path: Bytes): Bytes {
  return path.startsWith('/') ? path : `${bytesOf(currentDirectory())}/${path}`
}

/**
 * Those that are not there yet, as they were written.
 * @throws SourceError for one that cannot be watched
 */
export function assertWatchable(given: readonly Given[]): string[] {
  /** Devices of which Linux tells. */
  const devices = new Set<number>()
  return given.filter(({ path, word }) => isMissing(path, word, devices)).map(({ word }) => word)
}

function isMissing(path: Bytes, word: string, devices: Set<number>): boolean {
  try {
    const stats = statSync(pathOf(path), { throwIfNoEntry: false })
    if (stats === undefined) {
      assertAbsent(path)
      return true
    }
    if (!stats.isFile() && !stats.isDirectory()) {
      throw new Refusal('EINVAL', 'it is neither a file nor a directory')
    }
    const silence = devices.has(stats.dev) ? undefined : silenceOf(path)
    if (silence !== undefined) throw silence
    devices.add(stats.dev)
    return false
  } catch (error) {
    throw new SourceError(word, error)
  }
}

/** @throws Error ENOTDIR when it cannot be there */
function assertAbsent(path: Bytes): void {
  try {
    statSync(pathOf(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
