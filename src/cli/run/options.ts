/**
 * The words after `kq run`, read into a `RunRequest`:
 *
 *     kq run [OPTION...] PATH... -- COMMAND [WORD...]
 */
import { constants } from 'node:os'
import { milliseconds } from '../duration.js'
import { UsageError } from '../errors.js'
import { flag, HELP, type Helpful, type Option, readWords, setting } from '../options.js'
import { signalNumber } from '../signals.js'

/** What was asked for. */
export interface RunRequest extends Helpful {
  /** As they were written. */
  readonly paths: string[]
  /** Whether there are more on standard input, and what is behind each of them. */
  input: '\n' | '\0' | undefined
  /** The command is a line for a shell. */
  shell: boolean
  command: readonly string[]
  /** Do not wait for the command to end, but end it. */
  restart: boolean
  /** Wait for the first change. */
  postpone: boolean
  /** End with the first run. */
  once: boolean
  /** Forget what changes while the command runs. */
  noQueue: boolean
  /** How often --clear was given: the screen, and what has been scrolled out of it. */
  clear: number
  /** ms of quiet after a change. */
  delay: number
  /** Its number. */
  signal: number
  /** ms from `signal` to SIGKILL. */
  stopTimeout: number
  /** Without the dot; none for all. */
  readonly extensions: string[]
  /** Patterns: of names; of paths where there is a slash in them. */
  readonly ignored: string[]
  /** Whether to ignore what is always ignored. */
  defaults: boolean
  /** Whether to ignore what git does. */
  gitignore: boolean
  json: boolean
  verbose: boolean
}

/** The longest time that a timer of Node.js takes, ms: 24 days. */
const LONGEST = 0x7fffffff

function wholeMs(option: string, text: string): number {
  const ms = Math.ceil(milliseconds(option, text))
  if (ms > LONGEST) throw new UsageError(`${option} ${text} is longer than 24 days`)
  return ms
}

function signalOf(option: string, text: string): number {
  const number = signalNumber(text)
  if (number === undefined) {
    throw new UsageError(`${option} '${text}' is not a signal; write for example ${option} INT`)
  }
  return number
}

export const OPTIONS: readonly Option<RunRequest>[] = [
  flag('restart', 'on a change, end the command and start it again: for servers', { short: 'r' }),
  flag('postpone', 'wait for the first change before the first run', { short: 'p' }),
  flag('once', 'end after the first run, with its exit status', { short: 'z' }),
  {
    option: 'clear',
    short: 'c',
    value: '',
    help: 'clear the terminal before each run; -cc also what has scrolled away',
    apply(request) {
      request.clear++
    },
  },
  flag('shell', 'the words after -- are a line for sh: pipes and the like', { short: 's' }),
  {
    option: 'null',
    short: '0',
    value: '',
    help: 'paths from standard input, too, each with a NUL behind it; lines with the path -',
    apply(request) {
      request.input = '\0'
    },
  },
  {
    option: 'exts',
    short: 'e',
    value: 'EXT,...',
    help: 'only files with these extensions, of those found in directories',
    repeats: true,
    apply(request, value) {
      const extensions = value.split(',').map((each) => each.trim().replace(/^\./, ''))
      if (extensions.includes('')) {
        throw new UsageError(`--exts '${value}' lacks an extension; write --exts js,ts`)
      }
      request.extensions.push(...extensions)
    },
  },
  {
    option: 'ignore',
    short: 'i',
    value: 'GLOB',
    help: "nothing of this name; with a slash in it, at this path: 'src/**/*.log'",
    repeats: true,
    apply(request, value) {
      if (value === '') {
        throw new UsageError("--ignore '' names nothing; write --ignore '*.log'")
      }
      request.ignored.push(value)
    },
  },
  {
    option: 'no-ignore',
    value: '',
    help: 'also .git, node_modules, backups and swap files of editors, and what git ignores',
    apply(request) {
      request.defaults = false
      request.gitignore = false
    },
  },
  {
    option: 'no-gitignore',
    value: '',
    help: 'also what .gitignore and the like say that git ignores',
    apply(request) {
      request.gitignore = false
    },
  },
  flag('noQueue', 'forget what changes while the command runs; without, it is run once more', {
    option: 'no-queue',
  }),
  setting('delay', 'TIME', 'run when nothing has changed for so long, 50ms without', wholeMs),
  setting('signal', 'SIGNAL', 'what ends the command with --restart, TERM without', signalOf),
  setting(
    'stopTimeout',
    'TIME',
    'kill a command that has not ended after this time, 10s without',
    wholeMs,
    { option: 'stop-timeout' },
  ),
  flag('json', 'print one JSON object a line; what the command prints goes to standard error'),
  flag('verbose', 'say on standard error what has changed and how each run has ended'),
  HELP,
]

/** @throws UsageError */
export function parseRun(words: readonly string[]): RunRequest {
  const request: RunRequest = {
    help: false,
    paths: [],
    input: undefined,
    command: [],
    shell: false,
    restart: false,
    postpone: false,
    once: false,
    noQueue: false,
    clear: 0,
    delay: 50,
    signal: constants.signals.SIGTERM,
    stopTimeout: 10_000,
    extensions: [],
    ignored: [],
    defaults: true,
    gitignore: true,
    json: false,
    verbose: false,
  }
  readWords('run', OPTIONS, words, request, (word, at) => {
    if (word === undefined) request.command = words.slice(at + 1)
    else if (word === '-') request.input ??= '\n'
    else request.paths.push(word)
    return word === undefined
  })
  if (!request.help) assertWhole(request)
  return request
}

const FOR_EXAMPLE = 'write for example: kq run src -- make'

function assertWhole({ paths, input, command, restart, noQueue }: RunRequest): void {
  const [name] = command
  if (name === undefined) {
    throw new UsageError(`run needs a command after --; ${FOR_EXAMPLE}`)
  }
  if (name === '') throw new UsageError(`the command '' is no command; ${FOR_EXAMPLE}`)
  if (paths.length === 0 && input === undefined)
    throw new UsageError(`run needs a path before --; ${FOR_EXAMPLE}`)
  if (paths.includes('')) throw new UsageError(`the path '' names nothing; ${FOR_EXAMPLE}`)
  if (restart && noQueue) {
    throw new UsageError('--restart and --no-queue contradict each other; write one of them')
  }
}
