/**
 * The words after `kq watch` and its kin, read into a `Request`. Conditions may
 * repeat and keep their order; an option is given once.
 */
import { parseArgs } from 'node:util'
import { CONDITIONS } from './conditions.js'
import { duration } from './duration.js'
import { UsageError } from './errors.js'
import type { Asked } from './sources.js'

/** What was asked for. */
export interface Request {
  readonly conditions: Asked[]
  help: boolean
  json: boolean
  /** `kq wait`: until each condition has fired. */
  all: boolean
  /** `kq watch`: events to print at most. */
  count: number
  /** ms, undefined for ever. */
  timeout: number | undefined
}

/** An option that is no condition. */
export interface Option<Asked = Request> {
  readonly option: string
  /** Its letter: 'h' for -h. */
  readonly short?: string
  /** What its value is called in help, '' for an option without a value. */
  readonly value: string
  readonly help: string
  /** @throws UsageError */
  apply(request: Asked, value: string): void
}

export const ALL: Option = {
  option: 'all',
  value: '',
  help: 'wait until each condition has been met, not only the first',
  apply(request) {
    request.all = true
  },
}

export const COUNT: Option = {
  option: 'count',
  value: 'N',
  help: 'stop after N events',
  apply(request, value) {
    request.count = Number(value)
    if (!/^\d+$/.test(value) || request.count === 0 || !Number.isSafeInteger(request.count)) {
      throw new UsageError(`--count '${value}' is not a whole number from 1; write --count 10`)
    }
  },
}

export const TIMEOUT: Option = {
  option: 'timeout',
  value: 'TIME',
  help: 'stop after this time',
  apply(request, value) {
    request.timeout = duration('--timeout', value) / 1e6
  },
}

export const JSON_LINES: Option = {
  option: 'json',
  value: '',
  help: 'print one JSON object a line',
  apply(request) {
    request.json = true
  },
}

export const HELP: Option = {
  option: 'help',
  short: 'h',
  value: '',
  help: 'print this help',
  apply(request) {
    request.help = true
  },
}

/**
 * Reads the words after a command.
 * @param command its name
 * @param options those that it has
 * @throws UsageError
 */
export function parseOptions(
  command: string,
  options: readonly Option[],
  args: readonly string[],
): Request {
  const request: Request = {
    conditions: [],
    help: false,
    json: false,
    all: false,
    count: Number.POSITIVE_INFINITY,
    timeout: undefined,
  }
  const known = new Map(options.map((row) => [row.option, row]))
  const conditions = new Map(CONDITIONS.map((row) => [row.option, row]))
  const given = new Set<Option>()
  const tokens = tokensOf([...options, ...CONDITIONS], args)
  for (let token = tokens.shift(); token !== undefined; token = tokens.shift()) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      throw new UsageError(
        `'${token.value}' belongs to no option; a condition is written like --read ${token.value || 'PATH'}`,
      )
    }
    const condition = conditions.get(token.name)
    const option = known.get(token.name)
    const row = condition ?? option
    if (row === undefined) {
      throw new UsageError(
        `${command} has no option ${token.rawName}; kq ${command} --help lists those there are`,
      )
    }
    const value = isOptional(row)
      ? optionalValue(row, token.value ?? followingWord(token, tokens))
      : givenValue(row, token)
    if (condition !== undefined) {
      const name = value === '' ? token.rawName : `${token.rawName} ${value}`
      request.conditions.push({ condition, name, open: condition.parse(value) })
    } else if (option !== undefined) {
      if (given.has(option) && option.value !== '') {
        throw new UsageError(`--${option.option} is given twice; write it once`)
      }
      given.add(option)
      option.apply(request, value)
    }
    if (request.help) return request
  }
  if (request.conditions.length === 0) {
    throw new UsageError(
      `${command} needs a condition; write for example: kq ${command} --timer 1s`,
    )
  }
  return request
}

interface Row {
  readonly option: string
  readonly short?: string
  readonly value: string
}

/** The words as options and others, by the parser of Node.js. */
export function tokensOf(rows: readonly Row[], args: readonly string[]) {
  return parseArgs({
    args: [...args],
    // What is wrong is said here, in our words.
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      rows.map(({ option, short, value }) => [
        option,
        {
          // The value of an optional one is found among the words that belong to none.
          type: value === '' || isOptional({ value }) ? ('boolean' as const) : ('string' as const),
          ...(short !== undefined && { short }),
        },
      ]),
    ),
  }).tokens
}

/** Whether the value may be left out. */
function isOptional({ value }: Pick<Row, 'value'>): boolean {
  return value.startsWith('[')
}

type Token = ReturnType<typeof tokensOf>[number]

/** The word after an option, which no option has taken: takes it out. */
function followingWord(option: Token, rest: Token[]): string | undefined {
  const [next] = rest
  if (next?.kind !== 'positional' || next.index !== option.index + 1) return undefined
  rest.shift()
  return next.value
}

/** A value that may be left out; one that is given must not be empty. */
function optionalValue({ option, value: name }: Row, value: string | undefined): string {
  if (value === '') {
    const word = name.slice(1, -1)
    throw new UsageError(`--${option} '' names nothing; write --${option} ${word}, or --${option}`)
  }
  return value ?? ''
}

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value: string | undefined
  readonly inlineValue: boolean | undefined
}

/** An option of a command that reads its words itself; it may be one to be given again and again. */
export type OwnOption<Asked> = Option<Asked> & { readonly repeats?: boolean }

/** Answers what applies one option after the other to a request, and throws UsageError. */
export function applying<Asked>(
  command: string,
  options: readonly OwnOption<Asked>[],
  request: Asked,
): (token: OptionToken) => void {
  const given = new Set<OwnOption<Asked>>()
  return (token) => {
    const row = options.find(({ option }) => option === token.name)
    if (row === undefined) {
      throw new UsageError(
        `${command} has no option ${token.rawName}; kq ${command} --help lists those there are`,
      )
    }
    const value = givenValue(row, token)
    if (given.has(row) && row.value !== '' && !row.repeats) {
      throw new UsageError(`--${row.option} is given twice; write it once`)
    }
    given.add(row)
    row.apply(request, value)
  }
}

/**
 * The value of an option, '' when it takes none.
 * @throws UsageError
 */
function givenValue(row: Row, { value, inlineValue }: OptionToken): string {
  const name = `--${row.option}`
  if (row.value === '') {
    if (value !== undefined) throw new UsageError(`${name} takes no value; write ${name} alone`)
    return ''
  }
  // What looks like the next option is taken for it; a number below 0 is judged by its reader.
  const next = inlineValue === false && value !== undefined && /^-[^\d]/.test(value)
  if (value === undefined || next) {
    const stray = next ? ` (${name}=${value} if that is meant)` : ''
    throw new UsageError(`${name} needs a value; write ${name} ${row.value}${stray}`)
  }
  return value
}
