/**
 * What random programs are made of. A command names a descriptor by its slot, a queue, a child
 * and a file by its place in a small pool, so that a program means the same in each World.
 */
import * as vocabulary from 'kqueue/core'
import { EV_ADD, EVFILT_PROC, EVFILT_TIMER, EVFILT_USER, EVFILT_VNODE } from 'kqueue/core'
import type { OpenMode, SignalName } from '../scenarios/world.js'

export const QUEUES = 3
export const SLOTS = 6
export const CHILDREN = 4

/** What is before all programs: `d` and `e`. */
export const DIRECTORIES = ['d', 'e', 'd/f', 'e/f']

/** A change of a queue. */
export interface Change {
  /**
   * What is watched. A filter of descriptors: a slot, from `SLOTS` on a queue, and -1 what is
   * never open. EVFILT_PROC: a child. Others: the ident itself.
   */
  readonly of: number
  readonly filter: number
  readonly flags: number
  readonly fflags: number
  readonly data: number
  readonly udata: number
}

/**
 * How a changelist is applied: without room for events, with EV_RECEIPT, or with room for errors
 * and, where there are none, for events.
 */
export type How = 'plain' | 'receipts' | 'events'

export type Command =
  | ['open', slot: number, name: string, mode: OpenMode]
  | ['pipe', reader: number, writer: number]
  | ['socketpair', one: number, other: number, type: 'stream' | 'dgram']
  | ['eventfd', slot: number, initial: number]
  | ['listen', slot: number]
  | ['connect' | 'accept', slot: number, listener: number]
  | ['dup' | 'dup2', from: number, to: number]
  | ['close', slot: number]
  | ['write' | 'read' | 'count', slot: number, n: number]
  /** Writes until there is no room, or reads until there is nothing. */
  | ['fill' | 'drain', slot: number]
  | ['lseek' | 'ftruncate', slot: number, offset: number]
  | ['shutdown', slot: number, how: 'read' | 'write' | 'both']
  | ['rename' | 'link', from: string, to: string]
  | ['unlink' | 'mkdir' | 'rmdir' | 'mkfifo', name: string]
  | ['chmod', name: string, mode: number]
  | ['spawn' | 'exec' | 'reap', child: number]
  | ['fork', parent: number, child: number]
  | ['exit', child: number, status: number]
  | ['kill', child: number, signal: SignalName]
  | ['raise', signal: SignalName]
  | ['pdopen', slot: number, child: number]
  | ['kevent', queue: number, changes: readonly Change[], how: How]
  /** All that is pending, in calls with room for so many events. */
  | ['scan', queue: number, room: number]
  /** Closes a queue, and makes another. */
  | ['kqueue', queue: number]

const NOTES_OF: Record<number, readonly string[]> = {
  [EVFILT_VNODE]: [
    'DELETE',
    'WRITE',
    'EXTEND',
    'ATTRIB',
    'LINK',
    'RENAME',
    'OPEN',
    'CLOSE',
    'CLOSE_WRITE',
    'READ',
  ],
  [EVFILT_PROC]: ['EXIT', 'FORK', 'EXEC', 'TRACK', 'REAP'],
  [EVFILT_USER]: ['TRIGGER'],
  [EVFILT_TIMER]: ['ABSTIME'],
}
const FLAGS = ['ADD', 'DELETE', 'ENABLE', 'DISABLE', 'ONESHOT', 'CLEAR', 'RECEIPT', 'DISPATCH']

const constants: Record<string, unknown> = { ...vocabulary }

export function filterName(filter: number): string {
  const names = Object.keys(constants).filter((name) => name.startsWith('EVFILT_'))
  return names.find((name) => constants[name] === filter) ?? `${filter}`
}

/** `bits` as names where they have some. */
function named(bits: number, prefix: string, names: readonly string[]): string {
  const known = names.filter((name) => bits & (constants[prefix + name] as number))
  const rest =
    known.reduce((left, name) => left & ~(constants[prefix + name] as number), bits) >>> 0
  const words = known.map((name) => prefix + name)
  if (rest !== 0 || words.length === 0) words.push(rest === 0 ? '0' : `0x${rest.toString(16)}`)
  return words.join(' | ')
}

function showChange({ of, filter, flags, fflags, data, udata }: Change): string {
  const notes = named(fflags, 'NOTE_', NOTES_OF[filter] ?? [])
  return `{ of: ${of}, filter: ${filterName(filter)}, flags: ${named(flags, 'EV_', FLAGS)}, fflags: ${notes}, data: ${data}, udata: ${udata} }`
}

function showCommand(command: Command): string {
  if (command[0] !== 'kevent') return JSON.stringify(command)
  const [word, queue, changes, how] = command
  return `['${word}', ${queue}, [${changes.map(showChange).join(', ')}], '${how}']`
}

/** A program as it can be pasted into a test. */
export function show(program: readonly Command[]): string {
  return ['same([', ...program.map((command) => `  ${showCommand(command)},`), '])'].join('\n')
}

/** The change that a test writes down. */
export function add(of: number, filter: number, more: Partial<Change> = {}): Change {
  return { of, filter, fflags: 0, data: 0, udata: 0, ...more, flags: EV_ADD | (more.flags ?? 0) }
}
