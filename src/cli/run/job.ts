/**
 * One run of the command.
 *
 *     const job = new Job(words, options)
 *     const { code, signal } = await job.ended
 *     await job.stop('SIGTERM', 10_000, hurry)
 */
import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { childProcess } from '../../late.js'
import { SourceError } from '../errors.js'
import { refusalOf } from '../executing.js'
import { allEnded, Family, signalAll } from './family.js'
import { executable } from './odd.js'

/** How a run has ended. */
export interface Ending {
  /** null when a signal has ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** ms */
  readonly duration: number
  /** Why the command could not be executed; `code` is then what a shell answers. */
  readonly reason?: string
}

export interface JobOptions {
  readonly env: NodeJS.ProcessEnv
  /** In a session of its own, without a terminal to read from. */
  readonly apart: boolean
  /** Standard input is not for the command. */
  readonly deaf: boolean
  /** Standard output is for others: what the command writes there goes to standard error. */
  readonly aside: boolean
}

export class Job {
  readonly ended: Promise<Ending>
  ending: Ending | undefined
  /** It was told to end. */
  stopped = false
  /** Its program could not be executed, because somebody writes it. */
  readonly busy: boolean = false
  readonly #child: ChildProcess | undefined
  readonly #family: Family | undefined
  readonly #began = performance.now()
  readonly #name: string
  readonly #apart: boolean

  constructor(words: readonly string[], { env, apart, deaf, aside }: JobOptions) {
    const [name = ''] = words
    this.#name = name
    const execution = executable(words, env)
    const [program = '', ...args] = execution.words
    this.#apart = apart
    let end: (how: Omit<Ending, 'duration'>) => void = () => {}
    this.ended = new Promise((resolve) => {
      end = (how) => {
        this.ending = { ...how, duration: performance.now() - this.#began }
        // Who is left of the session is to be found later.
        if (apart) this.#family?.living(true)
        resolve(this.ending)
      }
    })
    try {
      const child = childProcess().spawn(program, args, {
        env: execution.env,
        detached: apart,
        stdio: [apart || deaf ? 'ignore' : 'inherit', aside ? 2 : 'inherit', 'inherit'],
      })
      child.on('exit', (code, signal) => end({ code, signal }))
      child.on(
        'error',
        (error) => child.pid === undefined && end({ ...refusalOf(name, error), signal: null }),
      )
      this.#child = child
      if (child.pid !== undefined) this.#family = new Family(child.pid, apart)
    } catch (error) {
      this.busy = (error as NodeJS.ErrnoException).code === 'ETXTBSY'
      end({ ...refusalOf(name, error), signal: null })
    }
  }

  /** undefined when it could not be executed. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * Ends it with all that belongs to it, and waits until they have ended.
   * @param timeout ms until they are killed
   * @param hurry kills them at once
   * @throws (rejects with) SourceError when they are another user's
   */
  async stop(signal: NodeJS.Signals | number, timeout: number, hurry: AbortSignal): Promise<void> {
    const family = this.#family
    if (family === undefined || (this.ending !== undefined && !this.#apart)) return
    this.stopped = this.ending === undefined
    const patience = timeout === 0 ? AbortSignal.abort() : AbortSignal.timeout(timeout)
    let pids = family.living(this.stopped)
    while (pids.length > 0) {
      const kill = patience.aborted || hurry.aborted
      const refused = signalAll(pids, kill ? 'SIGKILL' : signal)
      if (kill && refused !== undefined) throw new SourceError(this.#name, refused)
      // One that was stopped is to hear of it.
      if (!kill) signalAll(pids, 'SIGCONT')
      await endOf(pids, kill ? [] : [patience, hurry])
      pids = family.living(true)
    }
    await this.ended
  }
}

/** Waits until all have ended, or one of the signals is aborted. */
async function endOf(pids: readonly number[], signals: readonly AbortSignal[]): Promise<void> {
  const over = new AbortController()
  const abort = (): void => over.abort()
  for (const signal of signals) signal.addEventListener('abort', abort)
  if (signals.some(({ aborted }) => aborted)) abort()
  try {
    await allEnded(pids, over.signal)
  } catch (error) {
    if (!over.signal.aborted) throw error
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', abort)
  }
}

/** The exit status that a shell gives to an ending. */
export function statusOf({ code, signal }: Ending): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal])
}
