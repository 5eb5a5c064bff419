/**
 * The words after `kq trace`, read into a `TraceRequest`:
 *
 *     kq trace [OPTION...] [--] COMMAND [WORD...]
 *     kq trace [OPTION...] -p PID
 */
import { duration } from '../duration.js'
import { UsageError } from '../errors.js'
import { flag, HELP, type Helpful, type Option, readWords } from '../options.js'

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
  /** What the tree is to show: see `Selection`. */
  failed: boolean
  slower: number
  readonly only: string[]
}

export const OPTIONS: readonly Option<TraceRequest>[] = [
  {
    option: 'svg',
    value: 'FILE',
    help: 'draw a picture: a bar for each process',
    apply(request, value) {
      request.svg = fileName('--svg', value)
    },
  },
  {
    option: 'chrome',
    value: 'FILE',
    help: 'write it for Perfetto and chrome://tracing',
    apply(request, value) {
      request.chrome = fileName('--chrome', value)
    },
  },
  {
    option: 'otlp',
    value: 'URL',
    help: 'send each process as a span to a collector of OpenTelemetry, by default that of OTEL_EXPORTER_OTLP_ENDPOINT',
    apply(request, value) {
      request.otlp = value
    },
  },
  flag('json', 'print one JSON object a line, as it happens, and one for the summary'),
  {
    option: 'output',
    short: 'o',
    value: 'FILE',
    help: 'write to a file instead of standard error',
    apply(request, value) {
      request.output = fileName('--output', value)
    },
  },
  {
    option: 'pid',
    short: 'p',
    value: 'PID',
    help: 'trace a process that runs already, and those below it, instead of a command',
    apply(request, value) {
      request.pid = Number(value)
      if (/^\d+$/.test(value) && request.pid >= 1 && request.pid <= 0x7fffffff) return
      throw new UsageError(`--pid '${value}' is not the number of a process; write --pid 1234`)
    },
  },
  flag('failed', 'show only those that failed'),
  {
    option: 'slower',
    value: 'TIME',
    help: 'show only those that took as long, as 100ms',
    apply(request, value) {
      request.slower = duration('--slower', value) / 1e6
    },
  },
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
