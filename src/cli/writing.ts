/**
 * Writing to a descriptor of any kind until all is written. `process.stdout` and
 * `process.stderr` are not touched, because for them Node.js makes a pipe nonblocking
 * that a command shares.
 */
import { fstatSync, writeSync } from 'node:fs'
import { EV_ADD, EV_ONESHOT, EV_SET, EVFILT_WRITE, KqueueError, kqueue } from '../index.js'

export const STDERR = 2

/** What poll(2) promises of a pipe: so much can be written without waiting. */
const PIPE_BUF = 4096

/**
 * Writes at once, and waits where it must.
 * @throws Error with errno
 */
export function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    const written = tryWrite(fd, bytes.subarray(at))
    if (written === 0) awaitRoom(fd)
    at += written
  }
}

/** Writes at once; that nobody listens is no error. */
export function tell(fd: number, text: string): void {
  try {
    writeWhole(fd, Buffer.from(text))
  } catch {
    // Nobody listens.
  }
}

/**
 * Writes as fast as it is read, and never waits in a system call, so that signals are seen
 * to meanwhile.
 * @throws (rejects with) Error with errno; the reason of `signal`
 */
export async function writeAsRead(
  fd: number,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const stats = fstatSync(fd)
  if (!stats.isFIFO() && !stats.isSocket()) {
    writeWhole(fd, bytes)
    return
  }
  const queue = kqueue()
  try {
    queue.kevent([EV_SET(fd, EVFILT_WRITE, EV_ADD)])
    for (let at = 0; at < bytes.length; ) {
      signal.throwIfAborted()
      await queue.wait({ nevents: 1, signal })
      at += tryWrite(fd, bytes.subarray(at, at + PIPE_BUF))
    }
  } finally {
    queue.close()
  }
}

/** How many bytes were written: 0 where there is no room. */
function tryWrite(fd: number, bytes: Uint8Array): number {
  try {
    return writeSync(fd, bytes)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
    throw error
  }
}

/** Somebody who shares the descriptor has made it nonblocking. */
function awaitRoom(fd: number): void {
  const queue = kqueue()
  try {
    queue.kevent([EV_SET(fd, EVFILT_WRITE, EV_ADD | EV_ONESHOT)], 1)
  } catch (error) {
    // A signal that the program handles is no reason to give up.
    if (!(error instanceof KqueueError && error.code === 'EINTR')) throw error
  } finally {
    queue.close()
  }
}
