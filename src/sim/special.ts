/**
 * A name for something that is not kept in the file tree: a fifo, a device, the
 * address of a socket. Opening it asks what stands behind it; what comes back has
 * its own filters.
 */
import type { SimFile } from './file.js'
import { type FileSystem, Vnode } from './vnode.js'

/** What stands behind a special file. */
export interface Device {
  /** Opens it, with the flags of open(2). Throws a KqueueError when it cannot be. */
  open(flags: number): SimFile
}

export class Special extends Vnode {
  readonly type = 'special'
  readonly size = 0

  constructor(
    fs: FileSystem,
    mode: number,
    readonly device: Device,
  ) {
    super(fs, mode)
  }
}
