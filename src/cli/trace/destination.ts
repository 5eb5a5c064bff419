/**
 * A file that is written when the command has ended. What can be wrong with it is found
 * out before the command begins:
 *
 *     const destination = new Destination('--svg', 'build.svg')
 *     ... the command runs ...
 *     await destination.write(text, signal)
 *
 * A regular file is made or cut only when it is written: a command that cannot be run
 * leaves it as it was, and one that makes its directory anew does no harm. What cannot be
 * tried without a trace, as a fifo, whose reader waits for it, is open from the beginning.
 */
import { constants as files, lstatSync, readlinkSync, unlinkSync } from 'node:fs'
import { dirname, isAbsolute } from 'node:path'
import { type Descriptor, openOutput } from '../descriptor.js'
import { SourceError } from '../errors.js'
import { writeAsRead } from '../writing.js'

export class Destination {
  readonly #option: string
  readonly #path: string
  #held: Descriptor | undefined

  /**
   * @param option what the file was given for: '--svg'
   * @throws SourceError
   */
  constructor(option: string, path: string) {
    this.#option = option
    this.#path = path
    try {
      this.#held = tried(path)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /**
   * @param signal gives up, where its reader is too slow
   * @throws (rejects with) SourceError
   */
  async write(text: string, signal: AbortSignal): Promise<void> {
    try {
      const { fd, close } = this.#held ?? openOutput(this.#path, files.O_CREAT | files.O_TRUNC)
      try {
        await writeAsRead(fd, Buffer.from(text), signal)
      } finally {
        close()
      }
    } catch (error) {
      throw this.#failure(error)
    }
  }

  #failure(error: unknown): SourceError {
    return new SourceError(`${this.#option} ${this.#path}`, error)
  }
}

/** Opens what is there, or makes sure that it can be made: what is to stay open. */
function tried(path: string): Descriptor | undefined {
  try {
    const found = openOutput(path, 0)
    if (!found.isOpened || !found.stats.isFile()) return found
    found.close()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    assertMakeable(path)
  }
  return undefined
}

/** Makes a file, and takes it away again. */
function assertMakeable(path: string): void {
  const target = targetOf(path)
  openOutput(target, files.O_CREAT | files.O_EXCL).close()
  unlinkSync(target)
}

/** Where a file would be made: symbolic links may lead to what is not there. */
function targetOf(path: string): string {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (!stats?.isSymbolicLink()) return path
  const link = readlinkSync(path)
  return targetOf(isAbsolute(link) ? link : `${dirname(path)}/${link}`)
}
