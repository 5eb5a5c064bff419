/**
 * A trace in a few lines.
 */
import { visible } from '../visible.js'
import { plural } from '../words.js'
import { columnsOf, fitting } from './columns.js'
import { failureLines } from './failures.js'
import type { History, Traced, Use } from './history.js'
import { selfTime, sharesOf } from './self-time.js'
import { lengthOf } from './time.js'

export interface Totals {
  readonly processes: number
  readonly executions: number
  /** With a status that is not 0, or killed. */
  readonly failed: number
  /** The most processes at once. */
  readonly atOnce: number
  /** From the beginning to the last that was seen to happen, ms. */
  readonly length: number
  /** Processes that were not seen to end. */
  readonly running: readonly Traced[]
}

export function totalsOf(history: History): Totals {
  const { processes, executions, failed, root, end } = history
  return {
    processes: processes.length,
    executions,
    failed,
    atOnce: history.atOnce().reduce((most, { count }) => Math.max(most, count), 1),
    length: end - root.born,
    running: processes.filter(({ outcome }) => outcome === 'running'),
  }
}

/** '12 processes', '2 failed' and so on. */
export function totalWords({ processes, executions, failed, atOnce, length, running }: Totals) {
  return [
    plural(processes, 'process', 'processes'),
    plural(executions, 'execution'),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(running.length > 0 ? [`${running.length} still running`] : []),
    `at most ${atOnce} at once`,
    lengthOf(length),
  ]
}

export const MISSING = 'the system could not keep up: some processes may be missing'

/** Lines of at most so many columns. */
export function summaryLines(history: History, columns: number): string[] {
  const totals = totalsOf(history)
  const longest = longestOf(history)
  const { end } = history
  const lines = wrapped(totalWords(totals), columns)
  if (longest !== undefined) {
    const { line, pid, use } = longest
    const tail = ` (${pid}), ${[lengthOf(selfTime(longest, end)), ...useWords(use)].join(', ')}`
    const room = Math.max(8, columns - 'longest: '.length - tail.length)
    lines.push(`longest: ${fitting(visible(line), room)}${tail}`)
    lines.push(shareLine(history, columns))
  }
  lines.push(...failureLines(history, columns))
  if (history.lost > 0) lines.push(`kq: ${MISSING}`)
  return lines
}

/** The process with the most self time; undefined where there is nothing to compare. */
function longestOf({ processes, end }: History): Traced | undefined {
  if (processes.length < 2) return undefined
  return processes.reduce((best, one) => (selfTime(one, end) > selfTime(best, end) ? one : best))
}

/** Programs that a line names. */
const PROGRAMS = 6

/** 'time: cc1 × 33 8.10 s, as × 33 610 ms', as many as fit. */
function shareLine({ processes, end }: History, columns: number): string {
  let line = 'time:'
  for (const { name, count, self } of sharesOf(processes, end).slice(0, PROGRAMS)) {
    const many = count === 1 ? '' : ` × ${count}`
    const next = `${line === 'time:' ? ' ' : ', '}${visible(name)}${many} ${lengthOf(self)}`
    if (line !== 'time:' && columnsOf(line + next) > columns) break
    line += next
  }
  return fitting(line, columns)
}

/** 'processor 4.31 s', '122 MB'; nothing where nobody knows. */
export function useWords({ processor, memory }: Use): string[] {
  return [
    ...(processor === undefined ? [] : [`processor ${lengthOf(processor)}`]),
    ...(memory === undefined ? [] : [`memory ${sizeOf(memory)}`]),
  ]
}

/** '640 kB', '122 MB' */
function sizeOf(bytes: number): string {
  if (bytes < 999.5e3) return `${(bytes / 1e3).toFixed(0)} kB`
  return bytes < 999.5e6 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}

function wrapped(words: readonly string[], columns: number): string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length + 2 <= columns) {
      lines[lines.length - 1] = `${last}, ${word}`
    } else lines.push(word)
  }
  return lines
}
