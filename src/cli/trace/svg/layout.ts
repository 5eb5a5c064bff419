/**
 * Where the bars of a picture go. Few processes have a row each, with their name beside
 * it. Many share lanes: a process lies under the one that made it, and takes the first
 * lane that is free by then, so that the height is that of what ran at once.
 */
import type { Traced } from '../history.js'

export interface Bar {
  readonly traced: Traced
  /** Pixels from the left edge of the picture. */
  readonly x: number
  readonly width: number
  /** Rows or lanes from the top. */
  row: number
}

export interface Layout {
  /** Whether each process has a row to itself. */
  readonly listed: boolean
  readonly bars: readonly Bar[]
  readonly rows: number
  /** Pixels from one row to the next. */
  readonly pitch: number
}

/** As many processes have a row each. */
const LISTED = 100
const ROW = 20
/** The narrowest bar, and the least space between two in a lane. */
const NARROWEST = 1.5
const GAP = 0.5
/** As high as the lanes are together, if they can be. */
const HEIGHT = 1800
const HIGHEST = 18
const LOWEST = 1.2

/** @param x where a time is, in pixels */
export function isListed(processes: readonly Traced[]): boolean {
  return processes.length <= LISTED
}

/**
 * @param end the time where bars end that have none
 * @param x where a time is, in pixels
 */
export function layOut(
  processes: readonly Traced[],
  end: number,
  x: (time: number) => number,
): Layout {
  const bars = new Map<Traced, Bar>()
  for (const traced of processes) {
    const from = x(traced.born)
    const width = Math.max(NARROWEST, x(traced.ended ?? end) - from)
    bars.set(traced, { traced, x: from, width, row: 0 })
  }
  if (isListed(processes)) {
    list(processes[0]!, bars)
    return { listed: true, bars: [...bars.values()], rows: processes.length, pitch: ROW }
  }
  const rows = pack(processes, bars)
  const pitch = Math.min(HIGHEST, Math.max(LOWEST, HEIGHT / rows))
  return { listed: false, bars: [...bars.values()], rows, pitch }
}

/** A row each, children below their parent. */
function list(root: Traced, bars: ReadonlyMap<Traced, Bar>): void {
  const todo = [root]
  let row = 0
  for (let one = todo.pop(); one !== undefined; one = todo.pop()) {
    bars.get(one)!.row = row++
    todo.push(...one.children.toReversed())
  }
}

/** The lanes of a process and its descendants, which move together. */
interface Block {
  height: number
  /** Pixels: from the left of the process to the right of the last descendant. */
  right: number
  /** The lane in the block of its parent. */
  lane: number
}

/** Answers how many lanes it takes. */
function pack(processes: readonly Traced[], bars: ReadonlyMap<Traced, Bar>): number {
  const blocks = new Map<Traced, Block>()
  // Children come after their parents, so from the end.
  for (const traced of processes.toReversed()) {
    const { x, width } = bars.get(traced)!
    const block = { height: 1, right: x + width, lane: 0 }
    /** Where each lane below the process is free from. */
    const free: number[] = []
    for (const child of traced.children) {
      const below = blocks.get(child)!
      below.lane = firstFree(free, bars.get(child)!.x, below.height)
      free.fill(below.right + GAP, below.lane, below.lane + below.height)
      while (free.length < below.lane + below.height) free.push(below.right + GAP)
      block.right = Math.max(block.right, below.right)
    }
    block.height += free.length
    blocks.set(traced, block)
  }
  for (const traced of processes) {
    if (traced.parent === null) continue
    bars.get(traced)!.row = bars.get(traced.parent)!.row + 1 + blocks.get(traced)!.lane
  }
  return blocks.get(processes[0]!)!.height
}

/** The first of so many lanes that are free at x. */
function firstFree(free: readonly number[], x: number, height: number): number {
  let first = 0
  for (let lane = 0; lane < free.length && lane < first + height; lane++) {
    if (free[lane]! > x) first = lane + 1
  }
  return first
}
