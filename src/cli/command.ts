/**
 * A command of kq: how it is written, what help says of it, and what it does. `main.ts`
 * lists them.
 */
import { bytesOf, isOdd } from './bytes.js'
import type { Manner } from './condition.js'
import { formatPrinter } from './format.js'
import type { Interruption } from './interruption.js'
import type { Helpful, Option, Request } from './options.js'
import type { Output } from './output.js'
import { humanPrinter, jsonPrinter } from './print.js'
import type { Happening } from './sources.js'
import type { Stop } from './stop.js'

export interface Command<Wanted extends Helpful = Helpful> {
  readonly name: string
  /** What is written after its name. */
  readonly synopsis: string
  /** A line for the list of commands. */
  readonly summary: string
  /** Paragraphs for its own help. */
  readonly about: readonly string[]
  readonly options: readonly Option<Wanted>[]
  readonly examples: readonly Example[]
  /** Its exit statuses; without, it takes conditions, and they are those of all that do. */
  readonly status?: readonly Entry[]
  /** What its words ask for. @throws UsageError */
  read(words: readonly string[]): Wanted
  /**
   * Answers the exit status, or how kq is to end instead.
   * @throws SourceError; the reason of `signal`, a `Stop` for one
   */
  run(request: Wanted, world: World): Promise<number | Stop>
}

/** A line of help: what is written, and what it means. */
export type Entry = readonly [string, string]

export interface Example {
  readonly text: string
  readonly line: string
}

/** All commands that there are; each is loaded when it is meant. */
export interface Commands {
  all(): Promise<readonly Command[]>
  /** The one of this name. @throws (rejects with) UsageError there is none */
  of(name: string): Promise<Command>
}

/** What a command has to do with. */
export interface World {
  readonly commands: Commands
  readonly output: Output
  /** Aborts when the command is to end. */
  readonly signal: AbortSignal
  /** The signals that make it. */
  readonly interruption: Interruption
}

/** The exit status when the time was over. */
export const TIMED_OUT = 124

/** How long is left of a timeout of `ms`, undefined for ever: asked again and again. */
export function countdown(ms: number | undefined): () => number | undefined {
  if (ms === undefined) return () => undefined
  const end = performance.now() + ms
  return () => Math.max(0, end - performance.now())
}

export function mannerOf({ recursive, format }: Request): Manner {
  return { recursive, entries: format !== undefined }
}

/** Prints events as a request wants them. */
export function printing(request: Request, output: Output) {
  const line = printerOf(request, output)
  return async (happened: readonly Happening[]): Promise<void> => {
    const time = Date.now()
    const text = happened.map((happening) => line(happening, time)).join('')
    await output.write(isOdd(text) ? Buffer.from(bytesOf(text), 'latin1') : text)
  }
}

function printerOf(request: Request, output: Output) {
  const { json, format, timefmt, noNewline, conditions } = request
  if (format !== undefined) return formatPrinter(format + (noNewline ? '' : '%n'), timefmt)
  return json ? jsonPrinter() : humanPrinter(conditions, output.paint)
}
