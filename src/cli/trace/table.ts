/**
 * The tree of a trace as lines of a terminal: the program, its pid, how it ended and how
 * long it took, in columns that fit.
 */
import { BOLD, DIM, type Paint } from '../colours.js'
import { visible } from '../visible.js'
import { columnsOf, fitting } from './columns.js'
import { type Row, rowsOf, runningRows } from './fold.js'
import type { History, Outcome, Traced } from './history.js'
import type { Labels } from './label.js'
import { lengthOf } from './time.js'

const GAP = '  '
const PID = 7
/** Columns of how a process ended; more where that is longer. */
const ENDING = 9
const LENGTH = 10
/** Below so many columns the pid is left out, ... */
const NARROW = 60
/** ... and the end where no label would be left. */
const LEAST_LABEL = 12

const COLOURS: Record<Outcome, number> = {
  ok: 32,
  failed: 31,
  killed: 35,
  running: 33,
  unknown: 33,
}

/** What the columns of a line hold. */
interface Cells {
  /** What stands before the label. */
  readonly branch: string
  readonly label: string
  /** As much of it as fits into so many columns. */
  readonly shortened: (columns: number) => string
  readonly pid: string
  readonly outcome: Outcome
  readonly ending: string
  readonly length: string
}

/** Columns. */
interface Frame {
  /** Of a line. */
  readonly width: number
  /** Of the terminal. */
  readonly columns: number
  /** Of how a process ended. */
  readonly ending: number
}

interface TreeSetting {
  readonly columns: number
  /** Whether nothing is to be folded. */
  readonly all: boolean
  readonly paint: Paint
  /** Those that are to be seen, undefined for all. */
  readonly shown?: ReadonlySet<Traced> | undefined
}

export function treeLines(history: History, { columns, all, paint, shown }: TreeSetting): string[] {
  const { processes, end, labels } = history
  const rows = rowsOf(processes, all, shown)
  const cells = rows.map((row) => cellsOf(row, end, labels))
  const widest = cells.reduce(
    (most, { branch, label }) => Math.max(most, columnsOf(branch + label)),
    0,
  )
  const ending = cells.reduce((most, one) => Math.max(most, columnsOf(one.ending)), ENDING)
  const width = Math.min(columns, widest + besideLabel(columns, ending))
  return cells.map((one, i) => {
    return line(one, { width, columns, ending }, paint, rows[i]!.example)
  })
}

/**
 * What is running now in at most `height` lines, each narrower than the terminal so that none
 * wraps.
 */
export function runningLines(
  history: History,
  { columns, height, paint, now }: { columns: number; height: number; paint: Paint; now: number },
): string[] {
  const { processes, living, failed, root } = history
  const words = [
    lengthOf(now - root.born),
    `${living} running`,
    `${processes.length - living} ended`,
    ...(failed > 0 ? [`${failed} failed`] : []),
  ]
  const width = columns - 1
  const lines = [paint(BOLD, fitting(words.join(', '), width))]
  const room = height - lines.length
  if (room < 1) return lines
  const rows = runningRows(processes, history.running(), room)
  const kept = rows.length <= room ? rows : rows.slice(0, room - 1)
  const frame = { width, columns: width, ending: ENDING }
  for (const row of kept) {
    lines.push(line(cellsOf(row, now, history.labels), frame, paint, row.example))
  }
  if (kept.length < rows.length) {
    lines.push(paint(DIM, fitting(`┊ … and ${rows.length - kept.length} more lines`, width)))
  }
  return lines
}

/** A line for a process that has just ended. */
export function endLine(
  traced: Traced,
  { labels }: History,
  { columns, paint }: { columns: number; paint: Paint },
): string {
  const cells = cellsOf({ traced, group: [traced], example: false, last: [] }, 0, labels)
  const branch = `┊ ${'  '.repeat(Math.min(traced.depth, Math.floor(columns / 8)))}`
  return line({ ...cells, branch }, { width: columns, columns, ending: ENDING }, paint, false)
}

function cellsOf({ traced, group, example, last }: Row, end: number, labels: Labels): Cells {
  const many = group.length > 1
  const { outcome, ending } = many ? endOfGroup(group) : traced
  const longest = group.reduce((most, { born, ended = end }) => Math.max(most, ended - born), 0)
  const label = visible(many ? `× ${group.length} ${traced.program}` : labelOf(traced, example))
  return {
    branch: branchOf(last),
    label,
    shortened: (columns) => {
      const known = many || example ? '' : labels.fitting(traced, columns)
      return known === '' ? fitting(label, columns) : known
    },
    pid: many || example ? '' : `${traced.pid}`,
    outcome,
    // Of an example only what is bad.
    ending: example && outcome === 'ok' ? '' : ending,
    length: example ? '' : `${many ? '≤ ' : ''}${lengthOf(longest)}`,
  }
}

/** How a group ended: well only if nothing of it, nor below it, failed. */
function endOfGroup(group: readonly Traced[]): Pick<Traced, 'outcome' | 'ending'> {
  const [first] = group
  if (first!.outcome !== 'ok') return first!
  const failed = failedOf(group)
  return failed === 0 ? first! : { outcome: 'failed', ending: `${failed} failed` }
}

/** How many of these and of their descendants failed. */
function failedOf(group: readonly Traced[]): number {
  let failed = 0
  const todo = [...group]
  for (let one = todo.pop(); one !== undefined; one = todo.pop()) {
    if (one.outcome === 'failed' || one.outcome === 'killed') failed++
    todo.push(...one.children)
  }
  return failed
}

function labelOf(traced: Traced, example: boolean): string {
  return example ? traced.program : traced.line
}

function branchOf(last: readonly boolean[]): string {
  return last
    .map((isLast, i) => {
      if (i === last.length - 1) return isLast ? '└─ ' : '├─ '
      return isLast ? '   ' : '│  '
    })
    .join('')
}

/** Columns that the others take beside the label. */
function besideLabel(columns: number, ending: number): number {
  const pid = columns < NARROW ? 0 : GAP.length + PID
  const all = pid + GAP.length + ending + LENGTH
  return columns - all < LEAST_LABEL ? LENGTH : all
}

function line(cells: Cells, frame: Frame, paint: Paint, faint: boolean): string {
  const { width, columns } = frame
  const beside = besideLabel(columns, frame.ending)
  const room = Math.max(1, width - beside)
  const branch = shortened(cells.branch, Math.floor(room * 0.6))
  const left = room - columnsOf(branch)
  const label = columnsOf(cells.label) <= left ? cells.label : cells.shortened(left)
  const space = ' '.repeat(Math.max(0, room - columnsOf(branch + label)))
  const pid = columns < NARROW ? '' : GAP + cells.pid.padStart(PID)
  const ending =
    beside === LENGTH ? '' : GAP + fitting(cells.ending, frame.ending).padEnd(frame.ending)
  const bad = cells.outcome !== 'ok'
  const text = [
    paint(DIM, branch),
    faint ? paint(DIM, label) : paint(bad ? COLOURS[cells.outcome] : 0, label),
    space,
    paint(DIM, pid),
    paint(COLOURS[cells.outcome], ending),
    cells.length.padStart(LENGTH),
  ]
  return text.join('').trimEnd()
}

/** The end of a branch that is too deep. */
function shortened(branch: string, columns: number): string {
  return branch.length <= columns ? branch : `…${branch.slice(branch.length - columns + 1)}`
}
