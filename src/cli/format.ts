/**
 * `--format FORMAT`: a line for each event, with the conversions that inotifywait(1) has.
 *
 *     formatPrinter('%T %w%f %e', '%F %T')
 */
import type { PathFact } from './condition.js'
import { UsageError } from './errors.js'
import type { Printer } from './print.js'
import { strftime } from './strftime.js'

/** Text as it is, or what becomes of a fact at a time, ms since 1970. */
type Piece = string | ((fact: PathFact, time: number) => string)

const CONVERSIONS = '%w, %f, %e, %:e, %T, %0, %n and %%'

/** @throws UsageError */
export function checkFormat(format: string, timefmt: string | undefined): void {
  piecesOf(format, timefmt)
  if (timefmt !== undefined) strftime(timefmt, new Date(0))
}

export function formatPrinter(format: string, timefmt: string | undefined): Printer {
  const pieces = piecesOf(format, timefmt)
  const line = (fact: PathFact, time: number): string =>
    pieces.map((piece) => (typeof piece === 'string' ? piece : piece(fact, time))).join('')
  return ({ source, event }, time) =>
    (source.opened.facts?.(event) ?? []).map((fact) => line(fact, time)).join('')
}

function piecesOf(format: string, timefmt: string | undefined): Piece[] {
  const pieces: Piece[] = []
  for (let rest = format; rest !== ''; ) {
    const [all, text, conversion] = /^([^%]+)|^%([wfeTn0%]|.e|.?)/su.exec(rest)!
    rest = rest.slice(all.length)
    pieces.push(text ?? converted(conversion!, timefmt))
  }
  return pieces
}

const PIECES: Readonly<Record<string, Piece>> = {
  w: ({ watched }) => watched,
  f: ({ name }) => name,
  e: ({ events }) => events.join(','),
  '0': '\0',
  n: '\n',
  '%': '%',
}

function converted(conversion: string, timefmt: string | undefined): Piece {
  if (conversion === 'T') return timeOf(timefmt)
  if (Object.hasOwn(PIECES, conversion)) return PIECES[conversion]!
  if (/^.e$/su.test(conversion)) return ({ events }) => events.join(conversion.slice(0, -1))
  throw new UsageError(
    `--format has no %${conversion}, but ${CONVERSIONS}; write %% for the character`,
  )
}

function timeOf(timefmt: string | undefined): Piece {
  if (timefmt === undefined) {
    throw new UsageError("--format %T needs a --timefmt; write --timefmt '%F %T'")
  }
  return (_, time) => strftime(timefmt, new Date(time))
}
