/**
 * What `kq trace` shows while the command runs. Where the command writes to the same
 * terminal, a line for each process that has ended: nothing is ever moved or erased, so
 * nothing of the command's is. Where it writes elsewhere, the tree of what is running.
 */
import { stripVTControlCharacters } from 'node:util'
import { DIM } from '../colours.js'
import { columnsOf } from './columns.js'
import type { History, Traced } from './history.js'
import { endLine, runningLines } from './table.js'
import type { Writer } from './writer.js'

/** Where it is shown: a `Writer`. */
type Screen = Pick<Writer, 'columns' | 'rows' | 'paint' | 'write'>

export interface Live {
  ended(traced: Traced): void
  /** Leaves nothing behind that is not finished. */
  close(): void
}

export const SILENT: Live = { ended() {}, close() {} }

/** Lines at once, and in each second. */
const BURST = 20
const RATE = 10

/** A line for each process that has ended; of a flood only the number. */
export class LiveLines implements Live {
  readonly #screen: Screen
  readonly #history: History
  readonly #isShown: (traced: Traced) => boolean
  #credit = BURST
  #since = performance.now()
  #skipped = 0

  constructor(screen: Screen, history: History, isShown: (traced: Traced) => boolean = () => true) {
    this.#screen = screen
    this.#history = history
    this.#isShown = isShown
  }

  ended(traced: Traced): void {
    if (!this.#isShown(traced)) return
    const now = performance.now()
    this.#credit = Math.min(BURST, this.#credit + ((now - this.#since) / 1e3) * RATE)
    this.#since = now
    if (this.#credit < 1) {
      this.#skipped++
      return
    }
    this.#credit--
    const line = endLine(traced, this.#history, this.#screen)
    this.#screen.write(`${this.#takeSkipped()}${line}\n`)
  }

  close(): void {
    this.#screen.write(this.#takeSkipped())
  }

  #takeSkipped(): string {
    const skipped = this.#skipped
    this.#skipped = 0
    return skipped === 0 ? '' : `${this.#screen.paint(DIM, `┊ … and ${skipped} more`)}\n`
  }
}

/** ms between two drawings. */
const REDRAW = 100

/** The tree of what is running, drawn again in place, on a terminal that is nobody else's. */
export class LiveTree implements Live {
  readonly #screen: Screen
  readonly #history: History
  readonly #timer = setInterval(() => this.#draw(), REDRAW)
  /** Columns of each line that is on the terminal; the cursor is at the end of the last. */
  #drawn: number[] = []

  constructor(screen: Screen, history: History) {
    this.#screen = screen
    this.#history = history
    // The shell has written something since.
    process.on('SIGCONT', this.#leave)
  }

  ended(): void {}

  close(): void {
    clearInterval(this.#timer)
    process.off('SIGCONT', this.#leave)
    if (this.#drawn.length > 0) this.#screen.write(`${this.#home()}\x1b[J`)
  }

  #leave = (): void => {
    this.#drawn = []
  }

  #draw(): void {
    const { columns, rows, paint } = this.#screen
    const now = performance.now()
    const lines = runningLines(this.#history, { columns, height: rows - 1, paint, now })
    const text = lines.map((line) => `${line}\x1b[K`).join('\r\n')
    this.#screen.write(`${this.#home()}${text}\x1b[J`)
    this.#drawn = lines.map((line) => columnsOf(stripVTControlCharacters(line)))
  }

  /** Moves the cursor to where the drawing begins. A terminal that has become narrower has wrapped it. */
  #home(): string {
    const { columns } = this.#screen
    const rows = this.#drawn.reduce(
      (sum, width) => sum + Math.max(1, Math.ceil(width / columns)),
      0,
    )
    return rows > 1 ? `\r\x1b[${rows - 1}A` : '\r'
  }
}
