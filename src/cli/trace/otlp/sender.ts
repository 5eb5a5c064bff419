/**
 * Sends spans in batches, one request after the other, while the command goes on. What a
 * collector cannot take now is tried again, as the OpenTelemetry Protocol says:
 * "OTLP/HTTP Throttling", "OTLP/HTTP Response".
 *
 *     sender.add(span)
 *     const failure = await sender.finish(hurry)
 */
import { zlib } from '../../../late.js'
import { plural } from '../../words.js'
import type { Collector } from './collector.js'
import { requestOf, type Span } from './spans.js'

/** Spans of a request, and ms that one waits for others. */
const BATCH = 512
const INTERVAL = 5000
/** Attempts, and ms until the second; twice as long until each of the others. */
const ATTEMPTS = 5
const BACKOFF = 200
const RETRYABLE: readonly number[] = [429, 502, 503, 504]
/** Bytes of an answer that are read. */
const ANSWER = 65_536

/** What came of an attempt. */
type Attempt = { readonly rejected: number; readonly reason?: string } | Refused

interface Refused {
  readonly reason: string
  readonly retry: boolean
  /** ms until the collector wants to be asked again. */
  readonly after?: number
}

export class Sender {
  readonly #collector: Collector
  readonly #version: string
  readonly #queue: Span[] = []
  /** Aborts what is under way, and all attempts after it. */
  readonly #end = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined
  #added = 0
  #lost = 0
  /** Why the first of those that were lost was. */
  #reason: string | undefined
  /** It has taken the last batch: those that follow are worth several attempts. */
  #answers = true

  constructor(collector: Collector, version: string) {
    this.#collector = collector
    this.#version = version
  }

  add(span: Span): void {
    this.#added++
    this.#queue.push(span)
    if (this.#queue.length >= BATCH) this.#send()
    else this.#timer ??= setTimeout(() => this.#send(), INTERVAL).unref()
  }

  /**
   * Sends what is left, for as long as the collector's timeout at most: what went wrong.
   * @param hurry gives up
   */
  async finish(hurry: AbortSignal): Promise<string | undefined> {
    const giveUp = () => this.#end.abort()
    const timer = setTimeout(giveUp, this.#collector.timeout)
    if (hurry.aborted) giveUp()
    hurry.addEventListener('abort', giveUp)
    while (this.#queue.length > 0 || this.#sending !== undefined) {
      this.#send()
      await this.#sending
    }
    clearTimeout(timer)
    hurry.removeEventListener('abort', giveUp)
    if (this.#lost === 0) return undefined
    const lost = `${this.#lost} of ${plural(this.#added, 'span')} not taken`
    return `${this.#collector.name}: ${this.#reason}; ${lost}`
  }

  #send(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) await this.#deliver(this.#queue.splice(0, BATCH))
  }

  async #deliver(spans: readonly Span[]): Promise<void> {
    const body = requestOf(spans, this.#collector.resource, this.#version)
    const attempts = this.#answers ? ATTEMPTS : 1
    for (let attempt = 1; ; attempt++) {
      const made = await this.#attempt(body)
      if ('rejected' in made) {
        this.#answers = true
        this.#lose(made.rejected, made.reason ?? 'refused')
        return
      }
      if (!made.retry || attempt >= attempts || this.#end.signal.aborted) {
        this.#answers = !made.retry
        this.#lose(spans.length, made.reason)
        return
      }
      await this.#pause(Math.max(made.after ?? 0, backoff(attempt)))
    }
  }

  #lose(count: number, reason: string): void {
    this.#lost += count
    if (count > 0) this.#reason ??= reason
  }

  async #attempt(body: string): Promise<Attempt> {
    const { url, headers, timeout, gzip } = this.#collector
    const late = new AbortController()
    const giveUp = () => late.abort()
    if (this.#end.signal.aborted) giveUp()
    this.#end.signal.addEventListener('abort', giveUp)
    const timer = setTimeout(giveUp, timeout)
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': `kqueue/${this.#version}`,
          ...(gzip && { 'content-encoding': 'gzip' }),
          ...headers,
        },
        body: gzip ? zlib().gzipSync(body) : body,
        signal: late.signal,
      })
      return judged(response, await beginning(response))
    } catch (error) {
      const reason = late.signal.aborted ? 'no answer in time' : reasonOf(error)
      return { reason, retry: true }
    } finally {
      clearTimeout(timer)
      this.#end.signal.removeEventListener('abort', giveUp)
    }
  }

  /** Waits for ms, or until all is given up. */
  async #pause(ms: number): Promise<void> {
    const { signal } = this.#end
    if (signal.aborted) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      signal.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}

/** ms until the next attempt, so that many who failed together do not try together. */
function backoff(attempt: number): number {
  return BACKOFF * 2 ** (attempt - 1) * (0.75 + Math.random() / 2)
}

function judged({ ok, status, statusText, headers }: Response, text: string): Attempt {
  if (!ok) {
    const retry = RETRYABLE.includes(status)
    const after = Number(headers.get('retry-after') ?? Number.NaN) * 1e3
    const reason = `HTTP ${status} ${statusText}`.trim()
    return { reason, retry, ...(after > 0 && { after }) }
  }
  const { rejectedSpans = 0, errorMessage = '' } = partialOf(text)
  const rejected = Number(rejectedSpans) || 0
  return errorMessage === '' ? { rejected } : { rejected, reason: String(errorMessage) }
}

/** What an ExportTraceServiceResponse says of spans that were not taken. */
function partialOf(text: string): { rejectedSpans?: unknown; errorMessage?: unknown } {
  try {
    return (JSON.parse(text) as { partialSuccess?: object } | null)?.partialSuccess ?? {}
  } catch {
    return {}
  }
}

/** The beginning of an answer, which may have no end. */
async function beginning({ body }: Response): Promise<string> {
  if (body === null) return ''
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > ANSWER) break
  }
  return text
}

/** What fetch says lies below what it throws. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: NodeJS.ErrnoException }
  if (cause?.code === undefined) return (cause ?? (error as Error)).message
  return cause.message ? `${cause.code}: ${cause.message}` : cause.code
}
