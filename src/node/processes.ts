/**
 * What one wants most often of processes, each a few lines over kevent: how one ends, and
 * what a whole tree of them does.
 */
import { constants } from 'node:os'
import { options, wrongType } from '../core/copyin.js'
import {
  EV_ADD,
  EV_SET,
  EVFILT_PROC,
  type Kevent,
  NOTE_CHILD,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from '../event.js'
import { STATUS_UNKNOWN } from '../linux/process.js'
import { abortSignal } from './arguments.js'
import { type Kqueue, kqueue } from './kqueue.js'

export { STATUS_UNKNOWN }

/** How a process ended. */
export interface ProcessExit {
  readonly pid: number
  /** As wait(2) encodes it, STATUS_UNKNOWN where the system does not say. */
  readonly status: number
  /** What it gave to exit, 0 to 255; null when a signal ended it, or nobody knows. */
  readonly code: number | null
  /** The name of the signal that ended it, as in `os.constants.signals`; null when none did. */
  readonly signal: string | null
}

/** What a process of a tree has done. */
export type ProcessEvent =
  /** There is a new process. */
  | { readonly type: 'fork'; readonly pid: number; readonly parent: number }
  /** It executes another program. */
  | { readonly type: 'exec'; readonly pid: number }
  | ({ readonly type: 'exit' } & ProcessExit)
  /** The system had more to tell than it could keep: processes may be missing. */
  | { readonly type: 'lost'; readonly pid: number }

/** Events taken from the queue at a time. */
const BATCH = 1024

/** A pid as the change of a changelist, which is checked there. */
function watch(pid: number, notes: number): Kevent {
  if (typeof pid !== 'number') throw wrongType('pid', 'a number', pid)
  return EV_SET(pid, EVFILT_PROC, EV_ADD, notes >>> 0)
}

function exitOf({ ident, data }: Kevent): ProcessExit {
  const number = data & 0x7f
  if (data === STATUS_UNKNOWN) return { pid: ident, status: data, code: null, signal: null }
  if (number === 0) return { pid: ident, status: data, code: (data >> 8) & 0xff, signal: null }
  return { pid: ident, status: data, code: null, signal: signalName(number) }
}

/** The first name of a signal; those that have none, the real-time ones, by number: 'SIG40'. */
function signalName(number: number): string {
  const named = Object.entries(constants.signals).find(([, value]) => value === number)
  return named?.[0] ?? `SIG${number}`
}

/**
 * Waits until a process exits, whoever's child it is: EVFILT_PROC with NOTE_EXIT. One that
 * has exited and was not waited for is answered at once.
 * @throws (rejects with) KqueueError ESRCH there is no such process, EMFILE no descriptor
 *   is free; the signal's reason
 */
export async function processExit(
  pid: number,
  given: { signal?: AbortSignal } = {},
): Promise<ProcessExit> {
  const abort = abortSignal(options(given, 'options').signal)
  abort?.throwIfAborted()
  const change = watch(pid, NOTE_EXIT)
  const kq = kqueue()
  try {
    kq.kevent([change])
    const [event] = await kq.wait({ nevents: 1, signal: abort })
    return exitOf(event!)
  } finally {
    kq.close()
  }
}

/**
 * What a process and all of its descendants do, from the first `next()` on until the last
 * of them has exited: EVFILT_PROC with NOTE_TRACK. A process is announced by its 'fork'
 * before anything else is told of it; the children that the process has when it begins are
 * not followed.
 * @throws (rejects with) KqueueError ESRCH there is no such process; EPERM the system does
 *   not tell of forks, and the message says what would make it; the signal's reason
 */
export async function* processTree(
  pid: number,
  given: { signal?: AbortSignal } = {},
): AsyncGenerator<ProcessEvent, void, undefined> {
  const abort = abortSignal(options(given, 'options').signal)
  abort?.throwIfAborted()
  const change = watch(pid, NOTE_TRACK | NOTE_EXEC | NOTE_EXIT)
  const kq = kqueue()
  try {
    kq.kevent([change])
    // Each is announced once and exits once.
    let living = 1
    while (living > 0) {
      const events = await kq.wait({ nevents: BATCH, signal: abort })
      do {
        for (const event of told(events)) {
          if (event.type === 'fork') living++
          else if (event.type === 'exit') living--
          yield event
        }
      } while (living === 0 && more(kq, events))
    }
  } finally {
    kq.close()
  }
}

/** Takes what else is pending: whether there was something. */
function more(kq: Kqueue, events: Kevent[]): boolean {
  events.splice(0, events.length, ...kq.kevent(null, BATCH, 0))
  return events.length > 0
}

/**
 * The forks of some events, then the rest: the exit of a process may be in an event that
 * began with its exec, and stand before its forks.
 */
function* told(events: readonly Kevent[]): Generator<ProcessEvent> {
  for (const { ident, fflags, data } of events) {
    if (fflags & NOTE_CHILD) yield { type: 'fork', pid: ident, parent: data }
  }
  for (const event of events) {
    const { ident, fflags } = event
    if (fflags & NOTE_TRACKERR) yield { type: 'lost', pid: ident }
    if (fflags & NOTE_EXEC) yield { type: 'exec', pid: ident }
    if (fflags & NOTE_EXIT) yield { type: 'exit', ...exitOf(event) }
  }
}
