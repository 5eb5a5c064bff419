/**
 * A trace as JSON, one object a line, as it happens.
 */
import type { ProcessEvent } from '../../index.js'
import { jsonLine } from '../visible.js'
import { type Failure, failuresOf } from './failures.js'
import type { History, Traced } from './history.js'
import { selfTime } from './self-time.js'
import { totalsOf } from './summary.js'

/** What an event says, and what is known of its process by then. */
export function eventLine(event: ProcessEvent, traced: Traced | undefined): string {
  const { type, pid } = event
  const head = { time: dayTime(event.time), event: type, pid }
  if (event.type === 'fork') {
    const { parent, existing } = event
    const found = existing && { existing, name: traced?.name || null, argv: traced?.words ?? null }
    return jsonLine({ ...head, parent, ...found })
  }
  if (event.type === 'exec') {
    const { name, words } = traced ?? { name: event.name, words: null }
    return jsonLine({ ...head, name: traced?.nameless ? null : name || null, argv: words })
  }
  if (event.type === 'lost') return jsonLine(head)
  const { code, signal, time } = event
  return jsonLine({
    ...head,
    name: traced?.name || null,
    code,
    signal,
    duration: rounded(time - (traced?.born ?? time)),
    self: traced === undefined ? null : rounded(selfTime(traced, time)),
    processor: traced?.use.processor ?? null,
    memory: traced?.use.memory ?? null,
  })
}

/** The process that is traced, where it was there before. */
export function attachedLine({ pid, born, name, words }: Traced): string {
  return jsonLine({ time: dayTime(born), event: 'attach', pid, name: name || null, argv: words })
}

/** Programs that failed, in the summary. */
const FAILURES = 100

export function summaryLine(history: History): string {
  const { running, length, ...totals } = totalsOf(history)
  return jsonLine({
    time: dayTime(history.end),
    event: 'summary',
    ...totals,
    duration: rounded(length),
    running: running.map(({ pid }) => pid),
    failures: failuresOf(history).slice(0, FAILURES).map(failureObject),
    complete: history.lost === 0,
  })
}

function failureObject({ first, count }: Failure) {
  const { pid, parent, name, words, exitCode, signal } = first
  return { pid, parent: parent?.pid ?? null, name, argv: words, code: exitCode, signal, count }
}

/** ms since 1970, to µs. */
function dayTime(time: number): number {
  return rounded(performance.timeOrigin + time)
}

function rounded(ms: number): number {
  return Math.round(ms * 1e3) / 1e3
}
