/**
 * A collector of OpenTelemetry, which takes spans over HTTP and reads them by the protocol's own
 * definitions, as the official packages are generated from them:
 *
 *     const collector = await Collector.open()
 *     ... kq sends to collector.url ...
 *     collector.spans()
 *     await collector.close()
 */
import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

interface Message {
  verify(object: object): string | null
  fromObject(object: object): object
  toObject(message: object, options: object): object
  encode(message: object): { finish(): Uint8Array }
  decode(bytes: Uint8Array): object
}

const root = createRequire(import.meta.url)(
  '@opentelemetry/otlp-transformer/build/src/generated/root.js',
) as {
  opentelemetry: { proto: { collector: { trace: { v1: { ExportTraceServiceRequest: Message } } } } }
}
const REQUEST = root.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest

export interface Attribute {
  key: string
  value: { stringValue?: string; intValue?: string; arrayValue?: { values: object[] } }
}

export interface ReadSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  traceState?: string
  name: string
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: Attribute[]
  status: { code: number; message?: string }
}

interface Request {
  resourceSpans: {
    resource: { attributes: Attribute[] }
    scopeSpans: { scope: object; spans: ReadSpan[] }[]
  }[]
}

/** In JSON, ids are hexadecimal, where other bytes are in base 64. */
function withIds(request: Request, from: BufferEncoding, to: BufferEncoding): Request {
  const text = JSON.stringify(request, (key, value: unknown) => {
    const isId = key === 'traceId' || key === 'spanId' || key === 'parentSpanId'
    return isId ? Buffer.from(value as string, from).toString(to) : value
  })
  return JSON.parse(text) as Request
}

/** Takes JSON through the messages of the protocol, which must leave all of it as it was. */
export function read(json: string): Request {
  const given = JSON.parse(json) as Request
  const message = REQUEST.fromObject(withIds(given, 'hex', 'base64'))
  assert.equal(REQUEST.verify(message), null)
  const decoded = REQUEST.decode(REQUEST.encode(message).finish())
  const options = { longs: String, bytes: String }
  const known = REQUEST.toObject(decoded, options) as Request
  assert.deepEqual(withIds(known, 'base64', 'hex'), given)
  return given
}

export interface Taken {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly request: Request
}

type Answer = (response: ServerResponse, count: number) => void

export class Collector {
  readonly taken: Taken[] = []
  readonly #server

  /** @param answer by how many requests there were before */
  private constructor(answer: Answer) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks)
        const isPacked = request.headers['content-encoding'] === 'gzip'
        const json = (isPacked ? gunzipSync(body) : body).toString()
        const { url = '', headers } = request
        this.taken.push({ path: url, headers, request: read(json) })
        answer(response, this.taken.length - 1)
      })
    })
  }

  /** @param address of an interface to listen on */
  static async open(answer: Answer = takeAll, address = '127.0.0.1'): Promise<Collector> {
    const collector = new Collector(answer)
    await new Promise<void>((resolve) => collector.#server.listen(0, address, resolve))
    return collector
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo
    return `http://${address}:${port}`
  }

  /** Of all requests. */
  spans(): ReadSpan[] {
    return this.taken.flatMap(({ request }) =>
      request.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    )
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

export function takeAll(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}')
}

export function valueOfKey(attributes: readonly Attribute[], key: string): string | undefined {
  const value = attributes.find((one) => one.key === key)?.value
  return value?.stringValue ?? value?.intValue
}
