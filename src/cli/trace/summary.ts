/**
 * A trace in a few lines.
 */
import { visible } from '../visible.js'
import { plural } from '../words.js'
import { fitting } from './columns.js'
import { failureLines } from './failures.js'
import type { History, Traced } from './history.js'
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
  const lines = wrapped(totalWords(totals), columns)
  if (longest !== undefined) {
    const { line, pid, born, ended = history.end } = longest
    const tail = ` (${pid}), ${lengthOf(ended - born)}`
    const room = Math.max(8, columns - 'longest: '.length - tail.length)
    lines.push(`longest: ${fitting(visible(line), room)}${tail}`)
  }
  lines.push(...failureLines(history, columns))
  if (history.lost > 0) lines.push(`kq: ${MISSING}`)
  return lines
}

/** Of the processes that did the work, the one that took longest: none of its children took nearly as long. */
function longestOf({ processes, root, end }: History): Traced | undefined {
  const length = ({ born, ended = end }: Traced) => ended - born
  return processes
    .filter(({ outcome }) => outcome !== 'running')
    .filter((one) => one !== root && !one.children.some((child) => length(child) > length(one) / 2))
    .reduce<Traced | undefined>(
      (best, one) => (best === undefined || length(one) > length(best) ? one : best),
      undefined,
    )
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
