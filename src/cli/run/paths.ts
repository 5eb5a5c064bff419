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
  if (wild === undefined || existsSync(fileOf(word))) return { path: absolute(bytesOf(word)) }
  return { path: absolute(bytesOf(wild.directory)), pattern: wild.pattern }
}

/** @throws SourceError */
export function absolute(path: Bytes): Bytes {
  return path.startsWith('/') ? path : `${bytesOf(currentDirectory())}/${path}`
}

/** Tells what is asked about many paths. */
export class Survey {
  /** Paths that are not there yet. */
  readonly missing: string[] = []
  /** Devices of which Linux tells. */
  readonly #devices = new Set<number>()

  /**
   * @param word as it was written
   * @throws SourceError when it cannot be watched
   */
  add(path: Bytes, word: string): void {
    try {
      const stats = statSync(pathOf(path), { throwIfNoEntry: false })
      if (stats === undefined) {
        assertAbsent(path)
        this.missing.push(word)
        return
      }
      if (!stats.isFile() && !stats.isDirectory()) {
        throw new Refusal('EINVAL', 'it is neither a file nor a directory')
      }
      if (this.#devices.has(stats.dev)) return
      const silence = silenceOf(path)
      if (silence !== undefined) throw silence
      this.#devices.add(stats.dev)
    } catch (error) {
      throw new SourceError(word, error)
    }
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
