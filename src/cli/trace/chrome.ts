/**
 * A trace in the Trace Event Format, which Perfetto (ui.perfetto.dev) and Chromium
 * (chrome://tracing) show: a track for each process with a slice from its birth to its end, an
 * arrow from the process that made it, and how many there were at once.
 */
import type { History, Traced } from './history.js'

/** Higher than any pid, proc_sys_kernel(5): a number that is used again is another track. */
const PID_MOST = 4194304

/** An event as the format has it, with the fields of its kind. */
interface TraceEvent {
  readonly ph: string
  /** µs since 1970 */
  readonly ts: number
  readonly [field: string]: unknown
}

export function chromeTrace(history: History): string {
  const { processes, line, end, root } = history
  const tracks = tracksOf(processes)
  const events = processes.flatMap((one, i) => eventsOf(one, i, tracks, end))
  const id = tracks.get(root)!
  for (const { time, count } of history.atOnce()) {
    const args = { processes: count }
    events.push({ ph: 'C', name: 'processes', pid: id, tid: id, ts: micros(time), args })
  }
  events.sort((a, b) => a.ts - b.ts)
  const otherData = { producer: 'kq trace', command: line, complete: history.lost === 0 }
  const body = events.map((event) => JSON.stringify(event)).join(',\n')
  return `{"displayTimeUnit":"ms","otherData":${JSON.stringify(otherData)},"traceEvents":[\n${body}\n]}\n`
}

function tracksOf(processes: readonly Traced[]): Map<Traced, number> {
  const used = new Map<number, number>()
  const tracks = new Map<Traced, number>()
  for (const one of processes) {
    const times = used.get(one.pid) ?? 0
    used.set(one.pid, times + 1)
    tracks.set(one, one.pid + times * PID_MOST)
  }
  return tracks
}

function eventsOf(
  traced: Traced,
  at: number,
  tracks: ReadonlyMap<Traced, number>,
  last: number,
): TraceEvent[] {
  const { pid, parent, program, born, ended = last } = traced
  const id = tracks.get(traced)!
  const track = { pid: id, tid: id }
  const ts = micros(born)
  const dur = Math.max(0, micros(ended) - ts)
  const named = { args: { name: `${program} ${pid}` } }
  const events: TraceEvent[] = [
    { ph: 'M', name: 'process_name', ...track, ts: 0, ...named },
    { ph: 'M', name: 'thread_name', ...track, ts: 0, args: { name: program } },
    { ph: 'M', name: 'process_sort_index', ...track, ts: 0, args: { sort_index: at } },
    { ph: 'X', name: program, cat: 'process', ...track, ts, dur, args: argumentsOf(traced) },
  ]
  if (parent === null) return events
  const from = tracks.get(parent)!
  const arrow = { name: 'fork', cat: 'fork', id: at, ts }
  return [
    ...events,
    { ph: 's', ...arrow, pid: from, tid: from },
    { ph: 'f', bp: 'e', ...arrow, ...track },
  ]
}

function argumentsOf(traced: Traced) {
  const { pid, parent, line, outcome, ending, exitCode, signal, executed, use } = traced
  return {
    ...use,
    command: line,
    pid,
    parent: parent?.pid ?? null,
    outcome,
    ending,
    code: exitCode,
    signal,
    executed: executed === undefined ? null : micros(executed),
  }
}

/** µs since 1970. */
function micros(time: number): number {
  return Math.round((performance.timeOrigin + time) * 1e3)
}
