/**
 * The trace that spans belong to, as W3C Trace Context has it: TRACEPARENT in the environment,
 * where whoever runs kq is a span already, or a new one.
 */
import { crypto } from '../../../late.js'

export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** The span that the command is below, 16 hexadecimal digits; undefined for none. */
  readonly parent: string | undefined
  /** What vendors have to say; undefined for nothing. */
  readonly state: string | undefined
  /** Whether those who began the trace want it recorded. */
  readonly sampled: boolean
}

const PARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/
const SAMPLED = 1

/** Of an environment. What is not well-formed is as if it were not there. */
export function contextOf({ TRACEPARENT = '', TRACESTATE }: NodeJS.ProcessEnv): TraceContext {
  const [, version, traceId = '', parent = '', flags = '', more] =
    PARENT.exec(TRACEPARENT.trim()) ?? []
  const isKnown = version !== undefined && version !== 'ff' && !(version === '00' && more)
  if (!isKnown || /^0+$/.test(traceId) || /^0+$/.test(parent)) {
    return { traceId: newId(16), parent: undefined, state: undefined, sampled: true }
  }
  const sampled = (Number.parseInt(flags, 16) & SAMPLED) !== 0
  return { traceId, parent, state: TRACESTATE || undefined, sampled }
}

/** TRACEPARENT for those below a span. */
export function traceparentOf({ traceId }: TraceContext, spanId: string): string {
  return `00-${traceId}-${spanId}-01`
}

/** Random, and not only zeros. */
export function newId(bytes: 8 | 16): string {
  const id = crypto().randomBytes(bytes)
  return id.every((byte) => byte === 0) ? newId(bytes) : id.toString('hex')
}
