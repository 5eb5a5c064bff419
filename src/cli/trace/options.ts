/**
 * The words after `kq trace`, read into a `TraceRequest`:
 *
 *     kq trace [OPTION...] [--] COMMAND [WORD...]
 *     kq trace [OPTION...] -p PID
 */
import { milliseconds } from '../duration.js'
import { UsageError } from '../errors.js'
import { asWritten, flag, HELP, type Helpful, type Option, readWords, setting } from '../options.js'

/** What was asked for. */
export interface TraceRequest extends Helpful {
  command: readonly string[]
  /** A process that runs already, in place of a command. */
  pid: number | undefined
  /** Where the picture goes. */
  svg: string | undefined
  /** Where the trace in the Trace Event Format goes. */
  chrome: string | undefined
  /** The collector that gets spans, undefined for that of the environment. */
  otlp: string | undefined
  /** Where the tree goes, undefined for standard error. */
  output: string | undefined
  json: boolean
  /** Fold nothing. */
  all: boolean
  /** Until the last process has ended. */
  wait: boolean
  /** Nothing before the end. */
  quiet: boolean
  /** No tree. */
  summary: boolean
  /** Show only those that failed or were killed, */
  failed: boolean
  /** those that took as long, ms; 0 for all, */
  slower: number
  /** and those with one of these names; without any, all. */
  readonly only: string[]
}

export const OPTIONS: readonly Option<TraceRequest>[] = [
  setting('svg', 'FILE', 'draw a picture: a bar for each process', fileName),
  setting('chrome', 'FILE', 'write it for Perfetto and chrome://tracing', fileName),
  setting(
    'otlp',
    'URL',
    'send each process as a span to a collector of OpenTelemetry, by default that of OTEL_EXPORTER_OTLP_ENDPOINT',
    asWritten,
  ),
  flag('json', 'print one JSON object a line, as it happens, and one for the summary'),
  setting('output', 'FILE', 'write to a file instead of standard error', fileName, { short: 'o' }),
  setting(
    'pid',
    'PID',
    'trace a process that runs already, and those below it, instead of a command',
    pidOf,
    { short: 'p' },
  ),
  flag('failed', 'show only those that failed'),
  setting('slower', 'TIME', 'show only those that took as long, as 100ms', milliseconds),
  {
    option: 'only',
    value: 'NAME',
    repeats: true,
    help: 'show only this program; again for others',
    apply({ only }, value) {
      if (value === '') throw new UsageError(`--only '' names no program; write --only cc`)
      only.push(value)
    },
  },
  flag('summary', 'print no tree, only what comes after it'),
  flag('all', 'show each process, also where many are alike'),
  flag('wait', 'go on until the last process has ended, not only the command'),
  flag('quiet', 'print nothing before the command has ended', { short: 'q' }),
  HELP,
]

function fileName(option: string, value: string): string {
  if (value === '') throw new UsageError(`${option} '' names no file; write ${option} FILE`)
  return value
}

function pidOf(option: string, value: string): number {
  const pid = Number(value)
  if (/^\d+$/.test(value) && pid >= 1 && pid <= 0x7fffffff) return pid
  throw new UsageError(`${option} '${value}' is not the number of a process; write ${option} 1234`)
}

/** @throws UsageError */
export function parseTrace(words: readonly string[]): TraceRequest {
  const request: TraceRequest = {
    help: false,
    command: [],
    pid: undefined,
    svg: undefined,
    chrome: undefined,
    otlp: undefined,
    output: undefined,
    json: false,
    all: false,
    wait: false,
    quiet: false,
    summary: false,
    failed: false,
    slower: 0,
    only: [],
  }
  readWords('trace', OPTIONS, words, request, (word, at) => {
    // What comes from here on is the command's own.
    request.command = words.slice(word === undefined ? at + 1 : at)
    return true
  })
  if (request.help) return request
  const [word = ''] = request.command
  if (request.pid !== undefined && request.command.length > 0) {
    throw new UsageError(`trace takes --pid or a command; leave out --pid, or '${word}'`)
  }
  if (request.pid === undefined && word === '') {
    throw new UsageError('trace needs a command; write for example: kq trace -- make -j4')
  }
  return request
}
