/** Random programs, and how to write one down. */
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
  EV_NOCPONFORK,
  EV_ONESHOT,
  EV_RECEIPT,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SENDFILE,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  KQUEUE_CLOEXEC,
  KQUEUE_CPONFORK,
  KQUEUE_CPONFORKFD,
  KQUEUE_CPONFORKNONFD,
  NOTE_ABSTIME,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_FFAND,
  NOTE_FFCOPY,
  NOTE_FFOR,
  NOTE_FORK,
  NOTE_LOWAT,
  NOTE_MSECONDS,
  NOTE_NSECONDS,
  NOTE_REAP,
  NOTE_SECONDS,
  NOTE_TRACK,
  NOTE_TRIGGER,
  NOTE_USECONDS,
} from 'kqueue/sim'
import type { Change, Command } from './program.js'

/** One of these; the first is the simplest. */
const pick = fc.constantFrom

/** Any combination of flags, mostly few. */
function some(...flags: number[]): fc.Arbitrary<number> {
  return fc
    .tuple(...flags.map((flag) => fc.nat({ max: 3 }).map((n) => (n === 3 ? flag : 0))))
    .map((given) => given.reduce((all, flag) => (all | flag) >>> 0, 0))
}

const process = pick(0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4)
const fd = pick(0, 1, 0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 6, 7, 8, 9)
const pid = pick(2, 3, 1, 2, 3, 4, 5, 6)
const size = pick(1, 100, 511, 512, 513, 4096, 60_000, 65_536)
const readEnd = pick(2, 4, 2, 4, 2, 4, 6, 7, 8, 9, 3)
const writeEnd = pick(3, 5, 3, 5, 3, 5, 6, 7, 8, 9, 2)

const flags = fc
  .tuple(
    pick(EV_ADD, EV_ADD, EV_ADD, EV_ADD, EV_ADD, EV_ADD, 0, EV_KEEPUDATA, EV_DELETE),
    pick(0, 0, 0, 0, 0, EV_ENABLE, EV_ENABLE, EV_DISABLE),
    pick(0, 0, 0, EV_CLEAR, EV_CLEAR, EV_DISPATCH, EV_ONESHOT, EV_CLEAR | EV_DISPATCH),
    pick(0, 0, 0, 0, 0, 0, 0, EV_CLEAR | EV_ONESHOT, EV_ONESHOT | EV_DISPATCH),
    pick(0, 0, 0, 0, 0, 0, 0, 0, 0, EV_RECEIPT, EV_NOCPONFORK, EV_FORCEONESHOT, EV_KEEPUDATA),
  )
  .map((given) => given.reduce((all, flag) => all | flag, 0))

const udata = fc.nat({ max: 3 })

function changes(
  filter: number,
  ident: fc.Arbitrary<number>,
  fflags: fc.Arbitrary<number>,
  data: fc.Arbitrary<number>,
): fc.Arbitrary<Change> {
  return fc.record({ ident, filter: fc.constant(filter), flags, fflags, data, udata })
}

/** Time and unit of a timer, none of which expires millions of times. */
const time = fc.oneof(
  fc.record({ fflags: pick(0, NOTE_MSECONDS), data: fc.integer({ min: -1, max: 12 }) }),
  fc.record({
    fflags: fc.constant(NOTE_USECONDS),
    data: fc.integer({ min: 700, max: 9000 }),
  }),
  fc.record({
    fflags: fc.constant(NOTE_NSECONDS),
    data: fc.integer({ min: 900_000, max: 5_000_000 }),
  }),
  fc.record({
    fflags: pick(NOTE_SECONDS, NOTE_SECONDS | NOTE_MSECONDS, 0x20),
    data: fc.nat({ max: 1 }),
  }),
  fc.record({
    fflags: fc.constant(NOTE_ABSTIME | NOTE_MSECONDS),
    data: fc.integer({ min: 86_399_999, max: 86_400_030 }),
  }),
)

const timer: fc.Arbitrary<Change> = fc
  .tuple(changes(EVFILT_TIMER, fc.nat({ max: 2 }), fc.constant(0), fc.constant(0)), time)
  .map(([change, given]) => ({ ...change, ...given }))

const lowat = pick(0, 0, 0, NOTE_LOWAT)
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: changes(
      EVFILT_READ,
      pick(2, 4, 0, 1, 2, 4, 2, 4, 0, 1, 2, 4, 6, 7, 8, 3),
      lowat,
      pick(0, 1, 2, 100, 5000),
    ),
  },
  {
    weight: 2,
    arbitrary: changes(
      EVFILT_WRITE,
      pick(3, 5, 3, 5, 3, 5, 3, 5, 6, 7, 8, 0, 2),
      lowat,
      pick(0, 1, 1000, 65_536),
    ),
  },
  {
    weight: 4,
    arbitrary: changes(
      EVFILT_USER,
      fc.nat({ max: 2 }),
      fc
        .tuple(pick(0, NOTE_TRIGGER), pick(0, NOTE_FFCOPY, NOTE_FFOR, NOTE_FFAND), udata)
        .map(([a, b, c]) => (a | b | c) >>> 0),
      fc.nat({ max: 3 }),
    ),
  },
  { weight: 3, arbitrary: timer },
  {
    weight: 2,
    arbitrary: changes(EVFILT_SIGNAL, pick(10, 10, 17, 15, 13, 9), fc.constant(0), fc.constant(0)),
  },
  {
    weight: 4,
    arbitrary: changes(
      EVFILT_PROC,
      pid,
      fc
        .tuple(pick(NOTE_EXIT, 0), some(NOTE_FORK, NOTE_EXEC, NOTE_TRACK, NOTE_REAP))
        .map(([a, b]) => (a | b) >>> 0),
      fc.constant(0),
    ),
  },
)

