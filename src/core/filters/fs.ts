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

export function fsFilter(list: Knlist): FilterOps {
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
    copy: watch,
  }
}
