/**
 * EVFILT_NETDEV on Linux: the links of the interfaces in the network namespace of the
 * process, as rtnetlink(7) tells of them. A link is up when the interface has a carrier
 * (IFF_LOWER_UP of netdevice(7)), which it has only while it is switched on.
 *
 * Two sockets a thread while there are knotes: one listens, the other asks for the table
 * of all interfaces, at first and when the kernel has dropped messages.
 */
import { attempt, orUndo } from '../core/failure.js'
import type { FilterOps } from '../core/filter.js'
import { ALL_INTERFACES, type Link, netdevFilter } from '../core/filters/netdev.js'
import { Knlist } from '../core/knlist.js'
import type { Knote } from '../core/knote.js'
import { EAGAIN, ENOBUFS, ENXIO, refuse } from '../errors.js'
import { NOTE_LINKDOWN, NOTE_LINKINV, NOTE_LINKUP } from '../event.js'
import { RTNETLINK } from './hub/facility.js'
import type { Hub } from './hub/hub.js'
import {
  LINK_AGAIN,
  LINK_END,
  LINK_FLAGS,
  LINK_GONE,
  LINK_HERE,
  LINK_INDEX,
  LINK_RECORD,
  LINK_WHAT,
  type Native,
} from './hub/native.js'

const IFF_LOWER_UP = 0x10000
/** Records of one message. */
const BATCH = 1024
/** How often the table is asked for again because it has changed meanwhile. */
const ROUNDS = 100

const records = new Int32Array(LINK_RECORD * BATCH)

class WatchedLink implements Link {
  readonly klist = new Knlist()
  gone = false
}

/** What tells another process of links from now on. */
export interface HandedLinks {
  /** The socket that listens. */
  readonly fd: number
  /** Whether each interface is up. */
  readonly up: ReadonlyMap<number, boolean>
}

export class LinkTable {
  readonly filter: FilterOps
  /** The socket that listens, -1 while there are no knotes. */
  #fd = -1
  #asking = -1
  /** Whether each interface is up. */
  #up = new Map<number, boolean>()
  /** Those with knotes, and ALL_INTERFACES. */
  readonly #watched = new Map<number, WatchedLink>()
  /** It tells, or its knotes are still to come. */
  #draining = false
  /** It was handed over, and the knotes are still to come. */
  #arriving = false

