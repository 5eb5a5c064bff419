/**
 * Where `kq trace` writes: standard error, or the file of --output. At once and without
 * buffers, since the command writes there as well; that nobody listens any more on
 * standard error is no error.
 */
import { constants as files, openSync } from 'node:fs'
import { tty } from '../../late.js'
import { type Paint, painter } from '../colours.js'
import { openOutput } from '../descriptor.js'
import { complain, SourceError } from '../errors.js'
import { STDERR, writeWhole } from '../writing.js'

/** Columns where there is no terminal to ask. */
const COLUMNS = 100

export class Writer {
  readonly #fd: number
  readonly #path: string | undefined
  /** Columns and rows. */
  #size: readonly [number, number] | undefined
  /** Nothing more can be written. */
  #over = false
  #failure: unknown

  /**
   * @param path of a file, undefined for standard error
   * @throws SourceError
   */
  constructor(path: string | undefined) {
    this.#path = path
    this.#fd = path === undefined ? STDERR : open(path)
    if (!tty().isatty(this.#fd)) return
    this.#size = sizeOf(this.#fd)
    process.on('SIGWINCH', () => {
      this.#size = sizeOf(this.#fd) ?? this.#size
    })
  }

  get isTerminal(): boolean {
    return this.#size !== undefined
  }

  /** Whether what the command writes goes elsewhere. */
  get isAlone(): boolean {
    return this.#fd !== STDERR && !tty().isatty(1) && !tty().isatty(STDERR)
  }

  /** As many as there are now. */
  get columns(): number {
    if (this.#size === undefined) return COLUMNS
    return this.#size[0] || 80
  }

  /** Lines of the terminal. */
  get rows(): number {
    return this.#size?.[1] || 24
  }

  /** Whether the cursor can be moved. */
  get isDumb(): boolean {
    const { TERM } = process.env
    return this.#size === undefined || TERM === 'dumb'
  }

  get paint(): Paint {
    return painter(this.isTerminal)
  }

  /** Whether the file of --output has all of it; what is wrong with it is said. */
  close(): boolean {
    if (this.#failure === undefined) return true
    complain(new SourceError(`--output ${this.#path}`, this.#failure).message)
    return false
  }

  write(text: string): void {
    if (this.#over) return
    try {
      writeWhole(this.#fd, Buffer.from(text))
    } catch (error) {
      this.#over = true
      if (this.#path !== undefined) this.#failure = error
    }
  }
}

function open(path: string): number {
  try {
    return openOutput(path, files.O_CREAT | files.O_TRUNC).fd
  } catch (error) {
    throw new SourceError(`--output ${path}`, error)
  }
}

/** The size of a terminal; Node.js asks for it once, when a stream is made. */
function sizeOf(fd: number): [number, number] | undefined {
  try {
    const { WriteStream } = tty()
    const stream = new WriteStream(openSync(`/proc/self/fd/${fd}`, files.O_WRONLY | files.O_NOCTTY))
    const size = stream.getWindowSize()
    stream.destroy()
    return size
  } catch {
    return undefined
  }
}
