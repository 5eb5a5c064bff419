/**
 * A time in words, as strftime(3) writes it in the POSIX locale: what IEEE Std 1003.1-2017 has,
 * and `%k`, `%l`, `%P`, `%s` of the BSD and GNU C libraries. Without flags and widths.
 */
import { UsageError } from './errors.js'

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

const SHORT = 3
const DAY = 86_400_000

function padded(n: number, width = 2, by = '0'): string {
  return String(n).padStart(width, by)
}

/** 0 for the first of January. */
function dayOfYear(at: Date): number {
  const days = Date.UTC(at.getFullYear(), at.getMonth(), at.getDate())
  return Math.round((days - Date.UTC(at.getFullYear(), 0, 1)) / DAY)
}

/** Weeks that have begun this year, each on the weekday `first`. */
function week(at: Date, first: number): number {
  return Math.floor((dayOfYear(at) + 7 - ((at.getDay() - first + 7) % 7)) / 7)
}

/** ISO 8601: the week with the Thursday that is in the year. */
function isoWeek(at: Date): { year: number; week: number } {
  const thursday = new Date(at.getFullYear(), at.getMonth(), at.getDate() + 3 - weekday(at))
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 }
}

/** 0 for Monday. */
function weekday(at: Date): number {
  return (at.getDay() + 6) % 7
}

function hour12(at: Date): number {
  return at.getHours() % 12 || 12
}

/** '+0100' */
function offset(at: Date): string {
  const minutes = -at.getTimezoneOffset()
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${padded(Math.floor(size / 60))}${padded(size % 60)}`
}

function zone(at: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(at)
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
}

/** The conversions that are others in short. */
const COMPOSED: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y',
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  h: '%b',
  r: '%I:%M:%S %p',
  R: '%H:%M',
  T: '%H:%M:%S',
  x: '%m/%d/%y',
  X: '%H:%M:%S',
  n: '\n',
  t: '\t',
}

const CONVERSIONS: Readonly<Record<string, (at: Date) => string>> = {
  a: (at) => DAYS[at.getDay()]!.slice(0, SHORT),
  A: (at) => DAYS[at.getDay()]!,
  b: (at) => MONTHS[at.getMonth()]!.slice(0, SHORT),
  B: (at) => MONTHS[at.getMonth()]!,
  C: (at) => padded(Math.floor(at.getFullYear() / 100)),
  d: (at) => padded(at.getDate()),
  e: (at) => padded(at.getDate(), 2, ' '),
  g: (at) => padded(isoWeek(at).year % 100),
  G: (at) => String(isoWeek(at).year),
  H: (at) => padded(at.getHours()),
  I: (at) => padded(hour12(at)),
  j: (at) => padded(dayOfYear(at) + 1, 3),
  k: (at) => padded(at.getHours(), 2, ' '),
  l: (at) => padded(hour12(at), 2, ' '),
  m: (at) => padded(at.getMonth() + 1),
  M: (at) => padded(at.getMinutes()),
  p: (at) => (at.getHours() < 12 ? 'AM' : 'PM'),
  P: (at) => (at.getHours() < 12 ? 'am' : 'pm'),
  s: (at) => String(Math.floor(at.getTime() / 1000)),
  S: (at) => padded(at.getSeconds()),
  u: (at) => String(weekday(at) + 1),
  U: (at) => padded(week(at, 0)),
  V: (at) => padded(isoWeek(at).week),
  w: (at) => String(at.getDay()),
  W: (at) => padded(week(at, 1)),
  y: (at) => padded(at.getFullYear() % 100),
  Y: (at) => String(at.getFullYear()),
  z: offset,
  Z: zone,
  '%': () => '%',
}

/** @throws UsageError it has a conversion that is none */
export function strftime(format: string, at: Date): string {
  return format.replace(/%(.?)/gsu, (all, conversion: string) => {
    const composed = Object.hasOwn(COMPOSED, conversion) ? COMPOSED[conversion] : undefined
    if (composed !== undefined) return strftime(composed, at)
    if (Object.hasOwn(CONVERSIONS, conversion)) return CONVERSIONS[conversion]!(at)
    throw new UsageError(`--timefmt has no ${all}; write for example --timefmt '%F %T'`)
  })
}
