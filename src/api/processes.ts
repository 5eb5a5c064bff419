/**
 * What one wants most often of processes, each a few lines over kevent: how one ends, and
 * what a whole tree of them does.
 */
import { options, wrongType } from '../core/copyin.js'
import { STATUS_UNKNOWN } from '../core/kernel.js'
import { type Execution, ProcessJournal } from '../core/process-journal.js'
import { KqueueError } from '../errors.js'
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
import { type Abortable, abortSignal } from './arguments.js'
import type { Kqueue } from './kqueue.js'
import { kqueue } from './queues.js'
import type { Bound, System } from './system.js'

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

/** What a process of a tree has done, and when: ms on the scale of `performance.now()`. */
export type ProcessEvent = { readonly pid: number; readonly time: number } & (
  | {
      /** There is a new process. */
      readonly type: 'fork'
      readonly parent: number
      /** It was there before it was followed: see `descendants` of `Followed`. */
      readonly existing?: true
    }
  | {
      /** It executes another program. */
      readonly type: 'exec'
      /**
       * The program's name of at most 15 bytes; that of the next where one came at once, and '' when
       * the process was gone too soon to tell.
       */
      readonly name: string
      /**
       * The command line, of a long one the first 4096 bytes and '…'; null when the process was gone
       * too soon to tell.
       */
      readonly argv: readonly string[] | null
    }
  | ({ readonly type: 'exit' } & ProcessExit)
  | {
      /** The system had more to tell than it could keep: processes may be missing. */ readonly type: 'lost'
    }
)

/** What of a tree is followed, and for how long. */
export interface Followed extends Abortable {
  /**
   * Also the descendants that there are by now, zombies excepted. Each is announced by a 'fork' with
   * `existing`, its parent first, at the time at which it was found. Default: false.
   */
  descendants?: boolean
}

/** Events taken from the queue at a time. */
const BATCH = 1024

/** What is asked of a process that is followed. */
const TREE = NOTE_TRACK | NOTE_EXEC | NOTE_EXIT

/** A pid as the change of a changelist, which is checked there. */
function watch(pid: number, notes: number): Kevent {
  if (typeof pid !== 'number') throw wrongType('pid', 'a number', pid)
  return EV_SET(pid, EVFILT_PROC, EV_ADD, notes >>> 0)
}

/** What a wait(2) status says of the end of a process. */
export function exitOf(
  signals: System['processes']['signals'],
  pid: number,
  status: number,
): ProcessExit {
  const number = status & 0x7f
  if (status === STATUS_UNKNOWN) return { pid, status, code: null, signal: null }
  if (number === 0) return { pid, status, code: (status >> 8) & 0xff, signal: null }
  const named = Object.entries(signals).find(([, each]) => each === number)
  return { pid, status, code: null, signal: named?.[0] ?? `SIG${number}` }
}

export async function processExit(
  system: Bound,
  pid: number,
  given: Abortable = {},
): Promise<ProcessExit> {
  const abort = abortSignal(options(given, 'options').signal)
  abort?.throwIfAborted()
  const change = watch(pid, NOTE_EXIT)
  const kq = kqueue(system)
  try {
    kq.kevent([change])
    const [event] = await kq.wait({ nevents: 1, signal: abort })
    return exitOf(system().processes.signals, pid, event!.data)
  } finally {
    kq.close()
  }
}

export async function* processTree(
  system: Bound,
  pid: number,
  given: Followed = {},
): AsyncGenerator<ProcessEvent, void, undefined> {
  const { signal, descendants = false } = options(given, 'options')
  if (typeof descendants !== 'boolean') throw wrongType('descendants', 'a boolean', descendants)
  const abort = abortSignal(signal)
  abort?.throwIfAborted()
  const change = watch(pid, TREE)
  const { journals } = system().processes
  const kq = kqueue(system)
  const journal = new ProcessJournal(pid)
  try {
    kq.kevent([change])
    journals.add(journal)
    // Each is announced once and exits once.
    let living = 1
    for (const event of descendants ? followExisting(system(), kq, journal, pid) : []) {
      living++
      yield event
    }
    while (living > 0) {
      const events = await kq.wait({ nevents: BATCH, signal: abort })
      do {
        for (const event of told(system(), events, journal)) {
          if (event.type === 'fork') living++
          else if (event.type === 'exit') living--
          yield event
        }
      } while (living === 0 && more(kq, events))
    }
  } finally {
    journals.delete(journal)
    kq.close()
  }
}

/**
 * Follows the descendants that a process has by now. Whoever is followed has its children
 * announced, so only those are looked for that were there before: until no more are found.
 */
function followExisting(
  { processes }: System,
  kq: Kqueue,
  journal: ProcessJournal,
  root: number,
): ProcessEvent[] {
  const found: ProcessEvent[] = []
  const seen = new Set([root])
  for (let before = -1; before < found.length; ) {
    before = found.length
    const all = processes.all()
    // The list grows by the children that are found.
    const parents = [...seen]
    for (const parent of parents) {
      for (const { pid, ppid, zombie } of all) {
        if (ppid !== parent || zombie || seen.has(pid)) continue
        seen.add(pid)
        parents.push(pid)
        if (!follow(kq, pid) || journal.knows(pid)) continue
        journal.found(pid)
        found.push({ type: 'fork', pid, parent, existing: true, time: processes.now() })
      }
    }
  }
  return found
}

/** Follows a process: whether it is there still. */
function follow(kq: Kqueue, pid: number): boolean {
  try {
    kq.kevent([watch(pid, TREE)])
    return true
  } catch (error) {
    if (error instanceof KqueueError && error.code === 'ESRCH') return false
    throw error
  }
}

/** Takes what else is pending: whether there was something. */
function more(kq: Kqueue, events: Kevent[]): boolean {
  events.splice(0, events.length, ...kq.kevent(null, BATCH, 0))
  return events.length > 0
}

/**
 * What some events tell, in the order in which it happened: an event may gather an exec and
 * an exit, and stand before the event of a fork in between.
 */
function told(system: System, events: readonly Kevent[], journal: ProcessJournal): ProcessEvent[] {
  const now = system.processes.now()
  const shift = system.processes.shift()
  const ms = (ns: number | undefined) => (ns === undefined ? now : ns / 1e6 + shift)
  const happened: ProcessEvent[] = []
  for (const { ident: pid, fflags, data } of events) {
    if ((fflags & NOTE_CHILD) === 0) continue
    happened.push({ type: 'fork', pid, parent: data, time: ms(journal.born(pid)) })
  }
  for (const { ident: pid, fflags, data } of events) {
    if (fflags & NOTE_TRACKERR) happened.push({ type: 'lost', pid, time: now })
    if (fflags & NOTE_EXEC) {
      const executions: Partial<Execution>[] = journal.executions(pid)
      if (executions.length === 0) executions.push({})
      for (const { time, name = '', argv = null } of executions) {
        happened.push({ type: 'exec', pid, name, argv, time: ms(time) })
      }
    }
    if (fflags & NOTE_EXIT) {
      const exit = exitOf(system.processes.signals, pid, data)
      happened.push({ type: 'exit', ...exit, time: ms(journal.end(pid)) })
    }
  }
  return happened.sort((a, b) => a.time - b.time)
}
