/**
 * Signals: their numbers, those of Linux, and what they do to a process that has
 * said nothing about them. signal(7).
 */
import { EINVAL, fail } from '../errors.js'

/** Numbers by name. */
export const SIGNALS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
} as const

export type SignalName = keyof typeof SIGNALS
/** A signal by number, 1 to 64, or by name. */
export type Signal = number | SignalName

/** What a process does when a signal comes. A handler is called at once, with the number. */
export type Disposition = 'default' | 'ignore' | ((signal: number) => void)

/** The highest signal: SIGRTMAX. */
const HIGHEST = 64

const IGNORED: readonly number[] = [SIGNALS.SIGCHLD, SIGNALS.SIGURG, SIGNALS.SIGWINCH]
const STOPPING: readonly number[] = [
  SIGNALS.SIGSTOP,
  SIGNALS.SIGTSTP,
  SIGNALS.SIGTTIN,
  SIGNALS.SIGTTOU,
]

export type Action = 'terminate' | 'ignore' | 'stop' | 'continue'

/** What a signal does by default. */
export function defaultAction(signal: number): Action {
  if (signal === SIGNALS.SIGCONT) return 'continue'
  if (STOPPING.includes(signal)) return 'stop'
  return IGNORED.includes(signal) ? 'ignore' : 'terminate'
}

/** Whether a process may say what it does when this signal comes. */
export function catchable(signal: number): boolean {
  return signal !== SIGNALS.SIGKILL && signal !== SIGNALS.SIGSTOP
}

/**
 * The number of a signal.
 * @throws KqueueError EINVAL there is no such signal
 */
export function signalNumber(signal: Signal, syscall: string): number {
  const number = typeof signal === 'string' ? SIGNALS[signal] : signal
  if (Number.isInteger(number) && number >= 1 && number <= HIGHEST) return number
  const wanted = `a signal is a name or a number from 1 to ${HIGHEST}`
  fail(EINVAL, syscall, `${wanted}, not ${String(signal)}`)
}
