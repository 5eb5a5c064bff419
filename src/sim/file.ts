/**
 * An open file of the simulated kernel (`struct file`): what read, write and the
 * rest do to it, and which filters it has. Pipes, sockets, files of the tree and
 * queues extend it. It lives as long as a descriptor of some process refers to it.
 */
import type { OpenFile } from '../core/kernel.js'
import type { Knote } from '../core/knote.js'
import { EINVAL, ESPIPE, KqueueError } from '../errors.js'

/** Numbers of those that images tell apart, 1 for the first. */
const numbers = new WeakMap<SimFile, number>()
let numbered = 0

export abstract class SimFile implements OpenFile {
  /** Descriptors that refer to it, in all processes. */
  references = 0

  /** Attaches a knote for a filter of this file, EINVAL for one that it does not have. */
  abstract kqfilter(kn: Knote): number

  rewatch(kn: Knote): number {
    return this.kqfilter(kn)
  }

  identify(): number {
    const known = numbers.get(this)
    if (known !== undefined) return known
    numbers.set(this, ++numbered)
    return numbered
  }

  isIdentified(identity: unknown): boolean {
    return identity === this.identify()
  }

  /**
   * Up to `n` bytes, none at the end of the file.
   * @throws KqueueError EAGAIN there is nothing yet
   */
  read(_n: number): Uint8Array {
    throw new KqueueError(EINVAL, 'read')
  }

  /**
   * Writes what there is room for: the number of bytes.
   * @throws KqueueError EAGAIN there is no room, EPIPE nobody will read it
   */
  write(_bytes: Uint8Array): number {
    throw new KqueueError(EINVAL, 'write')
  }

  /** Moves the offset: where it is now. */
  seek(_offset: number, _whence: number): number {
    throw new KqueueError(ESPIPE, 'lseek')
  }

  truncate(_length: number): void {
    throw new KqueueError(EINVAL, 'ftruncate')
  }

  /** The last descriptor was closed. */
  release(): void {}

  /** One more refers to it. fhold(9). */
  fhold(): void {
    this.references++
  }

  /** One less refers to it; the last one closes it. fdrop(9). */
  fdrop(): void {
    this.references--
    if (this.references === 0) this.release()
  }
}
