/**
 * Where the time of a trace went: the self time of a process is the part of its life in which it
 * had no child, so that a compiler has it and not the make, sh and gcc that wait for it.
 */
import type { Traced } from './history.js'

/** ms. @param last the time where those end that run still */
export function selfTime({ born, ended, children }: Traced, last: number): number {
  const end = ended ?? last
  let self = 0
  // Children are in the order in which they were born.
  let from = born
  for (const child of children) {
    self += Math.max(0, Math.min(child.born, end) - from)
    from = Math.max(from, Math.min(child.ended ?? last, end))
  }
  return self + Math.max(0, end - from)
}

export interface Share {
  readonly name: string
  count: number
  /** Self time of all of them, ms. */
  self: number
}

/** The programs, those with the most self time first. */
export function sharesOf(processes: readonly Traced[], last: number): Share[] {
  const shares = new Map<string, Share>()
  for (const one of processes) {
    const share = shares.get(one.program) ?? { name: one.program, count: 0, self: 0 }
    shares.set(one.program, share)
    share.count++
    share.self += selfTime(one, last)
  }
  return [...shares.values()].sort((a, b) => b.self - a.self)
}
