/**
 * How a process ended, in words: wait(2).
 */
import { STATUS_UNKNOWN } from '../index.js'
import { signalName } from './signals.js'

/** In a wait(2) status: a core file was left. */
const CORE = 0x80

/** 'exited with status 7', 'was killed by SIGTERM' */
export function endingWords(status: number): string {
  if (status === STATUS_UNKNOWN) return 'exited, nobody knows how'
  const signal = status & 0x7f
  if (signal === 0) return `exited with status ${(status >> 8) & 0xff}`
  return `was killed by ${signalName(signal)}${status & CORE ? ', and left a core file' : ''}`
}
