/**
 * What the tests of files share: directories on the file systems that there are, queues
 * that watch a file, and the names of notes.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_SET,
  EVFILT_VNODE,
  type Kqueue,
  NOTE_ATTRIB,
  NOTE_CLOSE,
  NOTE_CLOSE_WRITE,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_OPEN,
  NOTE_READ,
  NOTE_RENAME,
  NOTE_REVOKE,
  NOTE_WRITE,
} from 'kqueue'
import { LONG, queue } from './queues.js'

const NOTES = Object.entries({
  DELETE: NOTE_DELETE,
  WRITE: NOTE_WRITE,
  EXTEND: NOTE_EXTEND,
  ATTRIB: NOTE_ATTRIB,
  LINK: NOTE_LINK,
  RENAME: NOTE_RENAME,
  REVOKE: NOTE_REVOKE,
  OPEN: NOTE_OPEN,
  CLOSE: NOTE_CLOSE,
  CLOSE_WRITE: NOTE_CLOSE_WRITE,
  READ: NOTE_READ,
})

/** All notes of EVFILT_VNODE. */
export const ALL = NOTES.reduce((all, [, note]) => all | note, 0)

/** 'WRITE EXTEND' for NOTE_WRITE | NOTE_EXTEND, '' for nothing. */
export function names(notes: number): string {
  const found = NOTES.filter(([, note]) => notes & note)
  return found.map(([name]) => name).join(' ')
}

/** Where files are made, by what is there: a real disk, and memory. */
export const PLACES: readonly (readonly [string, string])[] = [
  ['the directory for temporary files', tmpdir()],
  ...(existsSync('/dev/shm') ? [['tmpfs', '/dev/shm'] as const] : []),
]

const made: string[] = []

/** A new directory that is removed after the test. */
export function directory(place = tmpdir()): string {
  const path = mkdtempSync(join(place, 'kqueue-files-'))
  made.push(path)
  return path
}

afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
})

/** A queue that watches a descriptor for `notes`. */
export function watching(fd: number, notes = ALL, flags = EV_CLEAR): Kqueue {
  const kq = queue()
  kq.kevent([EV_SET(fd, EVFILT_VNODE, EV_ADD | flags, notes)])
  return kq
}

/** What has been noted, by name; '' when nothing has. */
export function noted(kq: Kqueue): string {
  const events = kq.kevent(null, 8, 0)
  assert.ok(events.length <= 1, `${events.length} events`)
  return names(events[0]?.fflags ?? 0)
}

/** The same, waiting for it. */
export function next(kq: Kqueue): string {
  const events = kq.kevent(null, 8, LONG)
  assert.equal(events.length, 1)
  return names(events[0]!.fflags)
}

/** The watches of this process' inotify instances, as fdinfo shows them: proc(5). */
export function watches(): string[] {
  const found: string[] = []
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) !== 'anon_inode:inotify') continue
      const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
      found.push(...text.split('\n').filter((line) => line.startsWith('inotify ')))
    } catch {
      // The descriptor by which the directory was read.
    }
  }
  return found
}

/** The masks of the watches, as they are asked for. */
export function masks(): number[] {
  return watches().map((line) => Number.parseInt(/ mask:([0-9a-f]+)/.exec(line)![1]!, 16))
}
