/**
 * What can be waited for on the command line. A condition is one row of
 * `CONDITIONS`: how it is written, what help says of it, and how it becomes
 * changes for a kqueue and its events become words.
 */
import { constants } from 'node:fs'
import {
  EV_ADD,
  EV_EOF,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_WRITE,
  type Kevent,
  NOTE_NSECONDS,
} from '../index.js'
import type { Condition } from './condition.js'
import { FILES } from './conditions/files.js'
import { LINKS } from './conditions/links.js'
import { MOUNTS } from './conditions/mounts.js'
import { PATHS } from './conditions/paths.js'
import { PROCESSES } from './conditions/processes.js'
import { SIGNAL } from './conditions/signals.js'
import { type Descriptor, isListening, openDescriptor, parseDescriptor } from './descriptor.js'
import { duration } from './duration.js'
import { errnoName, errnoText, UsageError } from './errors.js'
import { keepBytes } from './fifo.js'
import { plural } from './words.js'

export const CONDITIONS: readonly Condition[] = [
  {
    option: 'read',
    value: 'FD|PATH',
    help: 'there is something to read, or the end of file has come',
    parse(value) {
      const name = parseDescriptor('--read', value)
      return () => {
        const file = openDescriptor(name, constants.O_RDONLY)
        const { fd } = file
        const kind = { listening: undefined as boolean | undefined }
        return {
          changes: [EV_SET(fd, EVFILT_READ, EV_ADD)],
          say(event) {
            kind.listening ??= isListening(file)
            return kind.listening ? connections(event) : readable(event, file)
          },
          close: () => closeReader(file),
        }
      }
    },
  },
  {
    option: 'write',
    value: 'FD|PATH',
    help: 'there is room to write, or nobody reads any more',
    parse(value) {
      const name = parseDescriptor('--write', value)
      return () => {
        const { fd, close } = openDescriptor(name, constants.O_WRONLY)
        return { changes: [EV_SET(fd, EVFILT_WRITE, EV_ADD)], say: writable, close }
      }
    },
  },
  FILES,
  ...PATHS,
  {
    option: 'timer',
    value: 'TIME',
    help: 'a time is over; watch starts it again each time',
    parse(value) {
      const ns = duration('--timer', value)
      if (ns === 0) throw new UsageError(`--timer ${value} is no time; write 1ns or more`)
      // data is a whole number, which holds 104 days of nanoseconds.
      const exact = Number.isSafeInteger(ns)
      const data = exact ? ns : Math.round(ns / 1e6)
      return (ident) => ({
        changes: [EV_SET(ident, EVFILT_TIMER, EV_ADD, exact ? NOTE_NSECONDS : 0, data)],
        say: (event) => (event.data === 1 ? 'expired' : `expired ${event.data} times`),
      })
    },
  },
  ...PROCESSES,
  SIGNAL,
  MOUNTS,
  LINKS,
]

/** What is in a fifo is not to go with kq, who may be its last reader. */
function closeReader(file: Descriptor): void {
  if (file.isOpened && file.stats.isFIFO()) keepBytes(file)
  file.close()
}

function readable({ data, flags, fflags }: Kevent, { stats }: Descriptor): string {
  const end = (flags & EV_EOF) === 0 ? '' : `end of file${because(fflags)}`
  if (data < 0) return `the file ends ${plural(-data, 'byte')} before the offset`
  if (data === 0) return end || 'ready to read'
  if (stats.isDirectory()) return 'entries to read'
  return `${plural(data, 'byte')} to read${end && `, then ${end}`}`
}

function connections({ data, flags, fflags }: Kevent): string {
  if (flags & EV_EOF) return `closed${because(fflags)}`
  return `${plural(data, 'connection')} waiting`
}

function writable({ data, flags, fflags }: Kevent): string {
  if (flags & EV_EOF) return `nobody reads any more${because(fflags)}`
  return data > 0 ? `room for ${plural(data, 'byte')}` : 'ready to write'
}

function because(errno: number): string {
  return errno === 0 ? '' : `: ${errnoName(errno)}, ${errnoText(errno)}`
}
