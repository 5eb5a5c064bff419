/**
 * Standard output as a filter writes to it: no faster than it is read, and over,
 * without a word, when nobody reads it any more.
 */
import { once } from 'node:events'
import { fstatSync } from 'node:fs'
import { EV_ADD, EV_CLEAR, EV_EOF, EV_SET, EVFILT_WRITE, kqueue, NOTE_LOWAT } from '../index.js'
import { tty } from '../late.js'
import { type Paint, painter } from './colours.js'
import { SourceError } from './errors.js'
import { Stop } from './stop.js'

export class Output {
  readonly #end: AbortController
  #opened: typeof process.stdout | undefined

  /** @param end is aborted when nothing can be written any more */
  constructor(end: AbortController) {
    this.#end = end
  }

  /** Not before it is needed: Node.js makes a pipe nonblocking, for all who share it. */
  get #stream(): typeof process.stdout {
    if (this.#opened !== undefined) return this.#opened
    this.#opened = process.stdout
    this.#opened.on('error', (error) => this.#end.abort(this.#reasonOf(error)))
    return this.#opened
  }

  /** What it means that something could not be written. */
  #reasonOf(error: NodeJS.ErrnoException): unknown {
    if (error.code === 'EPIPE') return new Stop(0)
    const { fd, isTTY } = this.#stream
    // The terminal is gone, and the signal that tells of it may still be on its way.
    if (error.code === 'EIO' && isTTY && !tty().isatty(fd)) return Stop.by('SIGHUP')
    return new SourceError('standard output', error)
  }

  get paint(): Paint {
    return painter(this.#stream.isTTY === true)
  }

  /** Writes, and waits while the reader is behind. */
  async write(text: string | Uint8Array): Promise<void> {
    const { signal } = this.#end
    signal.throwIfAborted()
    if (!this.#stream.write(text)) await once(this.#stream, 'drain', { signal })
  }

  /** Waits until everything is written, or nothing can be. */
  async flush(): Promise<void> {
    const { signal } = this.#end
    if (signal.aborted || this.#opened === undefined) return
    await new Promise((resolve) => {
      signal.addEventListener('abort', resolve)
      this.#stream.write('', resolve)
    })
  }

  /**
   * Ends the command when the reader goes, and not only at the next line: `kq watch
   * ... | head -1` is over when head is. Answers how to stop watching it.
   */
  watchReader(): () => void {
    const { fd } = this.#stream
    const stats = fstatSync(fd)
    if (!stats.isFIFO() && !stats.isSocket()) return () => {}
    const queue = kqueue().unref()
    // More room than there can be: only the end is an event.
    queue.kevent([EV_SET(fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, NOTE_LOWAT, 0x7fffffff)])
    queue.wait({ nevents: 1 }).then(
      ([event]) => event && event.flags & EV_EOF && this.#end.abort(new Stop(0)),
      () => {
        // The queue was closed.
      },
    )
    return () => queue.close()
  }
}
