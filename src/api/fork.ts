/**
 * Copy on fork as programs have it: `fork` in the parent, `inheritedKqueues` in the child.
 * kqueuex(2), KQUEUE_CPONFORK.
 */
import { type Kqueue, makeKqueue } from './kqueue.js'
import type { Bound, Forked, ForkGiven, SystemFork } from './system.js'

/** Of one process of a system, made when they are asked for first. */
const inherited = new WeakMap<SystemFork, ReadonlyMap<number, Kqueue>>()

export function fork(
  system: Bound,
  modulePath: string | URL,
  args?: readonly string[] | ForkGiven,
  options?: ForkGiven,
): Forked {
  return Array.isArray(args)
    ? system().fork.start(modulePath, args, options)
    : system().fork.start(modulePath, [], (args as ForkGiven | undefined) ?? options)
}

export function inheritedKqueues(system: Bound): ReadonlyMap<number, Kqueue> {
  const { fork } = system()
  let known = inherited.get(fork)
  if (known === undefined) {
    known = new Map([...fork.inherited()].map(([fd, queue]) => [fd, makeKqueue(queue)]))
    inherited.set(fork, known)
  }
  return known
}
