/**
 * Conditions of processes: EVFILT_PROC. Each asks for the exit as well, after which
 * nothing else can happen.
 */
import { readFileSync } from 'node:fs'
import {
  EV_ADD,
  EV_EOF,
  EV_SET,
  EVFILT_PROC,
  type Kevent,
  NOTE_CHILD,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_TRACK,
  NOTE_TRACKERR,
  STATUS_UNKNOWN,
} from '../../index.js'
import type { Condition, Opened, Opener } from '../condition.js'
import { endingWords } from '../ending.js'
import { Refusal, UsageError } from '../errors.js'
import { signalName } from '../signals.js'

const MAX_PID = 0x7fffffff

export const PROCESSES: readonly Condition[] = [
  row('exit', NOTE_EXIT, 'the process has exited', (pid) => ({
    instead: (error) => gone(pid, error),
  })),
  row('fork', NOTE_EXIT | NOTE_FORK, 'the process has forked, or exited'),
  row('exec', NOTE_EXIT | NOTE_EXEC, 'the process executes another program, or has exited'),
  row(
    'track',
    NOTE_TRACK | NOTE_EXEC | NOTE_EXIT,
    'it or a descendant is born, executes or exits; children that it has already are not followed',
    // Its children are watched under numbers that others may have asked for.
    () => ({ alone: true }),
  ),
]

/** @param more what it has that the others have not */
function row(
  option: string,
  notes: number,
  help: string,
  more: (pid: number) => Partial<Opened> = () => ({}),
): Condition {
  return {
    option,
    value: 'PID',
    help,
    notes: { NOTE_EXIT, NOTE_FORK, NOTE_EXEC, NOTE_CHILD, NOTE_TRACKERR },
    parse(value): Opener {
      const pid = parsePid(`--${option}`, value)
      const changes = [EV_SET(pid, EVFILT_PROC, EV_ADD, notes >>> 0)]
      return () => ({ changes, say: told, fields: endingOf, ...more(pid) })
    },
  }
}

/** The `udata` of an exit that was before kq came. */
const GONE_BEFORE = Symbol('gone before')

/** The event of a process that is gone; undefined when none has ever had the number. */
function gone(pid: number, error: unknown): Kevent | undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  const never = reasonForNever(pid)
  if (never !== undefined) throw new Refusal('ESRCH', never)
  return {
    ident: pid,
    filter: EVFILT_PROC,
    flags: EV_EOF,
    fflags: NOTE_EXIT,
    data: STATUS_UNKNOWN,
    udata: GONE_BEFORE,
  }
}

function parsePid(option: string, text: string): number {
  const pid = Number(text)
  if (!/^\d+$/.test(text) || pid < 1 || pid > MAX_PID) {
    throw new UsageError(
      `${option} '${text}' is not the number of a process; write for example ${option} 1234`,
    )
  }
  return pid
}

/** What an event says; it may gather several things that a process has done. */
function told({ ident, fflags, data, udata }: Kevent): string {
  if (udata === GONE_BEFORE) return `process ${ident} is gone already`
  const words: string[] = []
  if (fflags & NOTE_CHILD) words.push(`is a child of ${data}`)
  if (fflags & NOTE_TRACKERR) words.push('may have done more than the system could tell')
  if (fflags & NOTE_FORK) words.push('forked')
  if (fflags & NOTE_EXEC) words.push(`executed ${programOf(ident, fflags)}`)
  if (fflags & NOTE_EXIT) words.push(endingWords(data))
  return `process ${ident} ${words.join(', ')}`
}

/** How it ended, for JSON. */
function endingOf({ fflags, data, udata }: Kevent): Record<string, unknown> {
  if ((fflags & NOTE_EXIT) === 0) return {}
  const known = data !== STATUS_UNKNOWN
  const signal = data & 0x7f
  return {
    code: known && signal === 0 ? (data >> 8) & 0xff : null,
    signal: known && signal !== 0 ? signalName(signal) : null,
    ...(udata === GONE_BEFORE && { gone: true }),
  }
}

/**
 * Why no process can have had a number: it is too large, or the numbers have not come so far.
 * They are given in order, and from the beginning again at pid_max, which they cannot have
 * reached before so many processes and threads were made. proc(5), pid_namespaces(7)
 */
function reasonForNever(pid: number): string | undefined {
  try {
    const most = Number(readFileSync('/proc/sys/kernel/pid_max', 'latin1'))
    const [, made] = /^processes (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1')) ?? []
    const last = Number(readFileSync('/proc/loadavg', 'latin1').trim().split(' ').at(-1))
    const never = `there is no process ${pid}, and never was`
    if (pid >= most) return `${never}: numbers end at ${most - 1}`
    if (Number(made) < most && pid > last) return `${never}: the last one that began is ${last}`
  } catch {
    // /proc is not mounted, or not whole.
  }
  return undefined
}

/** The program that a process runs now, as proc_pid_comm(5) has it. */
function programOf(pid: number, fflags: number): string {
  const unknown = 'another program'
  // By now the number may be another's.
  if (fflags & NOTE_EXIT) return unknown
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').replace(/\n$/, '') || unknown
  } catch {
    return unknown
  }
}
