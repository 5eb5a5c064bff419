/**
 * What `--vnode` tells of a directory: with the names by EVFILT_VNODE, or what happens to each
 * entry, also of those below.
 */
import { readlinkSync } from 'node:fs'
import {
  EV_EOF,
  EVFILT_VNODE,
  type Kevent,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_RENAME,
  NOTE_WRITE,
  type TreeEvent,
  treeEvents,
  type VnodeEvent,
  vnodeEvents,
} from '../../index.js'
import { textOf } from '../bytes.js'
import type { Manner, Opened, PathFact } from '../condition.js'
import type { Descriptor } from '../descriptor.js'
import { Feed } from '../feed.js'

/** What an entry of a tree can be told of. */
interface Kind {
  readonly note: number
  readonly words: string
  /** Names of inotify(7): of an entry, and of the directory that is watched. */
  readonly entry: string
  readonly self: string
}

const KINDS: Readonly<Record<TreeEvent['type'], Kind>> = {
  create: { note: NOTE_WRITE, words: 'created', entry: 'CREATE', self: 'CREATE' },
  delete: { note: NOTE_DELETE, words: 'removed', entry: 'DELETE', self: 'DELETE_SELF' },
  rename: { note: NOTE_RENAME, words: 'renamed', entry: 'MOVED_TO', self: 'MOVE_SELF' },
  write: { note: NOTE_WRITE, words: 'written', entry: 'MODIFY', self: 'MODIFY' },
  attributes: { note: NOTE_ATTRIB, words: 'attributes changed', entry: 'ATTRIB', self: 'ATTRIB' },
}

/** Notes that entries have; the others only a file or directory by itself. */
export const ENTRY_NOTES = NOTE_WRITE | NOTE_DELETE | NOTE_RENAME | NOTE_ATTRIB

function kevent(ident: number, flags: number, fflags: number, udata: unknown): Kevent {
  return { ident, filter: EVFILT_VNODE, flags, fflags, data: 0, udata }
}

/** A directory by its notes; the names that came, went or were renamed are those of its events. */
export function openNamed({ fd }: Descriptor, notes: number): Pick<Opened, 'start' | 'fields'> {
  return {
    start: (on) =>
      new Feed(
        on,
        (signal, ready) => {
          // It watches when it has been asked for the first event.
          setImmediate(ready)
          return vnodeEvents(fd, notes, { signal })
        },
        (event) => [kevent(fd, 0, event.notes, event)],
      ),
    fields: ({ udata }) => ({ names: (udata as VnodeEvent).names }),
  }
}

/**
 * A directory by its entries.
 * @param name as it was written
 * @param notes those of ENTRY_NOTES that are told
 */
export function openEntries(
  { fd }: Descriptor,
  name: string | number,
  notes: number,
  { recursive }: Manner,
): Omit<Opened, 'changes' | 'close'> {
  const path =
    typeof name === 'string' ? name : textOf(readlinkSync(`/proc/self/fd/${fd}`, 'latin1'))
  const top = path.endsWith('/') ? path : `${path}/`
  const isTold = ({ type, path }: TreeEvent): boolean =>
    (KINDS[type].note & notes) !== 0 || isEnd(type, path)
  return {
    start(on) {
      return new Feed(
        on,
        (signal, ready) => treeEvents(`/proc/self/fd/${fd}`, { recursive, signal, ready }),
        (event) => {
          if (!isTold(event)) return []
          const flags = isEnd(event.type, event.path) ? EV_EOF : 0
          return [kevent(fd, flags, KINDS[event.type].note, event)]
        },
      )
    },
    say: ({ udata }) => words(udata as TreeEvent, top),
    fields: ({ udata }) => fields(udata as TreeEvent, top),
    facts: ({ udata }) => facts(udata as TreeEvent, top),
  }
}

/** Whether nothing comes any more. */
function isEnd(type: TreeEvent['type'], path: string): boolean {
  return type === 'delete' && path === '.'
}

/** The path of an event, as the directory was written. */
function below(top: string, path: string): string {
  return path === '.' ? top : top + path
}

function words({ type, path, from, directory }: TreeEvent, top: string): string {
  const slash = directory && path !== '.' ? '/' : ''
  const what = below(top, path) + slash
  return from === undefined
    ? `${KINDS[type].words} ${what}`
    : `renamed ${below(top, from)}${slash} to ${what}`
}

function fields({ type, path, from, directory }: TreeEvent, top: string) {
  return {
    type,
    path: below(top, path),
    ...(from !== undefined && { from: below(top, from) }),
    directory,
  }
}

/** A rename is two, as for inotify(7). */
function facts({ type, path, from, directory }: TreeEvent, top: string): PathFact[] {
  const { entry, self } = KINDS[type]
  const rest = directory && !(path === '.' && type === 'delete') ? ['ISDIR'] : []
  if (path === '.') return [{ watched: top, name: '', events: [self, ...rest] }]
  const moved =
    from === undefined ? [] : [{ ...split(top + from), events: ['MOVED_FROM', ...rest] }]
  return [...moved, { ...split(top + path), events: [entry, ...rest] }]
}

function split(path: string): { watched: string; name: string } {
  const at = path.lastIndexOf('/') + 1
  return { watched: path.slice(0, at), name: path.slice(at) }
}
