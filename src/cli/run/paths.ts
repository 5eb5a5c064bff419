/**
 * Paths as the user has written them, made absolute.
 */
import { statSync } from 'node:fs'
import { Refusal, SourceError } from '../errors.js'

/** @throws SourceError when it was removed */
export function currentDirectory(): string {
  try {
    return process.cwd()
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
    const stats = statSync(path)
    if (!stats.isFile() && !stats.isDirectory()) {
      throw new Refusal('EINVAL', 'it is neither a file nor a directory')
    }
  } catch (error) {
    throw new SourceError(path, error)
  }
  return path.startsWith('/') ? path : `${currentDirectory()}/${path}`
}
