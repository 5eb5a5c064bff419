/** What the tests of files that tell of themselves share: attributes, /proc, pressure. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readSync } from 'node:fs'
import {
  type Change,
  EV_ADD,
  EV_SET,
  EVFILT_EXCEPT,
  EVFILT_READ,
  type Kqueue,
  NOTE_FILE_POLL,
  NOTE_OOB,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { keep, LONG, queue, read } from './queues.js'

const { O_RDONLY } = posix.constants
export const HOSTNAME = '/proc/sys/kernel/hostname'

export const except = (fd: number, flags = 0, notes = NOTE_OOB): Change =>
  EV_SET(fd, EVFILT_EXCEPT, EV_ADD | flags, notes)
export const always = (fd: number): Change => EV_SET(fd, EVFILT_READ, EV_ADD, NOTE_FILE_POLL)
export const open = (path: string, flags = O_RDONLY): number => keep(posix.open(path, flags))

export const buffer = Buffer.alloc(65536)
/** Reads a file from its start and leaves the offset, as one does with an attribute. */
export const contents = (fd: number): string =>
  buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0))

/** What comes is one event of this filter. */
export function noticed(kq: Kqueue, fd: number, filter = EVFILT_READ): void {
  assert.deepEqual(
    kq.kevent([], 8, LONG).map((event) => [event.ident, event.filter, event.fflags, event.data]),
    [[fd, filter, filter === EVFILT_EXCEPT ? NOTE_OOB : 0, filter === EVFILT_EXCEPT ? 0 : 1]],
  )
}

export const silent = (kq: Kqueue): void => assert.deepEqual(kq.kevent([], 8, 20), [])

/** Why something cannot be done here, or false. */
export function impossible(program: string, ...args: string[]): string | false {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  return status !== 0 && (error?.message ?? stderr.trim())
}

/** The set for regular files is made on first use and stays. */
export function makeSet(): void {
  const kq = queue()
  const fd = posix.open(HOSTNAME)
  kq.kevent([read(fd)])
  kq.close()
  posix.close(fd)
}
