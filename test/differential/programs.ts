/** Arbitrary programs, by what they are about. */
import fc from 'fast-check'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_FORCEONESHOT,
  EV_KEEPUDATA,
  EV_ONESHOT,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_ABSTIME,
  NOTE_ATTRIB,
  NOTE_CLOSE,
  NOTE_CLOSE_WRITE,
  NOTE_DELETE,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_EXTEND,
  NOTE_FFAND,
  NOTE_FFCOPY,
  NOTE_FFOR,
  NOTE_FILE_POLL,
  NOTE_FORK,
  NOTE_LINK,
  NOTE_LOWAT,
  NOTE_MSECONDS,
  NOTE_OOB,
  NOTE_OPEN,
  NOTE_READ,
  NOTE_RENAME,
  NOTE_SECONDS,
  NOTE_TRACK,
  NOTE_TRIGGER,
  NOTE_USECONDS,
  NOTE_WRITE,
} from 'kqueue/core'
import type { OpenMode, SignalName } from '../scenarios/world.js'
import {
  CHILDREN,
  type Change,
  type Command,
  DIRECTORIES,
  type How,
  QUEUES,
  SLOTS,
} from './command.js'

/** One of these; the first is the simplest. */
const pick = fc.constantFrom
const word = <Name extends Command[0]>(name: Name) => fc.constant(name)

const queue = fc.nat(QUEUES - 1)
const slot = fc.nat(SLOTS - 1)
const file = pick('a', 'b', 'd/a', 'd/b', 'e/a')
const directory = pick(...DIRECTORIES)
const fifo = pick('p', 'q')
const udata = fc.nat(3)

const flags = fc
  .tuple(
    pick(EV_ADD, EV_ADD, EV_ADD, EV_ADD, EV_ADD, 0, EV_DELETE),
    pick(0, 0, EV_CLEAR, EV_CLEAR, EV_ONESHOT, EV_DISPATCH, EV_CLEAR | EV_DISPATCH),
    pick(0, 0, 0, 0, EV_ENABLE, EV_ENABLE, EV_DISABLE),
    pick(0, 0, 0, 0, 0, 0, EV_KEEPUDATA, EV_FORCEONESHOT),
  )
  .map(([what, how, state, rest]) => what | how | state | rest)

/** Often all of these bits, often one, sometimes some. */
function some(...bits: number[]): fc.Arbitrary<number> {
  const all = (given: readonly number[]) => given.reduce((sum, bit) => (sum | bit) >>> 0, 0)
  return fc.oneof(fc.constant(all(bits)), pick(...bits), fc.subarray(bits).map(all))
}

interface Wanted {
  of?: fc.Arbitrary<number>
  flags?: fc.Arbitrary<number>
  fflags?: fc.Arbitrary<number>
  data?: fc.Arbitrary<number>
}

function change(filter: number, wanted: Wanted = {}): fc.Arbitrary<Change> {
  const none = fc.constant(0)
  return fc.record({
    ...{ of: slot, filter: fc.constant(filter), flags, fflags: none, data: none, udata },
    ...wanted,
  })
}

type Weighed<T> = fc.WeightedArbitrary<T>

function kevent(...changes: Weighed<Change>[]): fc.Arbitrary<Command> {
  const how = pick<How>('plain', 'plain', 'receipts', 'events')
  const list = fc.array(fc.oneof(...changes), { minLength: 1, maxLength: 3 })
  return fc.tuple(word('kevent'), queue, list, how)
}

const scan: fc.Arbitrary<Command> = fc.tuple(word('scan'), queue, pick(8, 64, 1, 2, 3))
const close: fc.Arbitrary<Command> = fc.tuple(word('close'), slot)
const duplicate: fc.Arbitrary<Command> = fc.tuple(pick('dup' as const, 'dup2' as const), slot, slot)
const write: fc.Arbitrary<Command> = fc.tuple(word('write'), slot, pick(1, 1, 3, 100))
const read: fc.Arbitrary<Command> = fc.tuple(word('read'), slot, pick(1, 2, 200))

const user = change(EVFILT_USER, {
  of: fc.nat(2),
  fflags: pick(
    NOTE_TRIGGER,
    NOTE_TRIGGER,
    0,
    NOTE_FFOR | 1,
    NOTE_FFAND | 3,
    NOTE_FFCOPY | NOTE_TRIGGER | 6,
  ).map((bits) => bits >>> 0),
  data: pick(0, 0, 5),
})

const nested = change(EVFILT_READ, { of: fc.integer({ min: SLOTS, max: SLOTS + QUEUES - 1 }) })

// Files and directories.

const vnode = change(EVFILT_VNODE, {
  fflags: some(
    ...[NOTE_DELETE, NOTE_WRITE, NOTE_EXTEND, NOTE_ATTRIB, NOTE_LINK, NOTE_RENAME],
    ...[NOTE_OPEN, NOTE_CLOSE, NOTE_CLOSE_WRITE, NOTE_READ],
  ),
})
const fileRead = change(EVFILT_READ, { fflags: pick(0, 0, NOTE_FILE_POLL) })

