/**
 * The words after a command of kq, read into what is asked for. Options and conditions are
 * rows of tables; what belongs to none of them is the command's affair.
 */
import { parseArgs } from 'node:util'
import type { Row } from './condition.js'
import { CONDITIONS } from './conditions.js'
import { milliseconds } from './duration.js'
import { UsageError } from './errors.js'
import { checkFormat } from './format.js'
import type { Asked } from './sources.js'

export interface Option<Wanted = Request> extends Row {
  /** It may be given again with another value. */
  readonly repeats?: boolean
  /** @throws UsageError */
  apply(request: Wanted, value: string): void
}

/**
 * An option whose value makes that of a field.
 * @param read makes the field of the option, as it is written, and its value
 */
export function setting<Field extends string, Value>(
  field: Field,
  value: string,
  help: string,
  read: (option: string, text: string) => Value,
  { option = field as string, short }: { option?: string; short?: string } = {},
): Option<Record<Field, Value | undefined>> {
  return {
    option,
    ...(short !== undefined && { short }),
    value,
    help,
    apply(request, text) {
      request[field] = read(`--${option}`, text)
    },
  }
}

/** An option without a value, which sets a field. */
export function flag<Field extends string>(
  field: Field,
  help: string,
  names?: { option?: string; short?: string },
): Option<Record<Field, boolean | undefined>> {
  return setting(field, '', help, () => true, names)
}

export function asWritten(_option: string, text: string): string {
  return text
}

export const HELP = flag('help', 'print this help', { short: 'h' })

/** What every command can be asked for. */
export interface Helpful {
  help: boolean
}

/**
 * Takes a word that belongs to no option, undefined for `--`, at its place among the words:
 * whether what follows is not for kq.
 * @throws UsageError
 */
type Stray = (word: string | undefined, at: number) => boolean

/**
 * Reads the words after a command. None is read after a wish for help.
 * @param command its name
 * @throws UsageError
 */
export function readWords<Wanted extends Helpful>(
  command: string,
  options: readonly Option<Wanted>[],
  words: readonly string[],
  request: Wanted,
  stray: Stray,
): void {
  const rows = new Map(options.map((row) => [row.option, row]))
  const given = new Set<Row>()
  const tokens = tokensOf(options, words)
  for (let token = tokens.shift(); token !== undefined && !request.help; token = tokens.shift()) {
    if (token.kind !== 'option') {
      const word = token.kind === 'positional' ? token.value : undefined
      if (stray(word, token.index)) return
      continue
    }
    const row = rows.get(token.name)
    if (row === undefined) {
      throw new UsageError(
        `${command} has no option ${token.rawName}; kq ${command} --help lists those there are`,
      )
    }
    const value = isOptional(row)
      ? optionalValue(row, token.value ?? followingWord(token, tokens))
      : givenValue(row, token)
    if (given.has(row) && row.value !== '' && !row.repeats) {
      throw new UsageError(`--${row.option} is given twice; write it once`)
    }
    given.add(row)
    row.apply(request, value)
  }
}

