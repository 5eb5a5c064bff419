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
} from '../../index.js'
import type { Condition } from '../condition.js'
import { type Descriptor, O_PATH, openDescriptor, parseDescriptor } from '../descriptor.js'
import { Refusal, UsageError } from '../errors.js'

interface Note {
  readonly bit: number
  /** In words, of a file and of a directory. */
  readonly file: string
  readonly directory: string
}

function note(bit: number, file: string, directory = file): Note {
  return { bit, file, directory }
}

/** By the name on the command line, in the order in which they are said. */
const NOTES = new Map<string, Note>([
  ['write', note(NOTE_WRITE, 'written', 'entries changed')],
  ['extend', note(NOTE_EXTEND, 'grown', 'entries moved in or out')],
  ['link', note(NOTE_LINK, 'links changed', 'subdirectories changed')],
  ['attrib', note(NOTE_ATTRIB, 'attributes changed')],
  ['rename', note(NOTE_RENAME, 'renamed')],
  ['delete', note(NOTE_DELETE, 'removed')],
  ['revoke', note(NOTE_REVOKE, 'revoked')],
  ['open', note(NOTE_OPEN, 'opened')],
  ['read', note(NOTE_READ, 'read', 'listed')],
  ['close', note(NOTE_CLOSE, 'closed')],
  ['close_write', note(NOTE_CLOSE_WRITE, 'closed after writing')],
])

/** What happens to the file itself, and not who looks at it. */
const CHANGES = ['write', 'extend', 'link', 'attrib', 'rename', 'delete', 'revoke']

export const FILES: Condition = {
  option: 'vnode',
  value: 'FD|PATH[:NOTE,...]',
  help: `something happens to a file or directory: ${[...NOTES.keys()].join(', ')}; without NOTE, what changes it`,
  notes: Object.fromEntries(
    [...NOTES].map(([name, { bit }]) => [`NOTE_${name.toUpperCase()}`, bit]),
  ),
  parse(value) {
    const { file, notes, suffix } = split(value)
    const name = parseDescriptor('--vnode', file)
    return () => {
      const opened = open(name, suffix)
      return {
        changes: [EV_SET(opened.fd, EVFILT_VNODE, EV_ADD, notes)],
        say: (event) => say(event, opened),
        close: opened.close,
      }
    }
  },
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

function say({ fflags }: Kevent, { stats }: Descriptor): string {
  const kind = stats.isDirectory() ? 'directory' : 'file'
  const happened = [...NOTES.values()].filter(({ bit }) => fflags & bit)
  return happened.map((each) => each[kind]).join(', ')
}
