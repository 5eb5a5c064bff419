/**
 * Where Linux does not tell of changes: what a queue answers when it is asked.
 */
import { closeSync, constants, openSync } from 'node:fs'
import { EV_ADD, EV_SET, EVFILT_VNODE, getmntinfo, kqueue, NOTE_WRITE } from '../../index.js'
import { type Bytes, bytesOf, pathOf } from '../bytes.js'
import { O_PATH } from '../descriptor.js'
import { reasonOf } from '../errors.js'

/** Why nothing is told of a path; undefined if it is. */
export function silenceOf(path: Bytes): Error | undefined {
  const queue = kqueue()
  try {
    const fd = openSync(pathOf(path), O_PATH | constants.O_NOFOLLOW)
    try {
      queue.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE)])
    } finally {
      closeSync(fd)
    }
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOTSUP' ? (error as Error) : undefined
  } finally {
    queue.close()
  }
}

/** File systems below a directory of which nothing is told, and why. */
export function silentMounts(directory: Bytes): ReadonlyMap<Bytes, string> {
  const start = directory === '/' ? '/' : `${directory}/`
  const silent = new Map<Bytes, string>()
  for (const { path } of getmntinfo()) {
    const bytes = bytesOf(path)
    if (!bytes.startsWith(start)) continue
    const reason = silenceOf(bytes)
    if (reason !== undefined) silent.set(bytes, reasonOf(reason))
  }
  return silent
}
