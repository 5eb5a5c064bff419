/**
 * EVFILT_FS: file systems are mounted and unmounted (`fs_filtops`): VQ_MOUNT,
 * VQ_UNMOUNT in `fflags`. The kernel notes them on the list that it gives to
 * `fsFilter`. kqueue(2).
 *
 * Without `fflags` all is reported, as most programs expect: FreeBSD always reports
 * all, macOS what was asked for, or all.
 */
import { EV_CLEAR } from '../../event.js'
import type { FilterOps } from '../filter.js'
import type { Knlist } from '../knlist.js'
import type { Knote } from '../knote.js'

/** What has been mounted and unmounted, for copies of knotes that are made later. */
export interface FsHistory {
  /** Now, as plain data. */
  mark(): unknown
  /** VQ_* since then. @throws KqueueError EINVAL it is no mark */
  since(mark: unknown): number
}

export function fsFilter(list: Knlist, history?: FsHistory): FilterOps {
  const watch = (kn: Knote): number => {
    list.add(kn)
    return 0
  }
  return {
    isFd: false,
    attach(kn) {
      kn.flags |= EV_CLEAR
      return watch(kn)
    },
    detach: (kn) => list.remove(kn),
    event(kn, hint) {
      kn.fflags |= kn.sfflags === 0 ? hint : kn.sfflags & hint
      return kn.fflags !== 0
    },
    image: () => history?.mark() ?? null,
    restore(kn, mark, { handed }) {
      const notes = handed ? 0 : (history?.since(mark) ?? 0)
      watch(kn)
      if (notes !== 0 && kn.ops.event(kn, notes)) kn.activate()
      return 0
    },
  }
}
