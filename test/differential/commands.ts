/**
 * Random programs: what is done to a few files, pipes and sockets, and what is asked of a
 * few queues. A command names a descriptor by its slot, so that a program means the same in
 * each World.
 */
import fc from 'fast-check'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EV_RECEIPT,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_ATTRIB,
  NOTE_CLOSE,
  NOTE_CLOSE_WRITE,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_FFCOPY,
  NOTE_FFOR,
  NOTE_FILE_POLL,
  NOTE_LINK,
  NOTE_LOWAT,
  NOTE_OPEN,
  NOTE_RENAME,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from 'kqueue/core'
import type { OpenMode } from '../scenarios/world.js'

export const QUEUES = 2
export const SLOTS = 5

export type Command =
  | ['open', slot: number, name: string, mode: OpenMode]
  | ['pipe', reader: number, writer: number]
  | ['socketpair', one: number, other: number, type: 'stream' | 'dgram']
  | ['close', slot: number]
  | ['write', slot: number, bytes: number]
  | ['read', slot: number, bytes: number]
  | ['lseek', slot: number, offset: number]
  | ['shutdown', slot: number, how: 'write' | 'both']
  | ['rename' | 'link', from: string, to: string]
  | ['unlink' | 'mkdir' | 'rmdir', name: string]
  | ['chmod', name: string, mode: number]
  | [
      'change',
      queue: number,
      slot: number,
      filter: number,
      flags: number,
      fflags: number,
      data: number,
    ]
  | ['scan', queue: number]

const queue = fc.nat(QUEUES - 1)
const slot = fc.nat(SLOTS - 1)
const FILES = ['a', 'b', 'd/a', 'd/b', 'e/a']
export const DIRECTORIES = ['d', 'e', 'd/f', 'e/f']
const file = fc.constantFrom(...FILES)
const directory = fc.constantFrom(...DIRECTORIES)
const name = fc.oneof(file, directory)

const flags = fc
  .record({
    what: fc.constantFrom(EV_ADD, EV_ADD, EV_ADD, EV_ADD, 0, EV_DELETE),
    how: fc.constantFrom(0, EV_CLEAR, EV_CLEAR, EV_ONESHOT, EV_DISPATCH, EV_CLEAR | EV_DISPATCH),
    state: fc.constantFrom(0, 0, 0, EV_ENABLE, EV_DISABLE),
    receipt: fc.constantFrom(0, 0, 0, EV_RECEIPT),
  })
  .map(
    ({ what, how, state, receipt }) => (what === EV_DELETE ? what : what | how | state) | receipt,
  )

/** Some of these bits, often all and often one. */
function some(bits: readonly number[]): fc.Arbitrary<number> {
  const all = bits.reduce((sum, bit) => sum | bit, 0)
  return fc.oneof(
    fc.constant(all),
    fc.constantFrom(...bits),
    fc.subarray([...bits]).map((chosen) => chosen.reduce((sum, bit) => sum | bit, 0)),
  )
}

/** Without NOTE_READ, which Linux does not report of a read at the end. */
const vnodeNotes = some([
  NOTE_DELETE,
  NOTE_WRITE,
  NOTE_EXTEND,
  NOTE_ATTRIB,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_OPEN,
  NOTE_CLOSE,
  NOTE_CLOSE_WRITE,
])

function change(
  filter: number,
  fflags: fc.Arbitrary<number> = fc.constant(0),
  data: fc.Arbitrary<number> = fc.constant(0),
): fc.Arbitrary<Command> {
  return fc.tuple(
    fc.constant('change' as const),
    queue,
    slot,
    fc.constant(filter),
    flags,
    fflags,
    data,
  )
}

const scan: fc.Arbitrary<Command> = fc.tuple(fc.constant('scan' as const), queue)
const bytes = fc.constantFrom(1, 1, 3, 100)
const write: fc.Arbitrary<Command> = fc.tuple(fc.constant('write' as const), slot, bytes)
const read: fc.Arbitrary<Command> = fc.tuple(
  fc.constant('read' as const),
  slot,
  fc.constantFrom(1, 2, 200),
)
const close: fc.Arbitrary<Command> = fc.tuple(fc.constant('close' as const), slot)
const user = change(
  EVFILT_USER,
  fc.constantFrom(NOTE_TRIGGER, NOTE_TRIGGER, 0, NOTE_FFOR | 1, NOTE_FFCOPY | NOTE_TRIGGER | 6),
)

const named = <Name extends string>(word: Name) => fc.constant(word)

/** Regular files and directories. */
const fileCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(named('open'), slot, file, fc.constantFrom<OpenMode>('r', 'rw', 'rw', 'a')),
  },
  { weight: 3, arbitrary: fc.tuple(named('open'), slot, directory, fc.constant<OpenMode>('r')) },
  { weight: 2, arbitrary: close },
  { weight: 4, arbitrary: write },
  { weight: 2, arbitrary: read },
  { weight: 2, arbitrary: fc.tuple(named('lseek'), slot, fc.constantFrom(0, 1, 50)) },
  {
    weight: 3,
    arbitrary: fc.oneof(
      fc.tuple(named('rename'), file, file),
      fc.tuple(named('rename'), directory, directory),
    ),
  },
  { weight: 2, arbitrary: fc.tuple(named('link'), file, file) },
  { weight: 2, arbitrary: fc.tuple(named('unlink'), file) },
  { weight: 2, arbitrary: fc.tuple(named('mkdir'), directory) },
  { weight: 1, arbitrary: fc.tuple(named('rmdir'), directory) },
  { weight: 2, arbitrary: fc.tuple(named('chmod'), name, fc.constantFrom(0o700, 0o755)) },
  { weight: 8, arbitrary: change(EVFILT_VNODE, vnodeNotes) },
  { weight: 3, arbitrary: change(EVFILT_READ, fc.constantFrom(0, 0, NOTE_FILE_POLL)) },
  { weight: 1, arbitrary: change(EVFILT_WRITE) },
  { weight: 1, arbitrary: user },
  { weight: 10, arbitrary: scan },
)

const lowat = fc.constantFrom(0, 0, 0, NOTE_LOWAT)

/** Pipes and sockets. */
const streamCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: fc.tuple(named('pipe'), slot, slot) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      named('socketpair'),
      slot,
      slot,
      fc.constantFrom('stream' as const, 'dgram' as const),
    ),
  },
  { weight: 2, arbitrary: close },
  { weight: 6, arbitrary: write },
  { weight: 5, arbitrary: read },
  {
    weight: 1,
    arbitrary: fc.tuple(
      named('shutdown'),
      slot,
      fc.constantFrom('write' as const, 'both' as const),
    ),
  },
  { weight: 6, arbitrary: change(EVFILT_READ, lowat, fc.constantFrom(0, 1, 2, 100)) },
  { weight: 4, arbitrary: change(EVFILT_WRITE) },
  { weight: 3, arbitrary: change(EVFILT_EMPTY) },
  { weight: 1, arbitrary: change(EVFILT_EXCEPT) },
  { weight: 2, arbitrary: user },
  { weight: 9, arbitrary: scan },
)

const program = (command: fc.Arbitrary<Command>) =>
  fc.array(command, { minLength: 5, maxLength: 40 })

export const filePrograms = program(fileCommand)
export const streamPrograms = program(streamCommand)
