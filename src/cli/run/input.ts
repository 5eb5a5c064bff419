/**
 * Paths from standard input, one a line or each with a NUL behind it.
 */
import { fstatSync, readFileSync } from 'node:fs'
import { EV_ADD, EV_SET, EVFILT_READ, kqueue } from '../../index.js'
import { tty } from '../../late.js'
import type { Bytes } from '../bytes.js'
import { readSome } from '../descriptor.js'
import { Refusal, SourceError } from '../errors.js'

const STDIN = 0
const CHUNK = 65_536

/**
 * @param end what is behind each path
 * @throws (rejects with) SourceError; the reason of `signal`
 */
export async function readPaths(end: '\n' | '\0', signal: AbortSignal): Promise<Bytes[]> {
  try {
    if (tty().isatty(STDIN)) {
      throw new Refusal(
        'EINVAL',
        'it is a terminal; write for example: git ls-files -z | kq run -0 -- make',
      )
    }
    const text = await readWhole(signal)
    const paths = text.split(end).filter((path) => path !== '')
    if (paths.length === 0) throw new Refusal('ENOENT', 'no path has come from it')
    return paths
  } catch (error) {
    if (signal.aborted) throw error
    throw new SourceError('standard input', error)
  }
}

/** Never waits in a system call, so that signals are seen to meanwhile. */
async function readWhole(signal: AbortSignal): Promise<Bytes> {
  const stats = fstatSync(STDIN)
  if (!stats.isFIFO() && !stats.isSocket()) return readFileSync(STDIN, 'latin1')
  const queue = kqueue()
  const chunks: Buffer[] = []
  try {
    queue.kevent([EV_SET(STDIN, EVFILT_READ, EV_ADD)])
    for (;;) {
      await queue.wait({ nevents: 1, signal })
      const chunk = Buffer.allocUnsafe(CHUNK)
      const length = readSome(STDIN, chunk)
      if (length === 0) return Buffer.concat(chunks).toString('latin1')
      if (length !== undefined) chunks.push(chunk.subarray(0, length))
    }
  } finally {
    queue.close()
  }
}
