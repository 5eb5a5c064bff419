/**
 * Network interfaces by index, and EVFILT_NETDEV: their links go up and down
 * (NetBSD's and FreeBSD's `netdev_filtops`). Nothing is sent over them.
 *
 *     const net = new Net(kernel)
 *     net.link(2, 'up')
 */
import type { InterfaceInfo, SystemInterfaces } from '../api/system.js'
import { ALL_INTERFACES, type Link, netdevFilter } from '../core/filters/netdev.js'
import type { Kernel } from '../core/kernel.js'
import { Knlist } from '../core/knlist.js'
import { EEXIST, EINVAL, ENXIO, fail, refuse } from '../errors.js'
import { EVFILT_NETDEV, NOTE_LINKDOWN, NOTE_LINKINV, NOTE_LINKUP } from '../event.js'

/** What is known of a link. A new interface has one that is not known, as in FreeBSD. */
export type LinkState = 'up' | 'down' | 'unknown'

const NOTES: Readonly<Record<LinkState, number>> = {
  up: NOTE_LINKUP,
  down: NOTE_LINKDOWN,
  unknown: NOTE_LINKINV,
}

/** The longest name, without the final zero: IFNAMSIZ. */
const NAME_LONGEST = 15

/** `struct ifnet`. */
class Interface implements Link {
  state: LinkState = 'unknown'
  /** Taken away. */
  gone = false
  readonly klist = new Knlist()

  constructor(readonly name: string) {}
}

export class Net implements SystemInterfaces {
  readonly #interfaces = new Map<number, Interface>()
  /** For who watches all of them. */
  readonly #all: Link = { klist: new Knlist(), gone: false }

  /** Installs EVFILT_NETDEV. There are 1, `lo`, and 2, `eth0`. */
  constructor(kernel: Kernel) {
    this.add('lo')
    this.add('eth0')
    const filter = netdevFilter(
      ({ ident }) => {
        if (ident === ALL_INTERFACES) return this.#all
        return this.#interfaces.get(ident) ?? refuse(ENXIO, `there is no interface ${ident}`)
      },
      () => new Map([...this.#interfaces].map(([ifindex, { state }]) => [ifindex, NOTES[state]])),
    )
    kernel.filters.install(EVFILT_NETDEV, filter)
  }

  /**
   * Adds an interface: its index, the lowest that is free. if_alloc(9). Its link is not
   * known: NOTE_LINKINV for who watches all.
   * @throws KqueueError EEXIST the name is taken, EINVAL it is not of 1 to 15 characters
   */
  add(name: string): number {
    if (name === '' || name.length > NAME_LONGEST) {
      fail(EINVAL, 'if_attach', `the name of an interface has 1 to ${NAME_LONGEST} characters`)
    }
    if (this.index(name) !== 0) fail(EEXIST, 'if_attach', `there is an interface ${name}`)
    let ifindex = 1
    while (this.#interfaces.has(ifindex)) ifindex++
    this.#interfaces.set(ifindex, new Interface(name))
    this.#all.klist.note(NOTE_LINKINV)
    return ifindex
  }

  /**
   * Takes an interface away: NOTE_LINKINV and the end for who watches it. if_detach(9).
   * @throws KqueueError ENXIO
   */
  remove(ifindex: number): void {
    const ifp = this.#interface(ifindex, 'if_detach')
    this.#interfaces.delete(ifindex)
    ifp.gone = true
    ifp.klist.note(NOTE_LINKINV)
    this.#all.klist.note(NOTE_LINKINV)
  }

  /** The index of an interface by name, 0 for none. if_nametoindex(3). */
  index(name: string): number {
    for (const [ifindex, ifp] of this.#interfaces) if (ifp.name === name) return ifindex
    return 0
  }

  /** The indexes of all interfaces. */
  indexes(): number[] {
    return [...this.#interfaces.keys()]
  }

  /** if_nameindex(3). */
  all(): InterfaceInfo[] {
    return [...this.#interfaces].map(([index, { name, state }]) => ({
      index,
      name,
      up: state === 'up',
    }))
  }

  /** The name of an interface, null for none. if_indextoname(3). */
  name(ifindex: number): string | null {
    return this.#interfaces.get(ifindex)?.name ?? null
  }

  /**
   * Changes the state of a link; what it is already is no change. if_link_state_change(9).
   * @throws KqueueError ENXIO no such interface, EINVAL no such state
   */
  link(ifindex: number, state: LinkState): void {
    const ifp = this.#interface(ifindex, 'link')
    const note = NOTES[state]
    if (note === undefined) fail(EINVAL, 'link', `a link is up, down or unknown`)
    if (ifp.state === state) return
    ifp.state = state
    ifp.klist.note(note)
    this.#all.klist.note(note)
  }

  /** The state of a link. @throws KqueueError ENXIO */
  state(ifindex: number): LinkState {
    return this.#interface(ifindex, 'link').state
  }

  #interface(ifindex: number, syscall: string): Interface {
    const ifp = this.#interfaces.get(ifindex)
    if (ifp !== undefined) return ifp
    fail(ENXIO, syscall, `there is no interface ${ifindex}`)
  }
}
