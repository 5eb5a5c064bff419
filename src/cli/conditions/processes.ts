/**
 * Conditions of processes: EVFILT_PROC. Each asks for the exit as well, after which
 * nothing else can happen.
 */
import { readFileSync } from 'node:fs'
import {
  EV_ADD,
  EV_SET,
  EVFILT_PROC,
  type Kevent,
  NOTE_CHILD,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from '../../index.js'
import type { Condition, Opener } from '../condition.js'
import { endingWords } from '../ending.js'
import { UsageError } from '../errors.js'

const MAX_PID = 0x7fffffff

export const PROCESSES: readonly Condition[] = [
  row('exit', NOTE_EXIT, 'the process has exited'),
  row('fork', NOTE_EXIT | NOTE_FORK, 'the process has forked, or exited'),
  row('exec', NOTE_EXIT | NOTE_EXEC, 'the process executes another program, or has exited'),
  {
    ...row(
      'track',
      0,
      'it or a descendant is born, executes or exits; children that it has already are not followed',
    ),
    parse(value) {
      const pid = parsePid('--track', value)
      return () => openTree(pid)
    },
  },
]

function row(option: string, notes: number, help: string): Condition {
  return {
    option,
    value: 'PID',
    help,
    notes: { NOTE_EXIT, NOTE_FORK, NOTE_EXEC, NOTE_CHILD, NOTE_TRACKERR },
    parse(value): Opener {
      const pid = parsePid(`--${option}`, value)
      const changes = [EV_SET(pid, EVFILT_PROC, EV_ADD, notes >>> 0)]
      return () => ({ changes, say: told })
    },
  }
}

function openTree(pid: number) {
  const notes = NOTE_TRACK | NOTE_EXEC | NOTE_EXIT
  return {
    changes: [EV_SET(pid, EVFILT_PROC, EV_ADD, notes >>> 0)],
    say: told,
    // Its children are watched under numbers that others may have asked for.
    alone: true,
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
function told({ ident, fflags, data }: Kevent): string {
  const words: string[] = []
  if (fflags & NOTE_CHILD) words.push(`is a child of ${data}`)
  if (fflags & NOTE_TRACKERR) words.push('may have done more than the system could tell')
  if (fflags & NOTE_FORK) words.push('forked')
  if (fflags & NOTE_EXEC) words.push(`executed ${programOf(ident, fflags)}`)
  if (fflags & NOTE_EXIT) words.push(endingWords(data))
  return `process ${ident} ${words.join(', ')}`
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
