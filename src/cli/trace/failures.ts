/**
 * What failed in a trace: each program once for each way in which it ended, with how often and
 * where in the tree.
 */
import { visible } from '../visible.js'
import { columnsOf, fitting } from './columns.js'
import type { History, Traced } from './history.js'

export interface Failure {
  /** The first of them. */
  readonly first: Traced
  /** The name of the program stands for several command lines. */
  readonly various: boolean
  count: number
}

/** So many command lines are listed, and more only by their programs, ... */
const LINES = 20
/** ... of which so many are listed. */
const PROGRAMS = 40
/** Ancestors that are named. */
const ANCESTORS = 3
/** Columns that a command line has at least. */
const LEAST = 16
/** Columns that a place has at least. */
const PLACE = 10

/** In the order in which the first of each ended: what made others fail comes before them. */
export function failuresOf({ processes }: History): Failure[] {
  const failed = processes
    .filter(({ outcome }) => outcome === 'failed' || outcome === 'killed')
    .sort((a, b) => a.ended! - b.ended!)
  const lines = alike(failed, ({ line, ending }) => `${ending}\n${line}`, false)
  if (lines.length <= LINES) return lines
  return alike(failed, ({ program, ending }) => `${ending}\n${program}`, true)
}

function alike(
  failed: readonly Traced[],
  kindOf: (traced: Traced) => string,
  byName: boolean,
): Failure[] {
  const failures = new Map<string, Failure>()
  for (const one of failed) {
    const kind = kindOf(one)
    const known = failures.get(kind)
    if (known === undefined) failures.set(kind, { first: one, various: byName, count: 1 })
    else known.count++
  }
  return [...failures.values()]
}

/** 'make › sh', the programs that led to a process; '' for the command itself. */
function placeOf({ parent }: Traced): string {
  const names: string[] = []
  let one = parent
  for (; one !== null && names.length < ANCESTORS; one = one.parent) names.unshift(one.program)
  if (one !== null) names.unshift('…')
  return names.join(' › ')
}

/** Lines of at most so many columns, where there is room for what they have to say. */
export function failureLines(history: History, columns: number): string[] {
  const failures = failuresOf(history)
  const lines = failures.slice(0, PROGRAMS).map((failure) => lineOf(failure, columns))
  const left = failures.length - lines.length
  return left === 0 ? lines : [...lines, `failed: … and ${left} more programs`]
}

function lineOf({ first, various, count }: Failure, columns: number): string {
  const { pid, ending, line, program } = first
  const head = 'failed: '
  const often = count === 1 ? ` (${pid}), ${ending}` : `, ${ending}, ${count} times`
  const place = visible(placeOf(first))
  const label = visible(various && count > 1 ? program : line)
  const room = columns - head.length - often.length
  const known = Math.max(LEAST, Math.min(columnsOf(label), room - Math.floor(columns / 4)))
  const where = place === '' || room - known < PLACE ? '' : fitting(`, in ${place}`, room - known)
  return `${head}${fitting(label, Math.max(LEAST, room - columnsOf(where)))}${often}${where}`
}
