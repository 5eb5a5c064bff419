/** The descriptors of a process: how many there are, and having none left. */
import { readdirSync } from 'node:fs'
import * as posix from '../native/posix.js'

/** Open descriptors of this process, with the one that lists them. */
export const descriptors = (): number => readdirSync('/proc/self/fd').length

/** Takes all descriptors that are free. */
export function exhaust(): number[] {
  for (const taken: number[] = []; ; ) {
    try {
      taken.push(posix.eventfd())
    } catch {
      return taken
    }
  }
}

/** Frees `n` of those that were taken. */
export function give(taken: number[], n = taken.length): void {
  for (const fd of taken.splice(taken.length - n)) posix.close(fd)
}
