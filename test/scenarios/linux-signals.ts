/** What signals do on real Linux, as scenarios choose it: sigaction(2). */
import { constants } from 'node:os'
import * as posix from '../native/posix.js'
import type { SignalName } from './world.js'

export class Dispositions {
  /** The handlers of the scenario, and how often each has been called. */
  readonly #handlers = new Map<number, { handler: () => void; called: number }>()
  readonly #changed = new Set<number>()
  readonly #ignored = new Set<SignalName>()

  /** What a child of fork(2) ignores, too. */
  get ignored(): SignalName[] {
    return [...this.#ignored]
  }

  /** A handler in JavaScript is called by `callHandlers`; one in C counts meanwhile. */
  readonly sigaction = (
    name: SignalName,
    disposition: 'default' | 'ignore' | (() => void),
  ): void => {
    const signal = constants.signals[name]
    this.#changed.add(signal)
    if (disposition === 'ignore') this.#ignored.add(name)
    else this.#ignored.delete(name)
    if (typeof disposition === 'string') {
      this.#handlers.delete(signal)
      posix.sigaction(signal, disposition)
    } else {
      this.#handlers.set(signal, { handler: disposition, called: posix.handled(signal) })
      posix.sigaction(signal, 'count')
    }
  }

  callHandlers(): void {
    for (const [signal, entry] of this.#handlers) {
      for (; entry.called < posix.handled(signal); entry.called++) entry.handler()
    }
  }

  /** Puts back what signals did before. */
  dispose(): void {
    for (const signal of this.#changed) posix.sigaction(signal, 'restore')
  }
}
