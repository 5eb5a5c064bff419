/**
 * A trace as a picture: a self-contained SVG with a bar for each process, from its birth to
 * its end. It needs neither scripts nor fonts; what a bar is shows when the pointer rests
 * on it.
 */

import { visible as shown } from '../../visible.js'
import type { History, Traced } from '../history.js'
import type { Labels } from '../label.js'
import { selfTime } from '../self-time.js'
import { MISSING, totalsOf, totalWords, useWords } from '../summary.js'
import { lengthOf } from '../time.js'
import { ticksOf } from './axis.js'
import { curveOf } from './curve.js'
import { type Bar, isListed, type Layout, layOut } from './layout.js'
import { Palette } from './palette.js'
import { HEAD } from './style.js'
import { columnsIn, cutTo, n, widthOf, xml } from './text.js'

const WIDTH = 960
const MARGIN = 20
const RIGHT = WIDTH - MARGIN
/** The column of names in a list, and the indentation of a child. */
const NAMES_LEAST = 140
const NAMES_MOST = 360
const INDENT = 14
/** Height of the curve of how many there are at once. */
const CURVE = 36
/** Characters of what is shown of a bar: of all bars together, and of one. */
const TITLES = 2_000_000
const TITLE_LEAST = 120
const TITLE_MOST = 2000

export function picture(history: History): string {
  return new Picture(history).draw()
}

class Picture {
  readonly #history: History
  readonly #begin: number
  readonly #end: number
  /** Where the time axis begins. */
  readonly #left: number
  readonly #parts: string[] = []
  /** How far down it is drawn. */
  #y = 0
  readonly #titleMost: number
  readonly #palette: Palette
  readonly #labels: Labels

  constructor(history: History) {
    const { processes, root } = history
    this.#history = history
    this.#begin = root.born
    this.#end = Math.max(history.end, root.born + 1e-3)
    this.#palette = new Palette(processes, this.#end)
    this.#labels = history.labels
    this.#left = isListed(processes) ? MARGIN + this.#namesWidth() : MARGIN
    this.#titleMost = Math.max(TITLE_LEAST, Math.min(TITLE_MOST, TITLES / processes.length))
  }

  #x = (time: number): number => {
    const part = (time - this.#begin) / (this.#end - this.#begin)
    return this.#left + Math.max(0, part) * (RIGHT - this.#left)
  }

  draw(): string {
    const { processes, line } = this.#history
    const layout = layOut(processes, this.#end, this.#x)
    this.#heading()
    this.#legend()
    const top = this.#y + 34
    this.#y = top
    this.#curve()
    const barsTop = this.#y
    const bottom = barsTop + layout.rows * layout.pitch + 4
    this.#parts.push(this.#grid(top, bottom))
    if (layout.listed) this.#branches(layout, barsTop)
    for (const bar of layout.bars) this.#bar(bar, layout, barsTop)
    const height = Math.ceil(bottom + 12)
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${xml(line.slice(0, 200))}">`,
      HEAD,
      `<rect class="bg" fill="#fff" width="${WIDTH}" height="${height}"/>`,
      ...this.#parts,
      '</svg>\n',
    ].join('\n')
  }

