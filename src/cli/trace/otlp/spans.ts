/**
 * Processes as spans, in the JSON of the OpenTelemetry Protocol: a trace's ExportTraceServiceRequest,
 * with the attributes of OpenTelemetry's conventions for processes and for programs of a command line.
 */
import type { History, Traced } from '../history.js'
import { newId, type TraceContext } from './context.js'

type Value = string | number | readonly string[]

const INTERNAL = 1
const OK_OR_UNKNOWN = 0
const FAILED = 2

export class Spans {
  readonly #context: TraceContext
  readonly #ids = new WeakMap<Traced, string>()
  /** Of the command. */
  readonly rootId = newId(8)

  constructor(context: TraceContext) {
    this.#context = context
  }

  #idOf(traced: Traced): string {
    if (traced.parent === null) return this.rootId
    const id = this.#ids.get(traced) ?? newId(8)
    this.#ids.set(traced, id)
    return id
  }

  /** @param now the end of one that has none */
  of(traced: Traced, now: number) {
    const { traceId, parent: outer, state } = this.#context
    const { parent, name, born, executed, ended = now, outcome, ending } = traced
    const above = parent === null ? outer : this.#idOf(parent)
    const isBad = outcome === 'failed' || outcome === 'killed'
    return {
      traceId,
      spanId: this.#idOf(traced),
      ...(above !== undefined && { parentSpanId: above }),
      ...(state !== undefined && { traceState: state }),
      name: name || 'unknown',
      kind: INTERNAL,
      startTimeUnixNano: nanos(born),
      endTimeUnixNano: nanos(Math.max(born, ended)),
      attributes: attributesOf(attributesOfProcess(traced)),
      // The command begins with its first; of others it is what comes after the fork.
      ...(executed !== undefined &&
        parent !== null && { events: [{ timeUnixNano: nanos(executed), name: 'exec' }] }),
      status: isBad ? { code: FAILED, message: ending } : { code: OK_OR_UNKNOWN },
    }
  }
}

export type Span = ReturnType<Spans['of']>

function attributesOfProcess(traced: Traced): Record<string, Value | undefined> {
  const { pid, parent, name, words, line, exitCode, signal, outcome, ending, use } = traced
  const isBad = outcome === 'failed' || outcome === 'killed'
  return {
    'process.pid': pid,
    'process.parent_pid': parent?.pid,
    'process.executable.name': name || undefined,
    'process.command_line': words === null ? undefined : line,
    'process.command_args': words ?? undefined,
    'process.exit.code': exitCode ?? undefined,
    'kq.signal': signal ?? undefined,
    'kq.outcome': outcome,
    'kq.processor_ms': use.processor,
    'kq.memory_bytes': use.memory,
    'error.type': isBad ? ending : undefined,
  }
}

/** The body of a request. */
export function requestOf(
  spans: readonly Span[],
  resource: Readonly<Record<string, string>>,
  version: string,
): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: 'kqueue', version }, spans }],
      },
    ],
  })
}

/** Those that run still when the tracing ends. */
export function runningOf({ processes }: History): Traced[] {
  return processes.filter(({ status }) => status === undefined)
}

function attributesOf(values: Readonly<Record<string, Value | undefined>>) {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: anyValue(value) }],
  )
}

function anyValue(value: Value) {
  // JSON has no 64 bits: the protocol writes whole numbers as strings.
  if (typeof value === 'number') return { intValue: String(value) }
  if (typeof value === 'string') return { stringValue: value }
  return { arrayValue: { values: value.map((one) => ({ stringValue: one })) } }
}

/** ns since 1970, of a time that is known to µs. */
function nanos(time: number): string {
  return `${Math.round((performance.timeOrigin + time) * 1e3)}000`
}
