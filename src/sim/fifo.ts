/**
 * A fifo: a pipe with a name in the file tree (mkfifo(2), fifo_vnops.c). There is
 * no waiting for the other end: who opens it to write when nobody reads is refused,
 * as with O_NONBLOCK.
 */
import { ENXIO, fail } from '../errors.js'
import { O_ACCMODE, O_RDONLY, O_RDWR, O_WRONLY } from './fcntl.js'
import type { SimFile } from './file.js'
import { Pipe } from './pipe.js'
import type { Device } from './special.js'

export class Fifo implements Device {
  readonly #pipe = new Pipe(true)

  /** @throws KqueueError ENXIO nobody reads */
  open(flags: number): SimFile {
    const access = flags & O_ACCMODE
    if (access === O_WRONLY && this.#pipe.readers === 0) {
      fail(ENXIO, 'open', 'nobody reads this fifo')
    }
    return this.#pipe.open({
      read: access === O_RDONLY || access === O_RDWR,
      write: access === O_WRONLY || access === O_RDWR,
    })
  }
}