  #text(x: number, y: number, style: string, text: string, anchor = ''): void {
    const end = anchor && ` text-anchor="${anchor}"`
    this.#parts.push(`<text x="${n(x)}" y="${n(y)}" class="${style}"${end}>${xml(text)}</text>`)
  }

  #heading(): void {
    const width = WIDTH - 2 * MARGIN
    this.#text(MARGIN, 32, 'h', cutTo(shown(this.#history.line), width, 15))
    const totals = totalWords(totalsOf(this.#history)).join(' · ')
    this.#text(MARGIN, 53, 'd', cutTo(totals, width, 12))
    this.#y = 53
    if (this.#history.lost === 0) return
    this.#y += 18
    this.#text(MARGIN, this.#y, 'w', MISSING)
  }

  #legend(): void {
    const size = 11
    let x = MARGIN
    this.#y += 22
    for (const { style, label, count } of this.#palette.colours) {
      const words = shown(`${count} ${cutTo(shown(label), 180, size)}`)
      const width = 15 + widthOf(words, size)
      if (x > MARGIN && x + width > RIGHT) {
        x = MARGIN
        this.#y += 17
      }
      this.#parts.push(
        `<rect class="${style}" x="${n(x)}" y="${this.#y - 9}" width="10" height="10" rx="2"/>`,
      )
      this.#text(x + 15, this.#y, 's', words)
      x += width + 18
    }
  }

  /** How many processes there are at each time. */
  #curve(): void {
    const counts = this.#history.atOnce()
    const most = counts.reduce((most, { count }) => Math.max(most, count), 0)
    if (most < 3) return
    const bottom = this.#y + CURVE
    const y = (count: number) => bottom - (count / most) * CURVE
    this.#parts.push(`<path class="a" d="${curveOf(counts, this.#x, y, RIGHT)}"/>`)
    const words = `${most} at once`
    if (isListed(this.#history.processes)) {
      this.#text(this.#left - 8, y(most) + 9, 's', words, 'end')
    } else this.#text(this.#left + 5, y(most) + 13, 's', words)
    this.#y = bottom + 6
  }

  #grid(top: number, bottom: number): string {
    const width = RIGHT - this.#left
    const ticks = ticksOf(this.#end - this.#begin, Math.floor(width / 90))
    const lines = ticks.map(({ at }) => {
      return `M${n(Math.round(this.#x(this.#begin + at)) + 0.5)} ${n(top - 4)}V${n(bottom)}`
    })
    for (const { at, label } of ticks) {
      const x = this.#x(this.#begin + at)
      const half = widthOf(label, 11) / 2
      this.#text(
        Math.min(Math.max(x, this.#left + half), RIGHT - half),
        top - 9,
        's',
        label,
        'middle',
      )
    }
    return `<path class="g" d="${lines.join('')}"/>`
  }

  #bar(bar: Bar, layout: Layout, top: number): void {
    const { traced, x, width, row } = bar
    const y = top + row * layout.pitch
    // In a list the bars are lower than the names.
    const inset = layout.listed ? 4 : Math.min(1, layout.pitch / 8)
    const height = layout.pitch - 2 * inset
    const radius = Math.min(3, width / 2, height / 3)
    const corner = radius < 0.5 ? '' : ` rx="${n(radius)}"`
    this.#parts.push(
      `<rect class="bar ${this.#palette.styleOf(traced)}" x="${n(x)}" y="${n(y + inset)}" width="${n(width)}" height="${n(height)}"${corner}><title>${this.#title(traced)}</title></rect>`,
    )
    const forked = this.#x(traced.executed ?? this.#begin) - x
    if (forked >= 1) {
      this.#parts.push(
        `<rect class="f" x="${n(x)}" y="${n(y + inset)}" width="${n(forked)}" height="${n(height)}"${corner}/>`,
      )
    }
    if (layout.listed) this.#listed(bar, y)
    else if (layout.pitch >= 13) this.#inside(bar, y + layout.pitch / 2 + 4)
  }

  /** Lines from the name of each process down to those of its children. */
  #branches({ bars, pitch }: Layout, top: number): void {
    const middles = new Map(bars.map(({ traced, row }) => [traced, top + (row + 0.5) * pitch]))
    const lines = bars.flatMap(({ traced }) => {
      const last = traced.children.at(-1)
      if (last === undefined) return []
      const x = MARGIN + indentOf(traced) + 4.5
      const down = `M${n(x)} ${n(middles.get(traced)! + 7)}V${n(middles.get(last)!)}`
      return [down, ...traced.children.map((one) => `M${n(x)} ${n(middles.get(one)!)}h6`)]
    })
    this.#parts.push(`<path class="g" d="${lines.join('')}"/>`)
  }

  /** The name before a bar, and how it ended beside it. */
  #listed({ traced, x, width }: Bar, top: number): void {
    const y = top + 14
    const indent = indentOf(traced)
    const room = this.#left - 12 - MARGIN - indent
    const name = cutTo(shown(this.#labels.of(traced)[0]!), room, 12)
    this.#text(MARGIN + indent, y, traced.executed === undefined ? 'd' : '', name)
    const { outcome, ending, born, ended = this.#end } = traced
    const length = lengthOf(ended - born)
    const words = outcome === 'ok' ? length : `${ending} · ${length}`
    const needed = widthOf(words, 11) + 6
    if (x + width + needed <= RIGHT) this.#text(x + width + 6, y, 's', words)
    else if (needed + 6 <= width) this.#text(x + width - 6, y - 0.5, 'i', words, 'end')
    else this.#text(x - 6, y, 's', words, 'end')
  }

  /** The name inside a bar, as much as fits. */
  #inside({ traced, x, width }: Bar, y: number): void {
    // Where it is pale, white letters could not be read.
    const from = Math.max(x, this.#x(traced.executed ?? traced.born)) + 4
    const room = x + width - 4 - from
    const label = this.#labels.fitting(traced, columnsIn(room, 11))
    if (label !== '') this.#text(from, y, 'i', label)
  }

  #namesWidth(): number {
    const widths = this.#history.processes.map((one) => {
      return indentOf(one) + widthOf(shown(this.#labels.of(one)[0]!), 12)
    })
    return Math.min(NAMES_MOST, Math.max(NAMES_LEAST, ...widths)) + 12
  }

  #title(traced: Traced): string {
    const { pid, parent, born, executed, ended = this.#end, ending, outcome, use } = traced
    const line = shown(traced.line)
    const start = line.length > this.#titleMost ? `${line.slice(0, this.#titleMost)}…` : line
    const from = parent === null ? '' : `, child of ${parent.pid} ${shown(parent.program)}`
    const self = lengthOf(selfTime(traced, this.#end))
    const used = [
      ...(traced.children.length === 0 ? [] : [`${self} without children`]),
      ...useWords(use),
    ]
    const until = outcome === 'running' ? 'for at least' : 'after'
    return [
      start,
      `pid ${pid}${from}`,
      `${ending} ${until} ${lengthOf(ended - born)}`,
      ...(used.length === 0 ? [] : [used.join(', ')]),
      `begun at ${lengthOf(born - this.#begin)}${executed === undefined ? ', executes nothing' : ''}`,
    ]
      .map(xml)
      .join('\n')
  }
}

/** Children too deep for the column stand below each other. */
function indentOf({ depth }: Traced): number {
  return Math.min(depth * INDENT, NAMES_MOST / 2)
}
