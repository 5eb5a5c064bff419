/**
 * What `kq trace` shows while the command runs. Where the command writes to the same
 * terminal, a line for each process that has ended: nothing is ever moved or erased, so
 * nothing of the command's is. Where it writes elsewhere, the tree of those that run, drawn
 * again and again.
 */
import { fitting } from './columns.js'
import type { History, Traced } from './history.js'
import type { Report } from './report.js'
import { lineFor } from './table.js'
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
    this.#report.write(`${this.#rest()}${lineFor(traced, now, columns, paint)}\n`)
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

/** The tree of those that run, at the bottom of a terminal that is nobody else's. */
export class Tree implements Live {
  readonly #report: Report
  readonly #history: History
  readonly #timer = setInterval(() => this.#draw(this.#lines()), REDRAW)
  /** Lines that were drawn last. */
  #drawn = 0

  constructor(report: Report, history: History) {
    this.#report = report
    this.#history = history
  }

  ended(): void {}

  close(): void {
    clearInterval(this.#timer)
    this.#draw([])
  }

  /** In place of what was drawn last. */
  #draw(lines: readonly string[]): void {
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : ''
    this.#drawn = lines.length
    this.#report.write(`${up}\r\x1b[J${lines.map((line) => `${line}\n`).join('')}`)
  }

  #lines(): string[] {
    const { columns, rows, paint } = this.#report
    const { processes, living, failed, root } = this.#history
    const now = performance.now()
    const words = [
      lengthOf(now - root.born),
      `${living} running`,
      `${processes.length - living} done`,
      ...(failed > 0 ? [`${failed} failed`] : []),
    ]
    const running = runningBelow(root)
    // A terminal that has become narrower would wrap what is as wide as it.
    const width = columns - 1
    // The last row is where the next line would begin.
    const room = Math.max(0, rows - 3)
    const shown = running.slice(0, running.length > room ? room - 1 : room)
    const more = running.length - shown.length
    return [
      fitting(words.join(', '), width),
      ...shown.map((traced) => lineFor(traced, now, width, paint)),
      ...(more > 0 && room > 0 ? [paint(2, fitting(`┊ … and ${more} more`, width))] : []),
    ]
  }
}

/** Those that run, each before its children. */
function runningBelow(root: Traced): Traced[] {
  const running: Traced[] = []
  const todo = [root]
  for (let one = todo.pop(); one !== undefined; one = todo.pop()) {
    if (one.ended === undefined) running.push(one)
    todo.push(...one.children.toReversed())
  }
  return running
}
