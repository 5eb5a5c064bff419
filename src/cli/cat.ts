/**
 * `kq wait --read PATH --cat`: what there is to read, to standard output, until the end of
 * file, as cat(1) does.
 */
import { fstatSync } from 'node:fs'
import { readable } from '../index.js'
import { isNonblocking, readSome } from './descriptor.js'
import type { Output } from './output.js'

/** Bytes read at once. */
const SIZE = 65_536

/** @throws (rejects with) Error with errno; the reason of `signal` */
export async function copyOut(fd: number, output: Output, signal: AbortSignal): Promise<void> {
  const buffer = Buffer.allocUnsafe(SIZE)
  // A fifo whose writers went before it was opened is at its end for read(2) only, and so is
  // a file: where that never waits, it is asked first.
  const asks = fstatSync(fd).isFile() || isNonblocking(fd)
  for (;;) {
    if (!asks) await readable(fd, { signal })
    const n = readSome(fd, buffer)
    if (n === 0) return
    if (n === undefined) await readable(fd, { signal })
    else await output.write(Buffer.from(buffer.subarray(0, n)))
  }
}
