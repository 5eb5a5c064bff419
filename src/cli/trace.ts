/**
 * `kq trace`: runs a command and follows all of its descendants: a tree, a summary and a
 * picture. `trace/` has the parts.
 */
import { processTree } from '../index.js'
import type { Command } from './command.js'
import { inheritedDescriptors } from './descriptor.js'
import { complain, errnoName, errnoText, Refusal, SourceError } from './errors.js'
import { refusalOf } from './executing.js'
import { Stop, stopAs } from './stop.js'
import { attachedGate, programOf } from './trace/attached.js'
import { Destination } from './trace/destination.js'
import { type Gate, openGate } from './trace/gate.js'
import { History, type Traced } from './trace/history.js'
import { attachedLine, eventLine, summaryLine } from './trace/json.js'
import { type Live, LiveLines, LiveTree, SILENT } from './trace/live.js'
import { OPTIONS, parseTrace, type TraceRequest } from './trace/options.js'
import type { Exporter } from './trace/otlp/exporter.js'
import { Sampler } from './trace/sampler.js'
import { isSelected, selectedOf } from './trace/selection.js'
import { attendSignals, passOn } from './trace/signals.js'
import { summaryLines } from './trace/summary.js'
import { treeLines } from './trace/table.js'
import { Writer } from './trace/writer.js'
import { version } from './version.js'

/** How long the descendants of a command that has ended may take to end as well, ms. */
const GRACE = 100

export const trace: Command<TraceRequest> = {
  name: 'trace',
  synopsis: '[OPTION...] [--] COMMAND [WORD...] | -p PID',
  summary: 'run a command and show all processes that it makes',
  about: [
    'Runs a command and follows it and all of its descendants. At the end, or on a terminal as it happens, it says on standard error which processes there were, how they ended and how long they took. kq ends as the command ends.',
    'A program in parentheses, as in (sh), is a copy of its parent that has executed nothing; sh → ? is one that has executed something which was gone before its name could be read.',
  ],
  options: OPTIONS,
  examples: [
    { text: 'What a build does, with a picture:', line: 'kq trace --svg build.svg -- make -j4' },
    {
      text: 'The programs that npm starts, for a program:',
      line: 'kq trace --json --output npm.json -- npm install',
    },
    {
      text: 'What does this server start, and what of that fails? Until Ctrl-C:',
      line: 'kq trace --failed -p "$(pidof server)"',
    },
    {
      text: 'What makes this script slow?',
      line: 'kq trace ./script.sh > /dev/null',
    },
  ],

  status: [
    ['', 'that of the command; killed by a signal, kq dies of the same one'],
    ['0', 'with -p: all have ended; 130, 143: interrupted, terminated'],
    ['1', 'the command cannot be watched, and was not run; or the picture cannot be written'],
    ['2', 'bad usage'],
    ['126, 127', 'the command cannot be executed, or is not found'],
  ],

  read: parseTrace,
  async run(request, world) {
    // A signal that came while the program was loading.
    await new Promise(setImmediate)
    world.signal.throwIfAborted()
    const inherited = inheritedDescriptors()
    const drawings = drawingsOf(request)
    const exporter = await exporterOf(request)
    const writer = new Writer(request.output)
    const { pid, command } = request
    const gate =
      pid === undefined
        ? await openGate(command, inherited, exporter?.traceparent)
        : attachedGate(pid)
    return new Trace(request, { writer, drawings, exporter }, gate).run()
  },
}

/** A file of the whole trace, and what makes it. */
interface Drawing {
  readonly destination: Destination
  readonly draw: (history: History) => Promise<string>
}

/** The files that are asked for. @throws SourceError */
function drawingsOf({ svg, chrome }: TraceRequest): Drawing[] {
  const drawings: Drawing[] = []
  if (svg !== undefined) {
    drawings.push({
      destination: new Destination('--svg', svg),
      draw: async (history) => (await import('./trace/svg/picture.js')).picture(history),
    })
  }
  if (chrome !== undefined) {
    drawings.push({
      destination: new Destination('--chrome', chrome),
      draw: async (history) => (await import('./trace/chrome.js')).chromeTrace(history),
    })
  }
  return drawings
}

/** Who takes spans, where --otlp or the environment asks for them. @throws UsageError */
async function exporterOf({ otlp }: TraceRequest): Promise<Exporter | undefined> {
  const { env } = process
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces } = env
  if (otlp === undefined && !all && !traces) return undefined
  const { openExporter } = await import('./trace/otlp/exporter.js')
  return openExporter(otlp, env, version())
}

/** Where a trace goes. */
interface Outputs {
  readonly writer: Writer
  readonly drawings: readonly Drawing[]
  readonly exporter: Exporter | undefined
}

class Trace {
  readonly #request: TraceRequest
  readonly #writer: Writer
  readonly #drawings: readonly Drawing[]
  readonly #exporter: Exporter | undefined
  readonly #gate: Gate
  readonly #history: History
  readonly #live: Live
  readonly #sampler: Sampler
  /** Aborts when nothing else is to be followed. */
  readonly #end = new AbortController()
  /** Aborts when the picture is not to be waited for. */
  readonly #hurry = new AbortController()
  #begun = false
  /** The signal that ended the tracing of a process that was there before. */
  #stopped: NodeJS.Signals | undefined
  #grace: NodeJS.Timeout | undefined

