/**
 * What `kq run` says: lines for people on standard error, or JSON on standard output.
 *
 * Written at once and not through `process.stderr`: for that, Node.js would make a pipe
 * nonblocking that the command shares.
 */
import { tty } from '../../late.js'
import { DIM, painter, RED } from '../colours.js'
import type { Output } from '../output.js'
import { jsonLine, visible } from '../visible.js'
import { plural } from '../words.js'
import { STDERR, tell } from '../writing.js'
import type { Ending, Job } from './job.js'
import type { RunRequest } from './options.js'

const STDOUT = 1

const CLEAR = '\x1b[H\x1b[2J'
const CLEAR_SCROLLED = '\x1b[3J'

export interface Report {
  watching(size: { files: number; directories: number }): Promise<void>
  /** Before a run begins. */
  beginning(): void
  /** @param run its number, from 1 */
  started(run: number, job: Job, paths: readonly string[]): Promise<void>
  ended(run: number, job: Job, ending: Ending): Promise<void>
}

export function reportFor(request: RunRequest, output: Output): Report {
  return request.json ? new JsonReport(output) : new HumanReport(request)
}

class JsonReport implements Report {
  constructor(readonly output: Output) {}

  watching(size: { files: number; directories: number }): Promise<void> {
    return this.#write({ event: 'watching', ...size })
  }

  beginning(): void {}

  started(run: number, { pid }: Job, paths: readonly string[]): Promise<void> {
    return this.#write({ event: 'started', run, pid: pid ?? null, paths })
  }

  ended(run: number, { stopped }: Job, ending: Ending): Promise<void> {
    const { code, signal, duration, reason } = ending
    const how = { code, signal, duration: Math.round(duration), stopped }
    return this.#write({ event: 'ended', run, ...how, ...(reason !== undefined && { reason }) })
  }

  #write(fields: object): Promise<void> {
    return this.output.write(jsonLine({ time: Date.now(), ...fields }))
  }
}

class HumanReport implements Report {
  readonly #verbose: boolean
  readonly #clear: string
  readonly #paint = painter(tty().isatty(STDERR))

  constructor({ verbose, clear }: RunRequest) {
    this.#verbose = verbose
    this.#clear =
      clear === 0 || !tty().isatty(STDOUT) ? '' : CLEAR + (clear > 1 ? CLEAR_SCROLLED : '')
  }

  async watching({ files, directories }: { files: number; directories: number }): Promise<void> {
    if (this.#verbose) {
      this.#say(
        DIM,
        `watching ${plural(files, 'file')} and ${plural(directories, 'directory', 'directories')}`,
      )
    }
  }

  beginning(): void {
    if (this.#clear !== '') tell(STDOUT, this.#clear)
  }

  async started(run: number, _job: Job, [first, ...others]: readonly string[]): Promise<void> {
    if (!this.#verbose) return
    const more = others.length > 0 ? ` and ${others.length} more` : ''
    this.#say(DIM, `run ${run}${first === undefined ? '' : `: ${first}${more}`}`)
  }

  async ended(_run: number, { stopped }: Job, ending: Ending): Promise<void> {
    const { code, signal, duration, reason } = ending
    const after = `after ${(duration / 1000).toFixed(2)} s`
    if (reason !== undefined) this.#say(RED, reason)
    else if (stopped || code === 0) {
      if (this.#verbose) this.#say(DIM, `${stopped ? 'stopped' : 'exit 0'} ${after}`)
    } else this.#say(RED, `${signal === null ? `exit ${code}` : `killed by ${signal}`} ${after}`)
  }

  #say(colour: number, text: string): void {
    tell(STDERR, `${this.#paint(colour, `kq: ${visible(text)}`)}\n`)
  }
}
