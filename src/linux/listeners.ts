/**
 * The listeners of `process.on` for signals, beside ours: how a runtime comes to call them differs.
 * See native/engines/signal/disposition.c for what becomes of its handler.
 */
import type { EventEmitter } from 'node:events'
import { constants } from 'node:os'
import type { Native } from './hub/native.js'

/** Sees to it that listeners and watchers of a signal do not take it from each other. */
export interface Listeners {
  /** Whether the signal that has interrupted this thread has listeners who are to be called now. */
  arePending(): boolean
}

/** Emits 'newListener'; only that of the main thread does so for signals. */
const emitter: EventEmitter = process

const { signals } = constants
const isSignal = (name: string | symbol): name is NodeJS.Signals => name in signals

/** libuv has its own handler there as long as somebody listens. */
class LibuvListeners implements Listeners {
  constructor(readonly native: Native) {
    // Also for the signals that workers watch: they are not told of listeners.
    if (native.threadIsFirst() !== 1) return
    // One is about to be added; libuv has yet to hear of it.
    emitter.prependListener('newListener', (name) => {
      if (isSignal(name)) native.signalExpect(signals[name])
    })
  }

  arePending(): boolean {
    return this.native.signalPending() === 1
  }
}

/** The runtime puts its own handler there, or takes it away, when listeners come and go. */
class OtherListeners implements Listeners {
  constructor(native: Native) {
    if (native.threadIsFirst() !== 1) return
    // It does so when these have been called.
    const changed = (name: string | symbol): void => {
      if (isSignal(name)) queueMicrotask(() => native.signalExpect(signals[name]))
    }
    emitter.prependListener('newListener', changed)
    // Bun does not tell of these, and leaves ours where it was.
    emitter.prependListener('removeListener', changed)
  }

  /** Nobody says which signal it was. */
  arePending(): boolean {
    return emitter.eventNames().some(isSignal)
  }
}

export function listenersOf(native: Native): Listeners {
  return native.libuvHere() === 1 ? new LibuvListeners(native) : new OtherListeners(native)
}
