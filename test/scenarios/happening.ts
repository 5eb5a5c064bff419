/**
 * A filter for scenarios: something that happens, and notes it on its list of
 * knotes. `const { filter, list, ops } = happening(w)`, then
 * `withFilter(w, filter, ops, (q) => { ... list.note(1) ... })`.
 */
import type { FilterOps } from 'kqueue/core'
import type { Queue, World } from './world.js'

/** Numbers that no system uses, a new one each time so that scenarios do not meet. */
let lastNumber = -1000

/** Something that happens: it notes hints, which gather in the fflags of its knotes. */
export function happening(w: World, more: Partial<FilterOps> = {}) {
  const list = w.filters.newKnlist()
  const calls: string[] = []
  const ops: FilterOps = {
    isFd: false,
    attach(kn) {
      calls.push(`attach ${kn.ident}`)
      list.add(kn)
      return 0
    },
    detach(kn) {
      calls.push(`detach ${kn.ident}`)
      list.remove(kn)
    },
    event(kn, hint) {
      if (hint !== 0 && kn.sfflags & hint) kn.fflags |= hint
      kn.data = kn.fflags
      return kn.fflags !== 0
    },
    ...more,
  }
  return { filter: --lastNumber, list, calls, ops }
}

/** Adds a filter and a queue for the time of `use`; other queues are closed by then. */
export function withFilter(
  w: World,
  filter: number,
  ops: FilterOps,
  use: (q: Queue) => void,
): void {
  const q = w.kqueue()
  w.filters.kqueue_add_filteropts(filter, ops)
  use(q)
  q.close()
  w.filters.kqueue_del_filteropts(filter)
}
