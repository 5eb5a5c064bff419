/**
 * Where `kq trace` writes: standard error, or the file of --output. At once and without
 * buffers, since the command writes there as well; who does not listen any more is not an
 * error. `process.stdout` and `process.stderr` are not touched, because for them Node.js
 * makes a pipe nonblocking that the command shares.
 */
import { openSync, writeSync } from 'node:fs'
import { isatty, WriteStream } from 'node:tty'
import { EV_ADD, EV_ONESHOT, EV_SET, EVFILT_WRITE, KqueueError, kqueue } from '../../index.js'
import { SourceError } from '../errors.js'
import { visible } from '../visible.js'

/** Colours text with an SGR code, or leaves it as it is. */
export type Paint = (code: number, text: string) => string

const STDERR = 2
/** Columns where there is no terminal to ask. */
const COLUMNS = 100

export class Report {
  readonly #fd: number
  readonly #terminal: WriteStream | undefined
  #over = false

  /**
   * @param path of a file, undefined for standard error
   * @throws SourceError
   */
  constructor(path: string | undefined) {
    this.#fd = path === undefined ? STDERR : open(path)
    if (isatty(this.#fd)) this.#terminal = openTerminal(this.#fd)
  }

  get isTerminal(): boolean {
    return this.#terminal !== undefined
  }

  /** Whether what the command writes goes elsewhere. */
  get isAlone(): boolean {
    return this.#fd !== STDERR && !isatty(1) && !isatty(STDERR)
  }

  get columns(): number {
    if (this.#terminal === undefined) return COLUMNS
    const [columns] = this.#terminal.getWindowSize()
    return columns || 80
  }

  get rows(): number {
    const [, rows] = this.#terminal?.getWindowSize() ?? []
    return rows || 24
  }

  get paint(): Paint {
    const { NO_COLOR, FORCE_COLOR, TERM } = process.env
    const forced = FORCE_COLOR !== undefined && FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
    const wanted = FORCE_COLOR === undefined ? this.isTerminal && TERM !== 'dumb' : forced
    if (NO_COLOR || !wanted) return (_code, text) => text
    return (code, text) => (code === 0 || text === '' ? text : `\x1b[${code}m${text}\x1b[0m`)
  }

  write(text: string): void {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length && !this.#over; ) {
      try {
        at += writeSync(this.#fd, bytes, at)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') awaitRoom(this.#fd)
        else this.#over = true
      }
    }
  }
}

/** A line on standard error, wherever the report goes. */
export function complain(text: string): void {
  try {
    writeSync(STDERR, `kq: ${visible(text)}\n`)
  } catch {
    // Nobody listens.
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'w')
  } catch (error) {
    throw new SourceError(`--output ${path}`, error)
  }
}

/** Asked for its size only. */
function openTerminal(fd: number): WriteStream | undefined {
  try {
    return new WriteStream(fd === STDERR ? fd : openSync(`/proc/self/fd/${fd}`, 'w'))
  } catch {
    return undefined
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
