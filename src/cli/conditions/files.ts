/**
 * `--vnode FD|PATH[:NOTE,...]`: something happens to a file or directory. What follows the
 * last colon are notes if all of it are; otherwise the colon is part of the path.
 */
import {
  EV_ADD,
  EV_SET,
  EVFILT_VNODE,
  type Kevent,
  NOTE_ATTRIB,
  NOTE_CLOSE,
  NOTE_CLOSE_WRITE,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_OPEN,
  NOTE_READ,
  NOTE_RENAME,
  NOTE_REVOKE,
  NOTE_WRITE,
  type VnodeEvent,
} from '../../index.js'
import type { Condition, Manner, Opened, PathFact } from '../condition.js'
import { type Descriptor, O_PATH, openDescriptor, parseDescriptor } from '../descriptor.js'
import { Refusal, UsageError } from '../errors.js'
import { ENTRY_NOTES, openEntries, openNamed } from './directories.js'

interface Note {
  readonly bit: number
  /** In words, of a file and of a directory. */
  readonly file: string
  readonly directory: string
  /** As inotify(7) has it. */
  readonly events: readonly string[]
}

function note(bit: number, events: string, file: string, directory = file): Note {
  return { bit, file, directory, events: events.split(' ') }
}

/** By the name on the command line, in the order in which they are said. */
const NOTES = new Map<string, Note>([
  ['write', note(NOTE_WRITE, 'MODIFY', 'written', 'entries changed')],
  ['extend', note(NOTE_EXTEND, 'MODIFY', 'grown', 'entries moved in or out')],
  ['link', note(NOTE_LINK, 'ATTRIB', 'links changed', 'subdirectories changed')],
  ['attrib', note(NOTE_ATTRIB, 'ATTRIB', 'attributes changed')],
  ['rename', note(NOTE_RENAME, 'MOVE_SELF', 'renamed')],
  ['delete', note(NOTE_DELETE, 'DELETE_SELF', 'removed')],
  ['revoke', note(NOTE_REVOKE, 'UNMOUNT', 'revoked')],
  ['open', note(NOTE_OPEN, 'OPEN', 'opened')],
  ['read', note(NOTE_READ, 'ACCESS', 'read', 'listed')],
  ['close', note(NOTE_CLOSE, 'CLOSE_NOWRITE CLOSE', 'closed')],
  ['close_write', note(NOTE_CLOSE_WRITE, 'CLOSE_WRITE CLOSE', 'closed after writing')],
])

/** What happens to the file itself, and not who looks at it. */
const CHANGES = ['write', 'extend', 'link', 'attrib', 'rename', 'delete', 'revoke']

export const FILES: Condition = {
  option: 'vnode',
  value: 'FD|PATH[:NOTE,...]',
  help: `something happens to a file or directory: ${[...NOTES.keys()].join(', ')}; without NOTE, what changes it`,
  isPath: true,
  notes: Object.fromEntries(
    [...NOTES].map(([name, { bit }]) => [`NOTE_${name.toUpperCase()}`, bit]),
  ),
  parse(value) {
    const { file, notes, suffix } = split(value)
    const name = parseDescriptor('--vnode', file)
    return (_, manner) => {
      const opened = open(name, suffix)
      return { changes: [], ...watching(opened, name, notes, manner), close: opened.close }
    }
  },
}

/** A file by itself; a directory with names, or by its entries. */
function watching(
  opened: Descriptor,
  name: string | number,
  notes: number,
  manner: Manner,
): Omit<Opened, 'changes' | 'close'> & Partial<Opened> {
  const { fd, stats } = opened
  if (!stats.isDirectory()) {
    return {
      changes: [EV_SET(fd, EVFILT_VNODE, EV_ADD, notes)],
      say: ({ fflags }) => said(fflags, 'file'),
      facts: ({ fflags }) => [factOf(fflags, String(name))],
    }
  }
  if (manner.recursive || manner.entries) {
    refuseOthers(notes)
    return openEntries(opened, name, notes, manner)
  }
  return { ...openNamed(opened, notes), say: sayDirectory(notes) }
}

function split(value: string): { file: string; notes: number; suffix?: string } {
  const colon = value.lastIndexOf(':')
  const suffix = value.slice(colon + 1)
  const names = suffix.split(',')
  const unknown = names.filter((name) => !NOTES.has(name))
  if (colon === -1) return { file: value, notes: bits(CHANGES) }
  if (unknown.length === 0) return { file: value.slice(0, colon), notes: bits(names) }
  if (unknown.length < names.length) {
    throw new UsageError(`--vnode ${value} asks for '${unknown[0]}', which is none of ${known()}`)
  }
  return { file: value, notes: bits(CHANGES), suffix }
}

function bits(names: readonly string[]): number {
  return names.reduce((all, name) => all | NOTES.get(name)!.bit, 0)
}

function known(): string {
  return [...NOTES.keys()].join(', ')
}

function open(name: number | string, suffix: string | undefined): Descriptor {
  try {
    return openDescriptor(name, O_PATH)
  } catch (error) {
    if (suffix === undefined || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Refusal('ENOENT', `no such file; and '${suffix}' is none of ${known()}`)
  }
}

/** @throws Refusal */
function refuseOthers(notes: number): void {
  if (notes === bits(CHANGES)) return
  const [other] = happened(notes & ~ENTRY_NOTES)
  if (other === undefined) return
  const name = [...NOTES.keys()].find((key) => NOTES.get(key) === other)
  throw new Refusal(
    'EINVAL',
    `what is in a directory, for --recursive and --format, has write, attrib, rename and delete; not ${name}`,
  )
}

function happened(fflags: number): Note[] {
  return [...NOTES.values()].filter(({ bit }) => fflags & bit)
}

function said(fflags: number, kind: 'file' | 'directory'): string {
  return happened(fflags)
    .map((each) => each[kind])
    .join(', ')
}

function sayDirectory(notes: number) {
  return ({ fflags, udata }: Kevent): string => {
    const { names } = udata as VnodeEvent
    const words = said(fflags, 'directory')
    if (names.length > 0) return `${words}: ${names.join(', ')}`
    // More than could be kept: then each that was asked for may be.
    const several = (notes & (notes - 1)) !== 0
    return fflags === notes && several ? `more than could be told, perhaps: ${words}` : words
  }
}

function factOf(fflags: number, watched: string): PathFact {
  const events = new Set(happened(fflags).flatMap((each) => each.events))
  return { watched, name: '', events: [...events] }
}
