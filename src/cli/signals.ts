/**
 * Names and numbers of signals: signal(7).
 */
import { constants } from 'node:os'

/** The highest number of a signal: SIGRTMAX. */
const LAST = 64

/** The name of a signal for which Node.js has one, which it has for none of the real-time signals. */
export function knownName(number: number): NodeJS.Signals | undefined {
  const named = Object.entries(constants.signals).find(([, value]) => value === number)
  return named?.[0] as NodeJS.Signals | undefined
}

/** The name of a signal: 15 -> 'SIGTERM', 40 -> 'SIG40'. */
export function signalName(number: number): string {
  return knownName(number) ?? `SIG${number}`
}

/**
 * The number of a signal: of `SIGTERM`, `term`, `15`, `SIG40`, `RTMIN+3`, `SIGRTMAX-1`;
 * undefined when there is none.
 */
export function signalNumber(text: string): number | undefined {
  const name = text.toUpperCase().replace(/^SIG/, '')
  const [, from, sign, offset] = /^(RTMIN|RTMAX)(?:([-+])(\d{1,2}))?$/.exec(name) ?? []
  if (from !== undefined) return realTime(from, sign, Number(offset ?? 0))
  if (/^\d{1,2}$/.test(name)) {
    const number = Number(name)
    return number >= 1 && number <= LAST ? number : undefined
  }
  const { signals } = constants
  const full = `SIG${name}`
  return Object.hasOwn(signals, full) ? signals[full as NodeJS.Signals] : undefined
}

function realTime(from: string, sign: string | undefined, offset: number): number | undefined {
  const first = firstRealTime()
  const number = from === 'RTMIN' ? first + offset : LAST - offset
  const outwards = sign !== undefined && sign !== (from === 'RTMIN' ? '+' : '-')
  return outwards || number < first || number > LAST ? undefined : number
}

/** SIGRTMIN: the C library keeps the ones below for itself, glibc two and musl three. */
function firstRealTime(): number {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime === undefined ? 35 : 34
}
