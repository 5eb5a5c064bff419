/**
 * What `kq` does: finds the command that is meant, runs it, and turns its end
 * into an exit status.
 */
import { KqueueError } from '../index.js'
import { originalWords } from './bytes.js'
import type { World } from './command.js'
import { commands } from './commands.js'
import { complain, reasonOf, SourceError, UsageError } from './errors.js'
import { Interruption } from './interruption.js'
import { Output } from './output.js'
import { leave, Stop } from './stop.js'
import { version } from './version.js'

/** Signals that end every command; what it has open is closed by then. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const BAD_USAGE = 2

async function run(args: readonly string[], end: AbortController): Promise<number | Stop> {
  const interruption = new Interruption(end, SIGNALS)
  const output = new Output(end)
  const code = await begin(args, { commands, output, signal: end.signal, interruption })
  await output.flush()
  return code
}

async function begin([name, ...words]: readonly string[], world: World): Promise<number | Stop> {
  if (name === '--version' || name === '-V') {
    await world.output.write(`${version()}\n`)
    return 0
  }
  if (name === undefined || name === '--help' || name === '-h') {
    await help(world)
    return name === undefined ? BAD_USAGE : 0
  }
  const command = await commands.of(name)
  const request = command.read(words)
  if (!request.help) return command.run(request, world)
  await help(world, name)
  return 0
}

async function help({ output }: World, name?: string): Promise<void> {
  const { helpOf } = await import('./help.js')
  await output.write(await helpOf(commands, name))
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
const ending = await run(originalWords(process.argv.slice(2)), end)
  .then((ending) => {
    end.signal.throwIfAborted()
    return ending
  })
  .catch((error: unknown) => failed(end.signal.aborted ? end.signal.reason : error))
await leave(ending instanceof Stop ? ending : new Stop(ending))
