/**
 * The signals that end `kq run`: the first one is passed on to the command, the next one
 * kills it.
 */
import { constants } from 'node:os'
import { Stop } from '../output.js'

const NAMES = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const

export class Signals {
  /** What the command is to be told: the signal that came first, SIGTERM where none did. */
  name: NodeJS.Signals = 'SIGTERM'
  #received = 0
  readonly #over = new AbortController()
  readonly #hurry = new AbortController()

  /** @param signal that of kq, which also aborts when nobody reads its output */
  constructor(signal: AbortSignal) {
    for (const name of NAMES) process.on(name, () => this.#receive(name))
    const abort = (): void => this.#over.abort(signal.reason)
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
  }

  /** Aborts when kq is to end; the reason is a `Stop`, or an error. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  /** Aborts when that is not soon enough. */
  get hurry(): AbortSignal {
    return this.#hurry.signal
  }

  #receive(name: NodeJS.Signals): void {
    this.#received++
    if (this.#received === 1) this.name = name
    else this.#hurry.abort()
    this.#over.abort(new Stop(128 + constants.signals[name]))
  }
}
