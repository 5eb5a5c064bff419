/**
 * What the tests of asynchronous I/O share: by whom the I/O is done, files, and files that
 * are read when the test says so.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  closeSync,
  existsSync,
  constants as fs,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe } from 'node:test'
import type { Kevent, Kqueue } from 'kqueue'
import { addon as theAddon } from '../native/addon.js'
import { BOUNDED, until, within } from '../patience.js'
import { LONG } from './queues.js'

/** The addon that the package uses, to choose by whom I/O is done. */
export const addon = theAddon()

export const URING = 1
export const THREADS = 2
export const EIO = 5
export const EFAULT = 14
export const EISDIR = 21
export const EFBIG = 27
export const ENOSPC = 28
export const EINPROGRESS = 115
export const ECANCELED = 125

const BACKENDS = [
  ['io_uring', URING],
  ['threads', THREADS],
] as const

/** Whether this system has io_uring. */
export const hasUring = ((): boolean => {
  addon.aioPrefer(URING, 0)
  const has = addon.aioOpen() >= 0
  if (has) addon.aioClose()
  addon.aioPrefer(0, 0)
  return has
})()

/** Runs the same tests with each of those who can do the I/O. */
export function eachBackend(tests: (kind: number) => void): void {
  for (const [name, kind] of BACKENDS) {
    const skip = kind === URING && !hasUring && 'this system has no io_uring'
    describe(`by ${name}:`, { skip }, () => {
      before(() => addon.aioPrefer(kind, 0))
      after(() => addon.aioPrefer(0, 0))
      tests(kind)
    })
  }
}

const directory = mkdtempSync(join(tmpdir(), 'kqueue-aio-'))
const open = new Set<number>()
let names = 0

/** Closes the files of the test. */
export function closeAll(): void {
  for (const fd of open) closeSync(fd)
  open.clear()
}

afterEach(closeAll)
after(() => rmSync(directory, { recursive: true }))

/** The path of a new file. */
export function path(content: string | Uint8Array = ''): string {
  const name = join(directory, String(names++))
  writeFileSync(name, content)
  return name
}

/** Opens a file until the end of the test. */
export function opened(name: string, flags: string | number = 'r+'): number {
  const fd = openSync(name, flags)
  open.add(fd)
  return fd
}

export const file = (content: string | Uint8Array = ''): number => opened(path(content))

export function close(fd: number): void {
  open.delete(fd)
  closeSync(fd)
}

export const BLOCK = 4096

/** Blocks of which each has its number in every word. */
export function blocks(count: number): Uint8Array {
  return new Uint8Array(Uint32Array.from({ length: (count * BLOCK) / 4 }, (_, i) => i >> 10).buffer)
}

export const isBlock = (bytes: Uint8Array, i: number): boolean =>
  new Uint32Array(bytes.buffer, bytes.byteOffset, BLOCK / 4).every((word) => word === i)

/** The next `count` events of a queue. */
export function collect(kq: Kqueue, count: number): Kevent[] {
  const events: Kevent[] = []
  while (events.length < count) {
    const more = kq.kevent([], count - events.length, LONG)
    assert.notEqual(more.length, 0, `${count} events, only got ${events.length}`)
    events.push(...more)
  }
  return events
}

/** Who is root in a namespace only may be refused. */
function isOpenable(path: string): boolean {
  try {
    accessSync(path, fs.R_OK | fs.W_OK)
    return true
  } catch {
    return false
  }
}

export const canMount =
  process.getuid?.() === 0 && isOpenable('/dev/fuse') && existsSync('/bin/mount')

/** Files whose reading takes as long as the test likes; see fuse-server.ts. */
export class SlowFiles {
  readonly #place = mkdtempSync(join(tmpdir(), 'kqueue-slow-'))
  readonly #server: ChildProcess
  waiting = 0

  private constructor() {
    const program = new URL('fuse-server.js', import.meta.url)
    this.#server = fork(program, [this.#place])
    this.#server.on('message', (n) => {
      if (typeof n === 'number') this.waiting = n
    })
  }

  static async mount(): Promise<SlowFiles> {
    const files = new SlowFiles()
    await within(once(files.#server, 'message'), 'the files are mounted')
    return files
  }

  /** `slow`, `polite` or `broken`. */
  path(name: string): string {
    return join(this.#place, name)
  }

  /** Waits until so many reads have come. */
  async reads(count: number): Promise<void> {
    await until(() => this.waiting >= count, `${count} reads`)
  }

  /** Lets reads that wait, and those that come, go on. */
  release(): void {
    this.#server.send('release')
  }

  /** Makes reads wait again. */
  hold(): void {
    this.waiting = 0
    this.#server.send('hold')
  }

  async unmount(): Promise<void> {
    spawnSync('umount', ['-l', this.#place], BOUNDED)
    this.#server.kill('SIGKILL')
    if (this.#server.exitCode === null && this.#server.signalCode === null) {
      await once(this.#server, 'exit')
    }
    rmSync(this.#place, { recursive: true })
  }
}

/** The byte at an offset of slow files. */
export const slowByte = (offset: number): number => offset % 251
