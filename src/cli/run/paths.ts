/**
 * Paths as the user has written them, made absolute.
 */
import { readlinkSync, statSync } from 'node:fs'
import { fileOf, textOf } from '../bytes.js'
import { Refusal, SourceError } from '../errors.js'

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
 * A path that can be watched, from the root directory on. Its `..` are left in it: behind
 * a symbolic link they mean the directory above that which the link leads to.
 * @throws SourceError
 */
export function absolute(path: string): string {
  try {
    const stats = statSync(fileOf(path))
    if (!stats.isFile() && !stats.isDirectory()) {
      throw new Refusal('EINVAL', 'it is neither a file nor a directory')
    }
  } catch (error) {
    throw new SourceError(path, error)
  }
  return path.startsWith('/') ? path : `${currentDirectory()}/${path}`
}
