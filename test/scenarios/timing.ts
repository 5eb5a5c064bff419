/** What the scenarios of timers share. */
import { EVFILT_TIMER } from 'kqueue/core'
import { add } from './scenario.js'
import type { World } from './world.js'

/** ms */
export const HOUR = 3_600_000

/** A change that adds a timer of `data` units. */
export function timer(ident: number, data: number, flags = 0, fflags = 0) {
  return add(ident, EVFILT_TIMER, flags, { data, fflags })
}

/** ms that `action` takes. */
export function elapsed(w: World, action: () => void): number {
  const start = w.now()
  action()
  return w.now() - start
}
