/**
 * What a name stands for, as lstat(2) says: what tells of a change where the kernel says
 * only that attributes were set, perhaps to what they were.
 */
import { constants, lstatSync } from 'node:fs'
import { type Bytes, pathOf } from '../bytes.js'

export type Kind = 'file' | 'directory' | 'link' | 'other'

const KINDS = new Map<number, Kind>([
  [constants.S_IFREG, 'file'],
  [constants.S_IFDIR, 'directory'],
  [constants.S_IFLNK, 'link'],
])

export interface Status {
  readonly kind: Kind
  /** Which file it is, and whatever shows that it was written, touched, or given to others. */
  readonly mark: string
}

/** undefined when it is gone, or cannot be seen. */
export function statusOf(path: Bytes): Status | undefined {
  try {
    const stats = lstatSync(pathOf(path), { throwIfNoEntry: false })
    if (stats === undefined) return undefined
    const { dev, ino, mode, uid, gid, size, mtimeMs } = stats
    return {
      kind: KINDS.get(mode & constants.S_IFMT) ?? 'other',
      // Joined, because it is kept for each file, and sums of strings keep their parts.
      mark: [dev, ino, mode, uid, gid, size, mtimeMs].join(),
    }
  } catch {
    return undefined
  }
}

/** File systems stamp times by the tick of a clock: ms. */
const TICK = 50

/** Whether a path has come, or was changed, since a time: ms since 1970. */
export function isSince(path: Bytes, time: number): boolean {
  try {
    return lstatSync(pathOf(path)).ctimeMs >= time - TICK
  } catch {
    return false
  }
}
