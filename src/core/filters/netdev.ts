/**
 * EVFILT_NETDEV: the links of network interfaces (`netdev_filtops` of older FreeBSD):
 * NOTE_LINKUP, NOTE_LINKDOWN, NOTE_LINKINV in `fflags`. `ident` is the index of an
 * interface, or 0 for all that there are and will be. What happens is gathered until it
 * is handed out, and with EV_CLEAR forgotten then; without, it stays.
 */
import { ENXIO } from '../../errors.js'
import { EV_EOF, EV_ONESHOT, NOTE_LINKINV } from '../../event.js'
import type { FilterOps } from '../filter.js'
import { invalidImage, numbers, record, truth } from '../image-check.js'
import { Knlist } from '../knlist.js'
import type { Knote } from '../knote.js'

/** The index that stands for all interfaces. */
export const ALL_INTERFACES = 0

/** An interface, as far as kqueue is concerned: `struct ifnet`. The kernel notes NOTE_LINK*. */
export interface Link {
  readonly klist: Knlist
  /** It was taken away: nothing more will be reported. */
  readonly gone: boolean
}

/** The NOTE_LINK* that each link stands for, by index. */
type LinkNotes = ReadonlyMap<number, number>

/**
 * @param find the interface of a knote's `ident`; throws where there is none
 * @param notes what all links are now
 * @param leave a knote has gone from an interface
 */
export function netdevFilter(
  find: (kn: Knote) => Link,
  notes: () => LinkNotes,
  leave: (kn: Knote, link: Link) => void = () => {},
): FilterOps {
  /** What the links of a knote are. */
  const linksOf = ({ ident }: Knote): LinkNotes => {
    const all = notes()
    const note = all.get(ident)
    if (ident === ALL_INTERFACES) return all
    return note === undefined ? new Map() : new Map([[ident, note]])
  }
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
    image: (kn) => ({ gone: (kn.hook as Link).gone, links: [...linksOf(kn)].flat() }),
    restore(kn, state, origin) {
      const given = record<'gone' | 'links'>(state, 'state')
      const { links } = given
      const gone = truth(given.gone, 'state.gone')
      const before = numbers(links, 'state.links')
      if (before.length % 2 !== 0) throw invalidImage('state.links', 'pairs')
      const link = gone ? ENXIO : find(kn)
      if (typeof link === 'number' && link !== ENXIO) return link
      // It may have been taken away meanwhile.
      watch(kn, typeof link === 'number' ? { klist: new Knlist(), gone: true } : link)
      if (!origin.handed && kn.ops.event(kn, gone ? 0 : changes(before, linksOf(kn)))) kn.activate()
      return 0
    },
  }
}

/** The notes of links that are not what they were: indexes and notes in turn. */
function changes(before: readonly number[], now: LinkNotes): number {
  const left = new Map(now)
  let notes = 0
  for (let i = 0; i < before.length; i += 2) {
    const note = left.get(before[i]!)
    left.delete(before[i]!)
    if (note === undefined) notes |= NOTE_LINKINV
    else if (note !== before[i + 1]) notes |= note
  }
  for (const note of left.values()) notes |= note
  return notes
}

function watch(kn: Knote, link: Link): number {
  kn.hook = link
  link.klist.add(kn)
  return 0
}
