/** The descriptors of a process: how many there are, and having none left. */
import { readdirSync, readlinkSync } from 'node:fs'
import * as posix from '../native/posix.js'

/** Open descriptors of this process, with the one that lists them. */
export const descriptors = (): number => readdirSync('/proc/self/fd').length

/** What /proc says that each descriptor of this process is, by number. */
export function links(): Record<number, string> {
  const found: Record<number, string> = {}
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const link = readlinkSync(`/proc/self/fd/${fd}`)
      // Not the descriptor that lists them.
      if (!link.startsWith('/proc/')) found[Number(fd)] = link
    } catch {
      // The same, when it is closed already.
    }
  }
  return found
}

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