/** A change of something that is registered. */
const modification: fc.Arbitrary<Change> = fc.record({
  of: fc.nat({ max: 7 }),
  ident: fc.constant(0),
  filter: fc.constant(EVFILT_USER),
  flags: fc
    .tuple(
      pick(EV_ENABLE, EV_ENABLE, EV_DISABLE, EV_ADD, 0, EV_DELETE),
      pick(0, 0, EV_KEEPUDATA, EV_RECEIPT, EV_FORCEONESHOT),
      pick(0, 0, 0, EV_CLEAR),
    )
    .map(([a, b, c]) => a | b | c),
  fflags: pick(0, 0, NOTE_TRIGGER, NOTE_LOWAT, NOTE_EXIT, (NOTE_EXIT | NOTE_FORK) >>> 0),
  data: pick(0, 1, 2, 600),
  udata,
})

const changelist = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: change },
    { weight: 12, arbitrary: modification },
    { weight: 1, arbitrary: changes(0, fd, fc.constant(0), fc.constant(0)) },
    { weight: 1, arbitrary: changes(-99, fd, fc.constant(0), fc.constant(0)) },
    { weight: 1, arbitrary: changes(EVFILT_SENDFILE, fd, fc.constant(0), fc.constant(0)) },
  ),
  { minLength: 1, maxLength: 4, size: 'max' },
)

const queueFlags = pick(
  KQUEUE_CPONFORK,
  0,
  KQUEUE_CPONFORKFD,
  KQUEUE_CPONFORKNONFD,
  KQUEUE_CPONFORK | KQUEUE_CLOEXEC,
)

const kevent = fc.record({
  do: fc.constant('kevent' as const),
  p: process,
  kq: pick(0, 0, 0, 1, 1, 2),
  changes: changelist,
  nevents: pick(0, 8, 8, 0, 1, 2, 3),
  timeout: pick(0, 0, 0, 0, 0, 3, 10.5, null, -1),
})

/** A look at all that is pending. */
const look = fc.record({
  do: fc.constant('kevent' as const),
  p: process,
  kq: pick(0, 0, 0, 1, 1, 2),
  changes: fc.constant([]),
  nevents: pick(16, 16, 16, 1, 2, 3),
  timeout: fc.constant(0),
})

function call<D extends Command['do'], F extends object>(
  name: D,
  fields: { [K in keyof F]: fc.Arbitrary<F[K]> },
): fc.Arbitrary<{ do: D; p: number } & F> {
  const record = { do: fc.constant(name), p: process, ...fields }
  return fc.record(record) as unknown as fc.Arbitrary<{ do: D; p: number } & F>
}

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 14, arbitrary: kevent },
  { weight: 9, arbitrary: look },
  { weight: 4, arbitrary: call('write', { fd: writeEnd, n: size }) },
  { weight: 3, arbitrary: call('read', { fd: readEnd, n: size }) },
  { weight: 3, arbitrary: call('fork', {}) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: pick(1, 0.5, 3, 10, 0, 40) }),
  },
  {
    weight: 2,
    arbitrary: call('kill', {
      pid: pick(1, 1, 2, 3, 4, 5, 6),
      signal: pick(10, 10, 10, 15, 23, 9),
    }),
  },
  { weight: 1, arbitrary: call('exit', { status: fc.nat({ max: 3 }) }) },
  { weight: 2, arbitrary: call('waitpid', { pid }) },
  { weight: 1, arbitrary: call('exec', {}) },
  { weight: 1, arbitrary: call('pipe', {}) },
  { weight: 1, arbitrary: call('kqueue', { flags: queueFlags }) },
  { weight: 1, arbitrary: call('close', { fd: pick(2, 3, 4, 5, 6, 7, 8, 9, 0, 1) }) },
  { weight: 1, arbitrary: call('dup2', { from: fd, to: pick(6, 7, 8, 9, 2, 3, 4, 5, 1) }) },
  { weight: 1, arbitrary: call('cloexec', { fd, on: fc.boolean() }) },
)

/** Programs of 1 to 120 commands. */
export const programs: fc.Arbitrary<Command[]> = fc.array(command, {
  minLength: 1,
  maxLength: 120,
  size: 'max',
})

/** A program as the body of a test. */
export function show(program: readonly Command[]): string {
  const lines = program.map((each) => `  ${JSON.stringify(each)},`)
  return ['run([', ...lines, '])'].join('\n')
}
