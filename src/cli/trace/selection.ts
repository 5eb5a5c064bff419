/**
 * Which processes of a trace are shown, where not all are: `kq trace --failed --slower 100ms --only cc`.
 */
import type { History, Traced } from './history.js'
import type { TraceRequest } from './options.js'

/** Each says less; what meets all of them is shown. */
export type Selection = Readonly<Pick<TraceRequest, 'failed' | 'slower' | 'only'>>

/** @param end the time where those end that run still */
export function isSelected(traced: Traced, selection: Selection, end: number): boolean {
  const { failed, slower, only } = selection
  const { outcome, born, ended = end, name } = traced
  if (failed && outcome !== 'failed' && outcome !== 'killed') return false
  return ended - born >= slower && (only.length === 0 || only.includes(name))
}

/** Those that are selected, and what they descend from; undefined for all. */
export function selectedOf(
  { processes, root, end }: History,
  selection: Selection,
): ReadonlySet<Traced> | undefined {
  const { failed, slower, only } = selection
  if (!failed && slower === 0 && only.length === 0) return undefined
  const shown = new Set([root])
  for (const one of processes) {
    if (!isSelected(one, selection, end)) continue
    for (let above = one; !shown.has(above); above = above.parent!) shown.add(above)
  }
  return shown
}
