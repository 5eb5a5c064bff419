/**
 * Where spans are sent, and how: --otlp, and the environment variables of OpenTelemetry
 * ("Environment Variable Specification", "OpenTelemetry Protocol Exporter").
 */
import { hostname } from 'node:os'
import { UsageError } from '../../errors.js'

export interface Collector {
  readonly url: string
  /** What is said of it: the option or the variable, and the address without a query. */
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
  /** ms for a request, and for what is left when the command has ended. */
  readonly timeout: number
  readonly gzip: boolean
  /** Of the resource, service.name among them. */
  readonly resource: Readonly<Record<string, string>>
}

const TIMEOUT = 10_000
const PATH = 'v1/traces'

/** Whether an environment asks for spans. */
export function asksForSpans(env: NodeJS.ProcessEnv): boolean {
  const { OTEL_SDK_DISABLED: disabled, OTEL_TRACES_EXPORTER: exporter } = env
  if (disabled?.toLowerCase() === 'true') return false
  const exporters = (exporter || 'otlp').split(',')
  return exporters.some((one) => one.trim() === 'otlp') && addressOf(env) !== undefined
}

function addressOf(env: NodeJS.ProcessEnv): [name: string, url: string] | undefined {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces, OTEL_EXPORTER_OTLP_ENDPOINT: all } = env
  if (traces) return ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', traces]
  if (all) return ['OTEL_EXPORTER_OTLP_ENDPOINT', all]
  return undefined
}

/**
 * The address of a collector's traces.
 * @throws UsageError
 */
function checkAddress(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UsageError(`${name} '${text}' is no address; write http://localhost:4318`)
  }
  if (url.username || url.password) {
    const advice = 'OTEL_EXPORTER_OTLP_HEADERS is for what nobody else should see'
    throw new UsageError(`${name} has a name or a password in it; ${advice}`)
  }
  return url
}

/**
 * @param given the value of --otlp, undefined where the environment asks
 * @throws UsageError
 */
export function collectorOf(given: string | undefined, env: NodeJS.ProcessEnv): Collector {
  const [name, text] = given === undefined ? addressOf(env)! : ['--otlp', given]
  const url = checkAddress(name, text)
  if (name !== 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') completePath(url)
  if (given === undefined) checkProtocol(env)
  return {
    url: url.href,
    name: `${name} ${url.origin}${url.pathname}`,
    headers: pairsOf('OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS', env),
    timeout: Number(setting('TIMEOUT', env)) || TIMEOUT,
    gzip: setting('COMPRESSION', env) === 'gzip',
    resource: resourceOf(env),
  }
}

/** The address of a whole collector is completed; that of its traces is left as it is. */
function completePath(url: URL): void {
  if (url.pathname.endsWith(`/${PATH}`)) return
  url.pathname = url.pathname.replace(/\/*$/, `/${PATH}`)
}

/** That for traces, or that for all signals. */
function setting(name: string, env: NodeJS.ProcessEnv): string | undefined {
  return env[`OTEL_EXPORTER_OTLP_TRACES_${name}`] || env[`OTEL_EXPORTER_OTLP_${name}`]
}

/** gRPC listens elsewhere; whoever takes protobuf over HTTP takes JSON there as well. */
function checkProtocol(env: NodeJS.ProcessEnv): void {
  if (setting('PROTOCOL', env) !== 'grpc') return
  throw new UsageError('OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and kq sends http/json only')
}

function resourceOf(env: NodeJS.ProcessEnv): Record<string, string> {
  const { OTEL_SERVICE_NAME } = env
  return {
    'service.name': 'kq',
    'host.name': hostname(),
    'os.type': 'linux',
    ...pairsOf('OTEL_RESOURCE_ATTRIBUTES', undefined, env),
    ...(OTEL_SERVICE_NAME ? { 'service.name': OTEL_SERVICE_NAME } : {}),
  }
}

/** 'a=1,b=2%20' of one variable, and of another that counts for more. @throws UsageError */
function pairsOf(
  name: string,
  special: string | undefined,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  const pairs: Record<string, string> = {}
  for (const variable of [name, special]) {
    const text = (variable && env[variable]) || ''
    for (const pair of text.split(',').filter((pair) => pair.trim() !== '')) {
      const [, key, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/s.exec(pair) ?? []
      if (key === undefined) throw new UsageError(`${variable} is not KEY=VALUE,KEY=VALUE`)
      pairs[key] = decoded(variable!, value!)
    }
  }
  return pairs
}

function decoded(name: string, value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw new UsageError(`${name} has a % that begins no character`)
  }
}
