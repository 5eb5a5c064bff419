/**
 * The words after `kq trace`, read into a `TraceRequest`:
 *
 *     kq trace [OPTION...] [--] COMMAND [WORD...]
 */
import { UsageError } from '../errors.js'
import { applying, type OwnOption, tokensOf } from '../options.js'

/** What was asked for. */
export interface TraceRequest {
  help: boolean
  command: readonly string[]
  /** Where the picture goes. */
  svg: string | undefined
  /** Where the tree goes, undefined for standard error. */
  output: string | undefined
  json: boolean
  /** Fold nothing. */
  all: boolean
  /** Until the last process has ended. */
  wait: boolean
  /** Nothing before the end. */
  quiet: boolean
}

export const OPTIONS: readonly OwnOption<TraceRequest>[] = [
  {
    option: 'svg',
    value: 'FILE',
    help: 'draw a picture: a bar for each process',
    apply(request, value) {
      request.svg = fileName('--svg', value)
    },
  },
  {
    option: 'json',
    value: '',
    help: 'print one JSON object a line, as it happens, and one for the summary',
    apply(request) {
      request.json = true
    },
  },
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
    option: 'all',
    value: '',
    help: 'show each process, also where many are alike',
    apply(request) {
      request.all = true
    },
  },
  {
    option: 'wait',
    value: '',
    help: 'go on until the last process has ended, not only the command',
    apply(request) {
      request.wait = true
    },
  },
  {
    option: 'quiet',
    short: 'q',
    value: '',
    help: 'print nothing before the command has ended',
    apply(request) {
      request.quiet = true
    },
  },
  {
    option: 'help',
    short: 'h',
    value: '',
    help: 'print this help',
    apply(request) {
      request.help = true
    },
  },
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
    svg: undefined,
    output: undefined,
    json: false,
    all: false,
    wait: false,
    quiet: false,
  }
  const apply = applying('trace', OPTIONS, request)
  for (const token of tokensOf(OPTIONS, words)) {
    if (token.kind !== 'option') {
      // What comes from here on is the command's own.
      request.command = words.slice(token.index + (token.kind === 'positional' ? 0 : 1))
      break
    }
    apply(token)
    if (request.help) return request
  }
  if ((request.command[0] ?? '') === '') {
    throw new UsageError('trace needs a command; write for example: kq trace -- make -j4')
  }
  return request
}