/** The words as options and others, by the parser of Node.js. */
function tokensOf(rows: readonly Row[], words: readonly string[]) {
  return parseArgs({
    args: [...words],
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

type Token = ReturnType<typeof tokensOf>[number]

/** Whether the value may be left out. */
function isOptional({ value }: Pick<Row, 'value'>): boolean {
  return value.startsWith('[')
}

/** The word after an option, which no option has taken: takes it out. */
function followingWord(option: Token, following: Token[]): string | undefined {
  const [next] = following
  if (next?.kind !== 'positional' || next.index !== option.index + 1) return undefined
  following.shift()
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

/** The value of an option, '' when it takes none. */
function givenValue(
  row: Row,
  { value, inlineValue }: { value: string | undefined; inlineValue: boolean | undefined },
): string {
  const name = `--${row.option}`
  if (row.value === '') {
    if (value !== undefined) throw new UsageError(`${name} takes no value; write ${name} alone`)
    return ''
  }
  // What looks like the next option is taken for it; a number below 0 is judged by its reader.
  const next = inlineValue === false && value !== undefined && /^-[^\d]/.test(value)
  if (value === undefined || next) {
    const meant = next ? ` (${name}=${value} if that is meant)` : ''
    throw new UsageError(`${name} needs a value; write ${name} ${row.value}${meant}`)
  }
  return value
}

/** What `kq watch` and `kq wait` are asked for. */
export interface Request extends Helpful {
  /** In the order in which they were written. */
  readonly conditions: Asked[]
  json: boolean
  /** Lines of `format` have no end of their own. */
  noNewline: boolean
  /** Directories with those below. */
  recursive: boolean
  /** A line for each event, as `format.ts` reads it. */
  format: string | undefined
  /** How it writes a time, as strftime(3) does. */
  timefmt: string | undefined
  /** `kq wait`: until each condition has fired. */
  all: boolean
  /** `kq wait`: print what there is to read, to its end. */
  cat: boolean
  /** `kq watch`: events to print at most. */
  count: number
  /** ms, undefined for ever. */
  timeout: number | undefined
}

export const TIMEOUT = setting('timeout', 'TIME', 'stop after this time', milliseconds)

export const RECURSIVE = flag('recursive', 'a directory of --vnode with all that is below', {
  short: 'r',
})

/** How events are printed. */
export const PRINTING: readonly Option[] = [
  flag('json', 'print one JSON object a line'),
  setting(
    'format',
    'FORMAT',
    'a line as inotifywait has it: %w watched, %f file in it, %e events, %T time',
    asWritten,
  ),
  setting(
    'timefmt',
    'FORMAT',
    'how %T is written, as date(1) and strftime(3) do: %F %T',
    asWritten,
  ),
  flag('noNewline', 'no newline after each line of --format', { option: 'no-newline' }),
]

const CONDITION_ROWS: readonly Option[] = CONDITIONS.map((condition) => ({
  ...condition,
  repeats: true,
  apply({ conditions }, value) {
    const name = `--${condition.option}${value && ` ${value}`}`
    conditions.push({ condition, name, open: condition.parse(value) })
  },
}))

/**
 * Reads conditions, and the options that a command has besides.
 * @throws UsageError
 */
export function parseOptions(
  command: string,
  options: readonly Option[],
  words: readonly string[],
): Request {
  const request: Request = {
    conditions: [],
    help: false,
    json: false,
    noNewline: false,
    recursive: false,
    format: undefined,
    timefmt: undefined,
    all: false,
    cat: false,
    count: Number.POSITIVE_INFINITY,
    timeout: undefined,
  }
  readWords(command, [...CONDITION_ROWS, ...options], words, request, (word) => {
    if (word === undefined) return false
    const example = `--read ${word || 'PATH'}`
    throw new UsageError(`'${word}' belongs to no option; a condition is written like ${example}`)
  })
  if (request.help) return request
  if (request.conditions.length > 0) return consistent(request)
  throw new UsageError(`${command} needs a condition; write for example: kq ${command} --timer 1s`)
}

/** @throws UsageError */
function consistent(request: Request): Request {
  const { conditions, recursive, format, timefmt, noNewline, json } = request
  if (recursive && !conditions.some(({ condition }) => condition.option === 'vnode')) {
    throw new UsageError('--recursive is of --vnode; write --vnode DIR --recursive')
  }
  if (format === undefined) {
    if (noNewline) throw new UsageError("--no-newline is of --format; write --format '%w%f%0'")
    if (timefmt === undefined) return request
    throw new UsageError("--timefmt is of --format; write --format '%T %w%f'")
  }
  if (json) throw new UsageError('--format and --json are two ways to print; write one of them')
  const other = conditions.find(({ condition }) => !condition.isPath)
  if (other !== undefined) {
    throw new UsageError(`--format is of paths, and ${other.name} is none; write --json instead`)
  }
  checkFormat(format, timefmt)
  return request
}
