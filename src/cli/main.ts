#!/usr/bin/env node
/**
 * The command `kq`: finds the command that is meant, runs it, and turns its end
 * into an exit status.
 */
import { KqueueError } from '../index.js'
import type { Command, World } from './command.js'
import { complain, reasonOf, SourceError, UsageError } from './errors.js'
import { commandHelp, help } from './help.js'
import { Interruption } from './interruption.js'
import { Output } from './output.js'
import { run as runAgain } from './run.js'
import { leave, Stop } from './stop.js'
import { trace } from './trace.js'
import { version } from './version.js'
import { wait } from './wait.js'
import { watch } from './watch.js'

const COMMANDS: readonly Command[] = [watch, wait, runAgain, trace]

/** Signals that end every command; what it has open is closed by then. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const BAD_USAGE = 2

async function run(args: readonly string[], end: AbortController): Promise<number | Stop> {
  const interruption = new Interruption(end, SIGNALS)
  const output = new Output(end)
  const [name, ...words] = args
  if (name === undefined || name === '--help' || name === '-h') {
    await output.write(help(COMMANDS))
    await output.flush()
    return name === undefined ? BAD_USAGE : 0
  }
  if (name === '--version') {
    await output.write(`${version()}\n`)
    await output.flush()
    return 0
  }
  const command = COMMANDS.find((row) => row.name === name)
  if (command === undefined) throw new UsageError(unknown(name))
  const world = { output, signal: end.signal, interruption }
  const code = await begin(command, words, world)
  await output.flush()
  return code
}

async function begin(
  command: Command,
  words: readonly string[],
  world: World,
): Promise<number | Stop> {
  const request = command.read(words)
  if (!request.help) return command.run(request, world)
  await world.output.write(commandHelp(command))
  return 0
}

function unknown(name: string): string {
  const names = COMMANDS.map((row) => `kq ${row.name}`)
    .join(', ')
    .replace(/, ([^,]+)$/, ' or $1')
  return name.startsWith('-')
    ? `there is no option ${name}; a command comes first: ${names}`
    : `there is no command '${name}'; write ${names}, or kq --help`
}

/** How kq ends by what was thrown, after saying what there is to say. */
function failed(error: unknown): number | Stop {
  if (error instanceof Stop) return error
  if (error instanceof UsageError || error instanceof SourceError) {
    complain(error.message)
    return error instanceof UsageError ? BAD_USAGE : 1
  }
  // Such as no kqueue on this system.
  if (!(error instanceof KqueueError)) throw error
  complain(reasonOf(error))
  return 1
}

const end = new AbortController()
const ending = await run(process.argv.slice(2), end)
  .then((ending) => {
    end.signal.throwIfAborted()
    return ending
  })
  .catch((error: unknown) => failed(end.signal.aborted ? end.signal.reason : error))
await leave(ending instanceof Stop ? ending : new Stop(ending))
