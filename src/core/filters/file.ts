/**
 * The dispatch for filters of descriptors (`file_filtops`): the open file
 * attaches the knote and puts its own filter in place.
 */
import type { FilterOps } from '../filter.js'
import type { Origin } from '../image.js'
import { KN_DISABLED, type Knote } from '../knote.js'

export const fileFilter: FilterOps = {
  isFd: true,
  attach: (kn) => kn.file!.kqfilter(kn),
  detach() {},
  event: () => false,
  image: (kn) => kn.file!.image?.(kn) ?? null,
  restore(kn, state, origin) {
    const file = kn.file!
    const error = file.rewatch?.(kn) ?? file.kqfilter(kn)
    if (error !== 0) return error
    if (file.restored !== undefined) file.restored(kn, state, origin)
    else asked(kn, origin)
    return 0
  },
}

/** Asks a copy that has been attached what holds now, unless that is told. */
export function asked(kn: Knote, { handed }: Origin): void {
  if (!handed && (kn.status & KN_DISABLED) === 0 && kn.ops.event(kn, 0)) kn.activate()
}
