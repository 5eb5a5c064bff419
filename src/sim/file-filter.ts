/**
 * Filters of open files: their knotes are on a list that the file has for them.
 *
 *     const readFilter = filterOn((kn) => (kn.file as EventFile).list, (kn) => ...)
 *     kqfilter: (kn) => attachWith(kn, kn.filter === EVFILT_READ ? readFilter : undefined, 'an eventfd')
 */
import type { FilterOps } from '../core/filter.js'
import type { Knlist } from '../core/knlist.js'
import type { Knote } from '../core/knote.js'
import { EINVAL, refuse } from '../errors.js'
import { NOTE_LOWAT } from '../event.js'

export function filterOn(listOf: (kn: Knote) => Knlist, event: FilterOps['event']): FilterOps {
  return {
    isFd: true,
    attach(kn) {
      listOf(kn).add(kn)
      return 0
    },
    detach: (kn) => kn.list?.remove(kn),
    event,
  }
}

/** Attaches a knote with the filter that its file has for it, undefined for none. */
export function attachWith(kn: Knote, ops: FilterOps | undefined, file: string): number {
  if (ops === undefined) return refuse(EINVAL, `${file} has no filter ${kn.filter}`)
  kn.ops = ops
  return ops.attach(kn)
}

/** Whether there is as much as a knote wants: what NOTE_LOWAT says, at least 1, or `least`. */
export function enough({ data, sfflags, sdata }: Knote, least: number): boolean {
  return data >= (sfflags & NOTE_LOWAT ? Math.max(1, sdata) : least)
}