const openFile: fc.Arbitrary<Command> = fc.tuple(
  word('open'),
  slot,
  file,
  pick<OpenMode>('rw', 'rw', 'r', 'a', 'w'),
)
const openDirectory: fc.Arbitrary<Command> = fc.tuple(
  word('open'),
  slot,
  directory,
  fc.constant<OpenMode>('r'),
)
const nameCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: fc.tuple(word('rename'), file, file) },
  { weight: 2, arbitrary: fc.tuple(word('rename'), directory, directory) },
  { weight: 2, arbitrary: fc.tuple(word('link'), file, file) },
  { weight: 2, arbitrary: fc.tuple(word('unlink'), file) },
  { weight: 2, arbitrary: fc.tuple(word('mkdir'), directory) },
  { weight: 1, arbitrary: fc.tuple(word('rmdir'), directory) },
  {
    weight: 2,
    arbitrary: fc.tuple(word('chmod'), fc.oneof(file, directory), pick(0o700, 0o755)),
  },
)
const fileCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: openFile },
  { weight: 3, arbitrary: openDirectory },
  { weight: 10, arbitrary: nameCommand },
  { weight: 2, arbitrary: close },
  { weight: 1, arbitrary: duplicate },
  { weight: 4, arbitrary: write },
  { weight: 2, arbitrary: read },
  { weight: 2, arbitrary: fc.tuple(word('lseek'), slot, pick(0, 1, 50)) },
  { weight: 2, arbitrary: fc.tuple(word('ftruncate'), slot, pick(0, 1, 100)) },
  {
    weight: 10,
    arbitrary: kevent(
      { weight: 8, arbitrary: vnode },
      { weight: 3, arbitrary: fileRead },
      { weight: 1, arbitrary: change(EVFILT_WRITE) },
      { weight: 1, arbitrary: user },
      { weight: 1, arbitrary: nested },
    ),
  },
  { weight: 10, arbitrary: scan },
)

// Pipes, fifos, sockets, counters.

const lowat: Wanted = { fflags: pick(0, 0, 0, NOTE_LOWAT), data: pick(0, 1, 2, 100) }

const makeStream: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(word('pipe'), slot, slot) },
  {
    weight: 4,
    arbitrary: fc.tuple(word('socketpair'), slot, slot, pick('stream' as const, 'dgram' as const)),
  },
  { weight: 1, arbitrary: fc.tuple(word('eventfd'), slot, pick(0, 3)) },
  { weight: 1, arbitrary: fc.tuple(word('mkfifo'), fifo) },
  {
    weight: 3,
    arbitrary: fc.tuple(word('open'), slot, fifo, pick<OpenMode>('r', 'rw', 'a')),
  },
  { weight: 2, arbitrary: fc.tuple(word('listen'), slot) },
  { weight: 3, arbitrary: fc.tuple(pick('connect' as const, 'accept' as const), slot, slot) },
)
const streamCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: makeStream },
  { weight: 2, arbitrary: close },
  { weight: 2, arbitrary: duplicate },
  { weight: 6, arbitrary: write },
  { weight: 5, arbitrary: read },
  { weight: 1, arbitrary: fc.tuple(pick('fill' as const, 'drain' as const), slot) },
  { weight: 1, arbitrary: fc.tuple(word('count'), slot, pick(1, 5)) },
  {
    weight: 1,
    arbitrary: fc.tuple(word('shutdown'), slot, pick('write' as const, 'both', 'read')),
  },
  { weight: 1, arbitrary: fc.tuple(word('kqueue'), queue) },
  {
    weight: 12,
    arbitrary: kevent(
      { weight: 6, arbitrary: change(EVFILT_READ, lowat) },
      { weight: 4, arbitrary: change(EVFILT_WRITE, lowat) },
      { weight: 3, arbitrary: change(EVFILT_EMPTY) },
      { weight: 1, arbitrary: change(EVFILT_EXCEPT, { fflags: pick(0, NOTE_OOB) }) },
      { weight: 1, arbitrary: change(EVFILT_VNODE, { fflags: fc.constant(NOTE_WRITE) }) },
      { weight: 2, arbitrary: user },
      { weight: 2, arbitrary: nested },
    ),
  },
  { weight: 9, arbitrary: scan },
)

// Changes, good and bad.

/** Times that have come, and times that do not come while a program runs. */
const time = fc.oneof(
  fc.record({ fflags: pick(0, NOTE_SECONDS), data: pick(100_000, 200_000) }),
  fc.record({
    fflags: pick(NOTE_ABSTIME | NOTE_SECONDS, NOTE_ABSTIME),
    data: pick(0, 1, 1e15, 1e17),
  }),
  fc.record({ fflags: fc.constant(NOTE_ABSTIME | NOTE_SECONDS), data: fc.constant(5e9) }),
  fc.record({
    fflags: pick(NOTE_SECONDS | NOTE_MSECONDS, NOTE_USECONDS, 0x40, NOTE_SECONDS),
    data: pick(-1, 1e10, 1e19, 1e15),
  }),
)
const timer = fc
  .tuple(change(EVFILT_TIMER, { of: fc.nat(2) }), time)
  .map(([given, at]) => ({ ...given, ...at }))
