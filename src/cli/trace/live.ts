/**
 * What `kq trace` shows while the command runs. Where the command writes to the same
 * terminal, a line for each process that has ended: nothing is ever moved or erased, so
 * nothing of the command's is. Where it writes elsewhere, one line that is drawn again.
 */
import { visible } from '../visible.js'
import { fitting } from './columns.js'
import type { History, Traced } from './history.js'
import type { Report } from './report.js'
import { endLine } from './table.js'
import { lengthOf } from './time.js'

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
export class Lines implements Live {
  readonly #report: Report
  #credit = BURST
  #since = performance.now()
  #skipped = 0

  constructor(report: Report) {
    this.#report = report
  }

  ended(traced: Traced): void {
    const now = performance.now()
    this.#credit = Math.min(BURST, this.#credit + ((now - this.#since) / 1e3) * RATE)
    this.#since = now
    if (this.#credit < 1) {
      this.#skipped++
      return
    }
    this.#credit--
    const { columns, paint } = this.#report
    this.#report.write(`${this.#rest()}${endLine(traced, columns, paint)}\n`)
  }

  close(): void {
    this.#report.write(this.#rest())
  }

  #rest(): string {
    const skipped = this.#skipped
    this.#skipped = 0
    return skipped === 0 ? '' : `${this.#report.paint(2, `┊ … and ${skipped} more`)}\n`
  }
}

/** ms between two drawings. */
const REDRAW = 100

/** One line at the bottom of a terminal that is nobody else's. */
export class Status implements Live {
  readonly #report: Report
  readonly #history: History
  readonly #timer = setInterval(() => this.#draw(), REDRAW)

  constructor(report: Report, history: History) {
    this.#report = report
    this.#history = history
  }

  ended(): void {}

  close(): void {
    clearInterval(this.#timer)
    this.#report.write('\r\x1b[K')
  }

  #draw(): void {
    const { processes, living, failed, root } = this.#history
    const words = [
      lengthOf(performance.now() - root.born),
      `${living} running`,
      `${processes.length - living} done`,
      ...(failed > 0 ? [`${failed} failed`] : []),
    ]
    const names = processes.filter(({ ended }) => ended === undefined).map(({ line }) => line)
    const text = `${words.join(', ')}: ${visible(names.at(-1) ?? '')}`
    this.#report.write(`\r${fitting(text, this.#report.columns - 1)}\x1b[K`)
  }
}
