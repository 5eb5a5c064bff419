/**
 * What signals do to kq while its command runs: nothing, but the command gets them. Those
 * of the terminal it has got already, as kq has.
 */
import { constants } from 'node:os'
import { isForeground } from '../foreground.js'
import { attendedSignals, KEYS } from '../interruption.js'

const PASSED = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const
type Passed = (typeof PASSED)[number]

/** Calls `receive` for each signal to kq. */
export function attendSignals(receive: (name: Passed) => void): void {
  for (const name of PASSED) {
    attendedSignals.add(constants.signals[name])
    process.on(name, () => receive(name))
  }
}

/** Sends on to the command what it has not got. */
export function passOn(name: Passed, pid: number): void {
  if (KEYS.includes(name) && isForeground()) return
  try {
    process.kill(pid, name)
  } catch {
    // It has just gone, or is another user's by now.
  }
}
