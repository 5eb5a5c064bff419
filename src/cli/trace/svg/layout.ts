/**
 * Where the bars of a picture go. Few processes have a row each, with their name beside
 * it. Many share lanes: a process lies under the one that made it, and takes the first
 * lane that is free by then, so that the height is that of what ran at once.
 */
import type { Traced } from '../history.js'

export interface Bar {
  readonly traced: Traced
  /** Pixels from the left edge of the picture. */
  x: number
  width: number
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
/** The narrowest bar, also of one that must not be overlooked. */
const NARROWEST = 1.5
const NARROWEST_BAD = 3
/** The most that a bar is moved to the right behind the one before it in its lane. */
const MOVE = 1.5
/** As high as the lanes are together, if they can be. */
const HEIGHT = 1800
const HIGHEST = 18
const LOWEST = 1.2

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
    const narrowest = traced.outcome === 'ok' ? NARROWEST : NARROWEST_BAD
    const width = Math.max(narrowest, x(traced.ended ?? end) - from)
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
  /** Pixels that it is moved to the right with all of its descendants. */
  move: number
}

/** Answers how many lanes it takes. */
function pack(processes: readonly Traced[], bars: ReadonlyMap<Traced, Bar>): number {
  const blocks = new Map<Traced, Block>()
  // Children come after their parents, so from the end.
  for (const traced of processes.toReversed()) {
    const { x, width } = bars.get(traced)!
    const block = { height: 1, right: x + width, lane: 0, move: 0 }
    /** Where each lane below the process is free from. */
    const free: number[] = []
    for (const child of traced.children) {
      const below = blocks.get(child)!
      const { x } = bars.get(child)!
      const lane = firstFree(free, x + MOVE, below.height)
      const end = lane + below.height
      below.lane = lane
      below.move = free.slice(lane, end).reduce((most, from) => Math.max(most, from - x), 0)
      const right = below.right + below.move
      free.fill(right, lane, end)
      while (free.length < end) free.push(right)
      block.right = Math.max(block.right, right)
    }
    block.height += free.length
    blocks.set(traced, block)
  }
  for (const traced of processes) {
    const { parent } = traced
    if (parent === null) continue
    const block = blocks.get(traced)!
    const bar = bars.get(traced)!
    bar.row = bars.get(parent)!.row + 1 + block.lane
    block.move += blocks.get(parent)!.move
    // It ends where it ended, if it is not too narrow for that.
    const narrowest = Math.min(bar.width, NARROWEST_BAD)
    bar.x += block.move
    bar.width = Math.max(narrowest, bar.width - block.move)
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