  constructor(readonly hub: Hub) {
    const ops = netdevFilter(
      (kn) => this.#find(kn),
      () => new Map([...this.#up].map(([index, up]) => [index, up ? NOTE_LINKUP : NOTE_LINKDOWN])),
      (kn, link) => this.#leave(kn, link),
    )
    this.filter = {
      ...ops,
      restore: (kn, state, origin) =>
        ops.restore!(kn, state, { ...origin, handed: origin.handed && this.#arriving }),
    }
  }

  #find({ ident }: Knote): Link {
    this.#open()
    const link = this.#watched.get(ident) ?? new WatchedLink()
    this.#watched.set(ident, link)
    // What has happened until now is not for the new knote; it may be the interface's end.
    this.drain()
    if (ident === ALL_INTERFACES || this.#up.has(ident)) return link
    this.#watched.delete(ident)
    this.#closeIfIdle()
    return refuse(ENXIO, `there is no interface ${ident}; see if_nametoindex`)
  }

  #leave({ ident }: Knote, link: Link): void {
    if (link.klist.empty && this.#watched.get(ident) === link) this.#watched.delete(ident)
    this.#closeIfIdle()
  }

  #open(): void {
    if (this.#fd !== -1) return
    const { native } = this.hub
    const made: number[] = []
    const make = (listening: boolean): number => {
      made.push(RTNETLINK.check(native.linkOpen(listening)))
      return made.at(-1)!
    }
    orUndo(
      () => {
        const fd = make(true)
        const asking = make(false)
        this.#up = askLinks(native, asking)
        this.hub.adopt(fd, () => this.drain())
        this.#fd = fd
        this.#asking = asking
      },
      () => {
        for (const fd of made) native.close(fd)
      },
    )
  }

  #closeIfIdle(): void {
    if (this.#fd === -1 || this.#watched.size > 0 || this.#arriving) return
    const { hub } = this
    hub.disown(this.#fd)
    hub.native.close(this.#fd)
    hub.native.close(this.#asking)
    this.#fd = this.#asking = -1
  }

  // From one process to another

  /** A socket for another process; or a negative errno. */
  handOver(): HandedLinks | number {
    const { native } = this.hub
    const fd = native.linkOpen(true)
    if (fd < 0) return fd
    // What was told before is no news there.
    while (native.linkRead(fd, records) >= 0);
    this.drain()
    return { fd, up: this.#up }
  }

  /** It was handed over. */
  takeOver({ fd, up }: HandedLinks): void {
    const { native } = this.hub
    const asking = native.linkOpen(false)
    if (asking < 0 || attempt(() => this.hub.adopt(fd, () => this.drain())) === null) {
      native.close(fd)
      if (asking >= 0) native.close(asking)
      return
    }
    this.#fd = fd
    this.#asking = asking
    this.#up = new Map(up)
    this.#arriving = this.#draining = true
  }

  /** The knotes are there: what has happened meanwhile is for them. */
  takenOver(): void {
    if (!this.#arriving) return
    this.#arriving = this.#draining = false
    this.#closeIfIdle()
    this.drain()
  }

  /** Takes in what the kernel has told. */
  drain(): void {
    if (this.#draining) return
    this.#draining = true
    let lost = false
    try {
      while (this.#fd !== -1) {
        const n = this.hub.native.linkRead(this.#fd, records)
        if (n === -ENOBUFS) lost = true
        else if (n < 0) {
          // What cannot be read is as good as lost.
          lost ||= n !== -EAGAIN
          break
        } else this.#take(n)
      }
      if (lost && this.#fd !== -1) this.#lookAgain()
    } finally {
      this.#draining = false
    }
  }

  #take(n: number): void {
    for (let at = 0; at < n * LINK_RECORD; at += LINK_RECORD) {
      const index = records[at + LINK_INDEX]!
      const what = records[at + LINK_WHAT]
      if (what === LINK_HERE) this.#here(index, isUp(records[at + LINK_FLAGS]!))
      else if (what === LINK_GONE) this.#gone(index)
    }
  }

  #here(index: number, up: boolean): void {
    if (this.#up.get(index) === up) return
    this.#up.set(index, up)
    this.#note(index, up ? NOTE_LINKUP : NOTE_LINKDOWN)
  }

  #gone(index: number): void {
    if (!this.#up.delete(index)) return
    const link = this.#watched.get(index)
    this.#watched.delete(index)
    if (link !== undefined) {
      link.gone = true
      link.klist.note(NOTE_LINKINV)
    }
    this.#watched.get(ALL_INTERFACES)?.klist.note(NOTE_LINKINV)
    this.#closeIfIdle()
  }

  #note(index: number, note: number): void {
    this.#watched.get(index)?.klist.note(note)
    this.#watched.get(ALL_INTERFACES)?.klist.note(note)
  }

  /**
   * The kernel has dropped messages. A link that is as it was may have been otherwise
   * in between: both notes, so that nothing is lost.
   */
  #lookAgain(): void {
    const now = attempt(() => askLinks(this.hub.native, this.#asking)) ?? this.#up
    for (const index of [...this.#up.keys()]) if (!now.has(index)) this.#gone(index)
    for (const [index, up] of now) {
      if (this.#up.get(index) === up) this.#note(index, NOTE_LINKUP | NOTE_LINKDOWN)
      else this.#here(index, up)
    }
  }
}

const isUp = (flags: number): boolean => (flags & IFF_LOWER_UP) !== 0

/** Whether each interface is up now, by index. @throws KqueueError */
function askLinks(native: Native, fd: number, syscall?: string): Map<number, boolean> {
  for (let round = 0; ; round++) {
    const links = new Map<number, boolean>()
    if (askOnce(native, fd, links, syscall) || round === ROUNDS) return links
  }
}

/** Whether the answer is whole. */
function askOnce(
  native: Native,
  fd: number,
  links: Map<number, boolean>,
  syscall: string | undefined,
): boolean {
  let whole = true
  for (let n = native.linkAsk(fd); ; n = native.linkRead(fd, records)) {
    RTNETLINK.check(n, syscall)
    for (let at = 0; at < n * LINK_RECORD; at += LINK_RECORD) {
      const index = records[at + LINK_INDEX]!
      switch (records[at + LINK_WHAT]) {
        case LINK_HERE:
          links.set(index, isUp(records[at + LINK_FLAGS]!))
          break
        case LINK_AGAIN:
          whole = false
          break
        case LINK_END:
          RTNETLINK.check(-index, syscall)
          return whole
      }
    }
  }
}

/** Whether the link of each interface is up now, by index. @throws KqueueError */
export function linkStates(native: Native): Map<number, boolean> {
  const fd = RTNETLINK.check(native.linkOpen(false), 'rtnetlink')
  try {
    return askLinks(native, fd, 'rtnetlink')
  } finally {
    native.close(fd)
  }
}
