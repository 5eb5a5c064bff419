/** The commands of kq, in the order of its help. Each is loaded when it is meant. */
import type { Command, Commands } from './command.js'
import { UsageError } from './errors.js'

const LOAD: Record<string, () => Promise<Command>> = {
  watch: async () => (await import('./watch.js')).watch,
  wait: async () => (await import('./wait.js')).wait,
  run: async () => (await import('./run.js')).run,
  trace: async () => (await import('./trace.js')).trace,
  completion: async () => (await import('./completion.js')).completion,
  help: async () => (await import('./help.js')).help,
}

export const commands: Commands = {
  all: () => Promise.all(Object.values(LOAD).map((load) => load())),
  async of(name) {
    const load = Object.hasOwn(LOAD, name) ? LOAD[name] : undefined
    if (load === undefined) throw new UsageError(unknown(name))
    return load()
  },
}

function unknown(name: string): string {
  const names = Object.keys(LOAD)
    .map((row) => `kq ${row}`)
    .join(', ')
    .replace(/, ([^,]+)$/, ' or $1')
  return name.startsWith('-')
    ? `there is no option ${name}; a command comes first: ${names}`
    : `there is no command '${name}'; write ${names}, or kq --help`
}
