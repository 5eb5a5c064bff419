/**
 * EVFILT_NETDEV: the links of network interfaces (`netdev_filtops` of older FreeBSD):
 * NOTE_LINKUP, NOTE_LINKDOWN, NOTE_LINKINV in `fflags`. `ident` is the index of an
 * interface, or 0 for all that there are and will be. What happens is gathered until it
 * is handed out, and with EV_CLEAR forgotten then; without, it stays.
 */
import { EV_EOF, EV_ONESHOT } from '../../event.js'
import type { FilterOps } from '../filter.js'
import type { Knlist } from '../knlist.js'
import type { Knote } from '../knote.js'

/** The index that stands for all interfaces. */
export const ALL_INTERFACES = 0

/** An interface, as far as kqueue is concerned: `struct ifnet`. The kernel notes NOTE_LINK*. */
export interface Link {
  readonly klist: Knlist
  /** It was taken away: nothing more will be reported. */
  readonly gone: boolean
}

/**
 * @param find the interface of a knote's `ident`; throws where there is none
 * @param leave a knote has gone from an interface
 */
export function netdevFilter(
  find: (kn: Knote) => Link,
  leave: (kn: Knote, link: Link) => void = () => {},
): FilterOps {
  return {
    isFd: false,
    attach: (kn) => watch(kn, find(kn)),
    detach(kn) {
      const link = kn.hook as Link
      link.klist.remove(kn)
      leave(kn, link)
    },
    event(kn, hint) {
      kn.fflags |= kn.sfflags & hint
      if (!(kn.hook as Link).gone) return kn.fflags !== 0
      kn.flags |= EV_EOF | EV_ONESHOT
      return true
    },
    copy: (kn, from) => watch(kn, from.hook as Link),
  }
}

function watch(kn: Knote, link: Link): number {
  kn.hook = link
  link.klist.add(kn)
  return 0
}
