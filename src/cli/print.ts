/**
 * One event as one line: for people, or as JSON.
 */
import {
  EV_EOF,
  EV_ERROR,
  EVFILT_AIO,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_FS,
  EVFILT_LIO,
  EVFILT_NETDEV,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  EVFILT_READ,
  EVFILT_SENDFILE,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  type Kevent,
} from '../index.js'
import { CYAN, DIM, type Paint, YELLOW } from './colours.js'
import { errnoName } from './errors.js'
import type { Asked, Happening } from './sources.js'
import { jsonLine, visible } from './visible.js'

/** Makes the line of an event that happened at `time`, ms since 1970. */
export type Printer = (happening: Happening, time: number) => string

/** Names of filters: -1 -> 'EVFILT_READ'. */
const FILTERS = new Map(
  Object.entries({
    EVFILT_AIO,
    EVFILT_EMPTY,
    EVFILT_EXCEPT,
    EVFILT_FS,
    EVFILT_LIO,
    EVFILT_NETDEV,
    EVFILT_PROC,
    EVFILT_PROCDESC,
    EVFILT_READ,
    EVFILT_SENDFILE,
    EVFILT_SIGNAL,
    EVFILT_TIMER,
    EVFILT_USER,
    EVFILT_VNODE,
    EVFILT_WRITE,
  }).map(([name, filter]) => [filter, name]),
)

/** Flags that tell of the event; the others say how it was asked for. */
const FLAGS = { EV_EOF, EV_ERROR }

export function jsonPrinter(): Printer {
  return ({ source, event }, time) => {
    const line = {
      time,
      filter: FILTERS.get(event.filter) ?? String(event.filter),
      ident: event.ident,
      flags: namesOf(event.flags, FLAGS),
      fflags: fflagsOf(event, source.condition.notes),
      data: event.data,
      source: source.name,
      ...source.opened.fields?.(event),
    }
    return jsonLine(line)
  }
}

function fflagsOf({ filter, flags, fflags }: Kevent, notes = {}): string[] {
  if (filter !== EVFILT_READ && filter !== EVFILT_WRITE) return namesOf(fflags, notes)
  // With the end of file comes the socket's error.
  return (flags & EV_EOF) !== 0 && fflags !== 0 ? [errnoName(fflags)] : []
}

function namesOf(bits: number, names: Readonly<Record<string, number>>): string[] {
  return Object.keys(names).filter((name) => (bits & names[name]!) !== 0)
}

/** Columns that a source takes at most; longer ones push the words aside. */
const WIDEST = 40

/** @param sources those whose events will be printed, to align their lines */
export function humanPrinter(sources: readonly Asked[], paint: Paint): Printer {
  const widths = sources.map(({ name }) => [...visible(name)].length)
  const width = Math.max(...widths.filter((n) => n <= WIDEST), 0)
  return ({ source, event }, time) => {
    const name = visible(source.name)
    const space = ' '.repeat(Math.max(0, width - [...name].length))
    const words = visible(source.opened.say(event))
    const notable = (event.flags & (EV_EOF | EV_ERROR)) !== 0
    return `${paint(DIM, clock(time))}  ${paint(CYAN, name)}${space}  ${notable ? paint(YELLOW, words) : words}\n`
  }
}

/** '14:03:22.123' of the local day. */
function clock(time: number): string {
  const at = new Date(time)
  const two = (n: number) => String(n).padStart(2, '0')
  const ms = String(at.getMilliseconds()).padStart(3, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`
}
