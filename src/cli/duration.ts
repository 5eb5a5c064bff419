/**
 * Times as they are written on the command line: `500ms`, `1.5s`, `2m`. A number
 * alone is milliseconds.
 */
import { UsageError } from './errors.js'

const NANOSECONDS = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['ms', 1e6],
  ['s', 1e9],
  ['m', 60e9],
  ['h', 3600e9],
  ['d', 86400e9],
])

/** The longest time: what a signed 64-bit count of nanoseconds holds. */
const LONGEST = 2 ** 63

/**
 * A time in whole ns.
 * @param option what it was given for: '--timer'
 * @throws UsageError
 */
export function duration(option: string, text: string): number {
  const [, number, unit = 'ms'] = /^(\d+(?:\.\d*)?|\.\d+)([a-z]+)?$/.exec(text) ?? []
  const scale = NANOSECONDS.get(unit)
  if (number === undefined || scale === undefined) {
    throw new UsageError(
      `${option} '${text}' is not a time; write a number and ns, us, ms, s, m, h or d: ${option} 500ms`,
    )
  }
  const ns = Math.round(Number(number) * scale)
  if (ns >= LONGEST) throw new UsageError(`${option} ${text} is longer than 292 years`)
  return ns
}

/** The same in ms, which may be no whole number. */
export function milliseconds(option: string, text: string): number {
  return duration(option, text) / 1e6
}
