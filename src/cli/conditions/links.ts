/**
 * `--net [IFNAME]`: the link of a network interface goes up or down; without a name, of
 * any, those that come later among them. The event for all does not say which, so the
 * table of links is compared for the words.
 */
import {
  EV_ADD,
  EV_EOF,
  EV_SET,
  EVFILT_NETDEV,
  if_indextoname,
  if_nametoindex,
  type Kevent,
  NOTE_LINKDOWN,
  NOTE_LINKINV,
  NOTE_LINKUP,
} from '../../index.js'
import { linkStates } from '../../linux/links.js'
import { native } from '../../linux/load.js'
import type { Condition, Opened } from '../conditions.js'

const NOTES = { NOTE_LINKUP, NOTE_LINKDOWN, NOTE_LINKINV }
const ALL_NOTES = NOTE_LINKUP | NOTE_LINKDOWN | NOTE_LINKINV

export const LINKS: Condition = {
  option: 'net',
  value: '[IFNAME]',
  help: 'the link of a network interface goes up or down; of any, without a name',
  notes: NOTES,
  parse: (name) => () => (name === '' ? all() : one(name)),
}

const watch = (index: number) => [EV_SET(index, EVFILT_NETDEV, EV_ADD, ALL_NOTES)]

function one(name: string): Opened {
  return {
    changes: watch(if_nametoindex(name)),
    say: (event) => (event.flags & EV_EOF ? 'the interface is gone' : inGeneral(event)),
  }
}

function all(): Opened {
  let before = links()
  return {
    changes: watch(0),
    say(event) {
      const now = links()
      const words = differences(before, now)
      before = now
      return words.length > 0 ? words.join(', ') : inGeneral(event)
    },
  }
}

interface NamedLink {
  readonly name: string
  readonly up: boolean
}

function differences(before: Map<number, NamedLink>, now: Map<number, NamedLink>): string[] {
  const words: string[] = []
  for (const [index, { name }] of before) if (!now.has(index)) words.push(`${name} is gone`)
  for (const [index, { name, up }] of now) {
    if (before.get(index)?.up !== up) words.push(`${name} is ${up ? 'up' : 'down'}`)
  }
  return words
}

function inGeneral({ fflags }: Kevent): string {
  if ((fflags & NOTE_LINKUP) === 0) return fflags & NOTE_LINKDOWN ? 'down' : 'gone'
  return fflags & NOTE_LINKDOWN ? 'down and up' : 'up'
}

/** All interfaces by index. One that goes at this moment is left out. */
function links(): Map<number, NamedLink> {
  const named = new Map<number, NamedLink>()
  for (const [index, up] of linkStates(native())) {
    try {
      named.set(index, { name: if_indextoname(index), up })
    } catch {
      // It is gone.
    }
  }
  return named
}
