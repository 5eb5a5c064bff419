/** Programs as plain data, random ones, and how to write one down. */
import fc from 'fast-check'
import {
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
} from 'kqueue'

export const QUEUES = 3
/** The queue with KQUEUE_TRUSTFD. */
export const TRUSTING = 1
/** Whether each stream is a pair of sockets, or a pipe. */
export const STREAMS = [false, true, false]
export const ALL = 64

export const KINDS = {
  READ: EVFILT_READ,
  WRITE: EVFILT_WRITE,
  USER: EVFILT_USER,
  TIMER: EVFILT_TIMER,
  QUEUE: EVFILT_READ,
}
export const FLAGS = { plain: 0, clear: EV_CLEAR, oneshot: EV_ONESHOT, dispatch: EV_DISPATCH }
export const CHANGES = { enable: EV_ENABLE, disable: EV_DISABLE, delete: EV_DELETE, trigger: 0 }

/** Where nothing is meant by a number, as far as that goes, the command does nothing. */
export type Command =
  | ['write' | 'read', end: number, n: number]
  | ['fill' | 'close' | 'dup', end: number]
  | ['stream', stream: number]
  | ['add', queue: number, what: keyof typeof KINDS, of: number, how: keyof typeof FLAGS, n: number]
  /** Every end that can be read, in one changelist. */
  | ['addall', queue: number]
  | ['change', queue: number, of: number, how: keyof typeof CHANGES]
  | ['kevent', queue: number, nevents: number, timeout: number]
  /** So often that a look costs no system call, as long as nothing happens. */
  | ['looks', queue: number]
  /** Writes, looks and reads all, until it is level-triggered. */
  | ['cycle', queue: number, end: number]
  | ['wait', queue: number, nevents: number, timeout: number | null]
  | ['iterate', queue: number, batch: number]
  | ['next' | 'return' | 'abort', of: number]
  | ['turn', times: number]
  | ['microtasks']
  | ['poll' | 'kqueue', queue: number]

/** One of these; the first is the simplest. */
const pick = fc.constantFrom
const word = <Word extends Command[0]>(...words: [Word, ...Word[]]) => pick(...words)
const queue = pick(0, 0, 0, 1, 1, 2)
const end = fc.nat(2 * STREAMS.length - 1)
const some = fc.nat(7)
const room = pick(ALL, 1, 1, 2)

const weighed: [number, fc.Arbitrary<Command>][] = [
  [7, fc.tuple(word('write'), end, pick(1, 3, 100))],
  [7, fc.tuple(word('read'), end, pick(1 << 20, 1, 100))],
  [1, fc.tuple(word('fill', 'close', 'dup'), end)],
  [1, fc.tuple(word('stream'), fc.nat(STREAMS.length - 1))],
  [
    8,
    fc.tuple(
      word('add'),
      queue,
      pick<keyof typeof KINDS>('READ', 'READ', 'READ', 'WRITE', 'USER', 'TIMER', 'QUEUE'),
      end,
      pick<keyof typeof FLAGS>('plain', 'plain', 'clear', 'oneshot', 'dispatch'),
      pick(1, 1, 2, 4),
    ),
  ],
  [
    5,
    fc.tuple(
      word('change'),
      queue,
      some,
      pick<keyof typeof CHANGES>('trigger', 'trigger', 'enable', 'enable', 'disable', 'delete'),
    ),
  ],
  [1, fc.tuple(word('addall', 'looks'), queue)],
  [2, fc.tuple(word('cycle'), queue, end)],
  [6, fc.tuple(word('kevent'), queue, room, pick(0, 0, 0, 0, 0.2))],
  [7, fc.tuple(word('wait'), queue, room, pick(null, null, null, 0, 0.5, 2))],
  [3, fc.tuple(word('iterate'), queue, pick(ALL, 1, 2))],
  [4, fc.tuple(word('next'), some)],
  [1, fc.tuple(word('abort', 'abort', 'return'), some)],
  [8, fc.tuple(word('turn'), pick(1, 1, 2, 3))],
  [2, fc.tuple(word('microtasks'))],
  [2, fc.tuple(word('poll'), queue)],
]
const command = fc.oneof(...weighed.map(([weight, arbitrary]) => ({ weight, arbitrary })), {
  weight: 1,
  arbitrary: fc.tuple(word('kqueue'), queue) as fc.Arbitrary<Command>,
})
export const programs = fc.array(command, { minLength: 5, maxLength: 40, size: 'max' })

/** A program as it can be pasted below. */
export function show(program: readonly Command[]): string {
  const commands = program.map((command) => `  ${JSON.stringify(command)},`)
  return ['await mixed([', ...commands, '])'].join('\n')
}