  constructor(request: TraceRequest, { writer, drawings, exporter }: Outputs, gate: Gate) {
    this.#request = request
    this.#writer = writer
    this.#drawings = drawings
    this.#exporter = exporter
    this.#gate = gate
    this.#history = new History(gate.pid, request.command, performance.now())
    if (this.#isAttached) this.#find(this.#history.root)
    this.#live = this.#chooseLive()
    this.#sampler = new Sampler(this.#history)
  }

  #chooseLive(): Live {
    const { json, quiet } = this.#request
    if (json || quiet || !this.#writer.isTerminal) return SILENT
    const { isAlone, isDumb } = this.#writer
    if (isAlone && !isDumb) return new LiveTree(this.#writer, this.#history)
    return new LiveLines(this.#writer, this.#history, (traced) =>
      isSelected(traced, this.#request, performance.now()),
    )
  }

  get #isAttached(): boolean {
    return this.#request.pid !== undefined
  }

  /** Looks what a process runs that was there before. */
  #find(traced: Traced): void {
    const { name, words } = programOf(traced.pid)
    this.#history.found(traced, name, words)
  }

  async run(): Promise<number | Stop> {
    const { root } = this.#history
    attendSignals((name) => {
      if (this.#isAttached) this.#stopped ??= name
      if (root.status === undefined && !this.#isAttached) passOn(name, root.pid)
      else if (!this.#end.signal.aborted) this.#end.abort()
      else this.#hurry.abort(new Refusal('EINTR', `${name} came before all was written`))
    })
    const followed = this.#follow()
    followed.catch(() => {
      // It is awaited below.
    })
    const errno = await this.#begin(followed)
    await followed
    clearTimeout(this.#grace)
    this.#end.abort()
    this.#live.close()
    this.#sampler.close()
    if (errno !== 0) return this.#notExecuted(errno)
    this.#write()
    const drawn = await this.#draw()
    const saved = this.#writer.close() && drawn
    await this.#export()
    if (this.#isAttached) return this.#stopped ? Stop.by(this.#stopped) : saved ? 0 : 1
    // What the command says of itself counts for more.
    const stop = stopAs(root.status ?? 0)
    return stop.code === 0 && !saved ? 1 : stop
  }

  /** Lets the command begin as soon as it is watched: its errno if it cannot be executed. */
  async #begin(followed: Promise<void>): Promise<number> {
    // What cannot be watched is refused by then.
    await Promise.race([followed, new Promise(setImmediate)])
    this.#begun = true
    return this.#gate.go()
  }

  async #follow(): Promise<void> {
    const { signal } = this.#end
    const history = this.#history
    const descendants = this.#isAttached
    const isTold = this.#request.json && !this.#request.summary
    if (isTold && descendants) this.#writer.write(attachedLine(history.root))
    try {
      for await (const event of processTree(this.#gate.pid, { signal, descendants })) {
        const traced = history.take(event)
        if (event.type === 'fork' && event.existing && traced) this.#find(traced)
        if (isTold) this.#writer.write(eventLine(event, traced))
        if (event.type !== 'exit' || traced === undefined) continue
        this.#sampler.ended(traced)
        this.#exporter?.ended(traced)
        // That of the command is the first line of the tree.
        if (traced === history.root) this.#release()
        else this.#live.ended(traced)
      }
    } catch (error) {
      if (signal.aborted) return
      this.#gate.shut()
      this.#live.close()
      if (this.#begun) throw error
      if (this.#isAttached) throw new SourceError(`--pid ${this.#gate.pid}`, error)
      throw new SourceError(`${this.#request.command[0]} was not run`, error)
    }
  }

  /** The command has ended: so does kq, when the rest had a moment to end as well. */
  #release(): void {
    if (this.#request.wait || this.#isAttached) return
    this.#grace = setTimeout(() => this.#end.abort(), GRACE)
  }

  #notExecuted(errno: number): number {
    const [word = ''] = this.#request.command
    const { code, reason } = refusalOf(word, new Refusal(errnoName(errno), errnoText(errno)))
    complain(reason)
    return code
  }

  /** Tree and summary. */
  #write(): void {
    const history = this.#history
    const writer = this.#writer
    if (this.#request.json) {
      writer.write(summaryLine(history))
      return
    }
    const { columns, paint } = writer
    const { all, summary: isShort } = this.#request
    const shown = selectedOf(history, this.#request)
    const tree = isShort ? [] : treeLines(history, { columns, all, paint, shown })
    const summary = summaryLines(history, columns)
    writer.write([...tree, ...summary].map((line) => `${line}\n`).join(''))
  }

  /** The picture and other files: whether those that are asked for were written. */
  async #draw(): Promise<boolean> {
    let drawn = true
    for (const { destination, draw } of this.#drawings) {
      try {
        await destination.write(await draw(this.#history), this.#hurry.signal)
      } catch (error) {
        if (!(error instanceof SourceError)) throw error
        complain(error.message)
        drawn = false
      }
    }
    return drawn
  }

  /** Spans that are not sent yet. A collector that is down is no failure of the command. */
  async #export(): Promise<void> {
    const failure = await this.#exporter?.finish(this.#history, this.#hurry.signal)
    if (failure !== undefined) complain(failure)
  }
}
