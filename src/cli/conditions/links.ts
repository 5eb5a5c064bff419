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
  type InterfaceInfo,
  if_nameindex,
  if_nametoindex,
  type Kevent,
  NOTE_LINKDOWN,
  NOTE_LINKINV,
  NOTE_LINKUP,
} from '../../index.js'
import type { Condition, Opened } from '../condition.js'

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

function differences(
  before: Map<number, InterfaceInfo>,
  now: Map<number, InterfaceInfo>,
): string[] {
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

/** All interfaces by index. */
function links(): Map<number, InterfaceInfo> {
  return new Map(if_nameindex().map((link) => [link.index, link]))
}