const past = fc
  .tuple(change(EVFILT_TIMER, { of: pick(3, 4) }), pick(0, NOTE_SECONDS, NOTE_USECONDS))
  // A period of nothing never ends: these are one-shot ever since they were added.
  .map(([given, fflags]) => ({ ...given, fflags, flags: given.flags | EV_ONESHOT }))

const anyFlags = fc
  .tuple(
    flags,
    fc.subarray([EV_ADD, EV_DELETE, EV_ENABLE, EV_DISABLE, EV_KEEPUDATA, 0x8000, 0x4000]),
  )
  .map(([some, more]) => more.reduce((all, flag) => all | flag, some))
const anyChange: fc.Arbitrary<Change> = fc
  .record({
    of: pick(-1, 0, 1, 2, 3, SLOTS, SLOTS + 1, 9_999_999),
    filter: pick(-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13, -64, -65, 0, -14, -99, 1),
    flags: anyFlags,
    fflags: pick(0, 1, 2, 4, 8, NOTE_EXIT, NOTE_TRIGGER),
    data: pick(0, 1, -1, 2 ** 40),
    udata,
  })
  // None that expires, and none of those that are one-shot.
  .map((given) => {
    if (given.filter !== EVFILT_TIMER) return given
    return { ...given, of: Math.min(2, given.of), data: given.data * 1e10 || 1e15 }
  })
const badSignal = change(EVFILT_SIGNAL, { of: pick(0, 9, 19, 65, 1000) })
const badProcess = change(EVFILT_PROC, { of: pick(-1, 3), fflags: fc.constant(NOTE_EXIT) })

const changeCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 1, arbitrary: fc.tuple(word('pipe'), slot, slot) },
  { weight: 1, arbitrary: fc.tuple(word('eventfd'), slot, pick(0, 3)) },
  { weight: 1, arbitrary: fc.tuple(word('open'), slot, file, fc.constant<OpenMode>('rw')) },
  { weight: 1, arbitrary: close },
  { weight: 2, arbitrary: write },
  { weight: 1, arbitrary: read },
  { weight: 1, arbitrary: fc.tuple(word('kqueue'), queue) },
  {
    weight: 16,
    arbitrary: kevent(
      { weight: 8, arbitrary: user },
      { weight: 4, arbitrary: timer },
      { weight: 3, arbitrary: past },
      { weight: 4, arbitrary: anyChange },
      { weight: 1, arbitrary: badSignal },
      { weight: 1, arbitrary: badProcess },
      { weight: 3, arbitrary: nested },
      { weight: 2, arbitrary: change(EVFILT_READ) },
    ),
  },
  { weight: 10, arbitrary: scan },
)

// Processes and signals.

const child = fc.nat(CHILDREN - 1)
const signal = pick<SignalName>('SIGUSR1', 'SIGUSR2')
const notes = some(NOTE_EXIT, NOTE_FORK, NOTE_EXEC, NOTE_TRACK)
const processCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(word('spawn'), child) },
  { weight: 4, arbitrary: fc.tuple(word('fork'), child, child) },
  { weight: 2, arbitrary: fc.tuple(pick('exec' as const, 'reap' as const), child) },
  { weight: 2, arbitrary: fc.tuple(word('exit'), child, pick(0, 3)) },
  { weight: 1, arbitrary: fc.tuple(word('kill'), child, pick<SignalName>('SIGKILL', 'SIGTERM')) },
  { weight: 3, arbitrary: fc.tuple(word('raise'), signal) },
  { weight: 2, arbitrary: fc.tuple(word('pdopen'), slot, child) },
  { weight: 1, arbitrary: close },
  {
    weight: 12,
    arbitrary: kevent(
      { weight: 8, arbitrary: change(EVFILT_PROC, { of: child, fflags: notes }) },
      { weight: 3, arbitrary: change(EVFILT_PROCDESC, { fflags: fc.constant(NOTE_EXIT) }) },
      { weight: 3, arbitrary: change(EVFILT_SIGNAL, { of: pick(10, 12) }) },
      { weight: 1, arbitrary: nested },
    ),
  },
  { weight: 8, arbitrary: scan },
)

function programs(
  command: fc.Arbitrary<Command>,
  [minLength, maxLength]: [number, number],
): fc.Arbitrary<Command[]> {
  return fc.array(command, { minLength, maxLength, size: 'max' })
}

export const filePrograms = programs(fileCommand, [5, 40])
export const streamPrograms = programs(streamCommand, [5, 40])
export const changePrograms = programs(changeCommand, [3, 30])
export const processPrograms = programs(processCommand, [5, 25]).map((program): Command[] => [
  ['spawn', 0],
  ...program,
])
