/**
 * The listeners of `process.on` for signals, beside ours: how a runtime comes to call them differs.
 * See native/engines/signal/disposition.c for what becomes of its handler.
 */
import type { EventEmitter } from 'node:events'
import { constants } from 'node:os'
import type { Native } from './hub/native.js'

/** Emits 'newListener'; only that of the main thread does so for signals. */
const emitter: EventEmitter = process

const { signals } = constants
const isSignal = (name: string | symbol): name is NodeJS.Signals => name in signals

/**
 * Sees to it that listeners and watchers of a signal do not take it from each other. Answers
 * what tells whether the signal that has interrupted this thread has listeners who are to be
 * called now.
 */
export function attendListeners(native: Native): () => boolean {
  const isFirst = native.threadIsFirst() === 1
  if (native.libuvHere() === 1) {
    // libuv has its own handler there as long as somebody listens; also for the signals that
    // workers watch: they are not told of listeners.
    if (isFirst) expectNew(native)
    return () => native.signalPending() === 1
  }
  if (isFirst) expectChanges(native)
  // Nobody says which signal it was.
  return () => emitter.eventNames().some(isSignal)
}

/** One is about to be added; libuv has yet to hear of it. */
function expectNew(native: Native): void {
  emitter.prependListener('newListener', (name) => {
    if (isSignal(name)) native.signalExpect(signals[name])
  })
}

/** The runtime puts its own handler there, or takes it away, when listeners come and go. */
function expectChanges(native: Native): void {
  // It does so when these have been called.
  const changed = (name: string | symbol): void => {
    if (isSignal(name)) queueMicrotask(() => native.signalExpect(signals[name]))
  }
  emitter.prependListener('newListener', changed)
  // Bun does not tell of these, and leaves ours where it was.
  emitter.prependListener('removeListener', changed)
}
