/**
 * The spans of a trace on their way to a collector of OpenTelemetry:
 *
 *     const exporter = openExporter(undefined, process.env)
 *     ... the command runs with TRACEPARENT=exporter.traceparent ...
 *     exporter.ended(traced)
 *     const failure = await exporter.finish(history, hurry)
 */
import { complain, UsageError } from '../../errors.js'
import type { History, Traced } from '../history.js'
import { asksForSpans, collectorOf } from './collector.js'
import { contextOf, traceparentOf } from './context.js'
import { Sender } from './sender.js'
import { runningOf, Spans } from './spans.js'

export interface Exporter {
  /** For the environment of the command, whose spans are below its own. */
  readonly traceparent: string
  ended(traced: Traced): void
  /** Sends the rest: what went wrong, in a line. */
  finish(history: History, hurry: AbortSignal): Promise<string | undefined>
}

/**
 * @param given the value of --otlp
 * @throws UsageError what was given cannot be; where the environment asks, that is only said
 */
export function openExporter(
  given: string | undefined,
  env: NodeJS.ProcessEnv,
  version: string,
): Exporter | undefined {
  const context = contextOf(env)
  if (given === undefined && !(asksForSpans(env) && context.sampled)) return undefined
  try {
    const sender = new Sender(collectorOf(given, env), version)
    const spans = new Spans(context)
    return {
      traceparent: traceparentOf(context, spans.rootId),
      ended: (traced) => sender.add(spans.of(traced, traced.ended!)),
      finish(history, hurry) {
        for (const one of runningOf(history)) sender.add(spans.of(one, history.end))
        return sender.finish(hurry)
      },
    }
  } catch (error) {
    if (given !== undefined || !(error instanceof UsageError)) throw error
    complain(error.message)
    return undefined
  }
}
