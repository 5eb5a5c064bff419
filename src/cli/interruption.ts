/**
 * The signals that end kq:
 *
 *     const interruption = new Interruption(end, ['SIGINT', 'SIGTERM'])
 *
 * The first one ends it; the next one says that this takes too long.
 */
import { constants } from 'node:os'
import { Stop } from './stop.js'

/**
 * Signals that do not end kq, because somebody sees to them: a condition that waits for
 * them, or `kq trace`, whose command has them first.
 */
export const attendedSignals = new Set<number>()

/** What keys of a terminal send. */
export const KEYS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']

export class Interruption {
  readonly #end: AbortController
  readonly #insisted = new AbortController()
  readonly #hurry = new AbortController()
  /** Aborts when one comes that is no key after one that is. */
  readonly insisted: AbortSignal = this.#insisted.signal
  /** Aborts when what the first one began is not soon enough. */
  readonly hurry: AbortSignal = this.#hurry.signal
  #name: NodeJS.Signals | undefined

  /** @param end is aborted by the first signal, and by whatever else ends kq */
  constructor(end: AbortController, names: readonly NodeJS.Signals[]) {
    this.#end = end
    this.heed(names)
  }

  /** Takes these for the end of kq as well. */
  heed(names: readonly NodeJS.Signals[]): void {
    for (const name of names) {
      process.on(name, () => {
        if (!attendedSignals.has(constants.signals[name])) this.#receive(name)
      })
    }
  }

  /** What a command is to be told: the signal that came first, SIGTERM where none did. */
  get name(): NodeJS.Signals {
    return this.#name ?? 'SIGTERM'
  }

  /** Whether keys have sent all that came. */
  get isKey(): boolean {
    return this.#name !== undefined && KEYS.includes(this.#name)
  }

  #receive(name: NodeJS.Signals): void {
    if (this.#name === undefined) {
      this.#name = name
      this.#end.abort(Stop.by(name))
      return
    }
    // Of one terminal that is closed, both the shell and the kernel tell; it is no impatience.
    if (name !== 'SIGHUP') this.#hurry.abort()
    if (this.isKey && !KEYS.includes(name)) {
      this.#name = name
      this.#insisted.abort()
    }
  }
}
