/** `kq trace --otlp`: spans as a collector of OpenTelemetry gets them. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { UsageError } from '#cli/errors.js'
import { asksForSpans, collectorOf } from '#cli/trace/otlp/collector.js'
import { contextOf } from '#cli/trace/otlp/context.js'
import { Sender } from '#cli/trace/otlp/sender.js'
import { Spans } from '#cli/trace/otlp/spans.js'
import { LONG } from '../patience.js'
import { Collector, type ReadSpan, takeAll, valueOfKey } from './collector.js'
import { type Ended, MAIN, run, type Setting } from './command.js'
import { many } from './histories.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const CONTEXT = `00-${TRACE}-${PARENT}-01`
/** Nothing of who runs the tests, and time on a machine that is busy. */
const NONE = {
  ...Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => /^OTEL_|^TRACE(PARENT|STATE)$/.test(name))
      .map((name) => [name, '']),
  ),
  OTEL_EXPORTER_OTLP_TIMEOUT: `${LONG}`,
}

const open: Collector[] = []
after(() => Promise.all(open.map((one) => one.close())))

async function collecting(answer?: Parameters<typeof Collector.open>[0]): Promise<Collector> {
  const collector = await Collector.open(answer)
  open.push(collector)
  return collector
}

function shell(script: string, options: readonly string[], env: Setting['env']): Promise<Ended> {
  return run(['trace', ...options, '--', 'sh', '-c', script], { env: { ...NONE, ...env } })
}

function named(spans: readonly ReadSpan[], name: string): ReadSpan {
  const found = spans.filter((one) => one.name === name)
  assert.equal(found.length, 1, `${name} of ${spans.map(({ name }) => name)}`)
  return found[0]!
}

describe('spans', { concurrency: 2 }, () => {
  test('are the processes, below each other and below TRACEPARENT', async () => {
    const collector = await collecting()
    const script = 'cat /dev/null; sleep 0.3; kill -9 $$'
    const { signal, stderr } = await shell(script, ['--otlp', collector.url], {
      TRACEPARENT: CONTEXT,
      TRACESTATE: 'vendor=1',
      OTEL_SERVICE_NAME: 'build',
      OTEL_RESOURCE_ATTRIBUTES: 'team=a%20b,service.name=other',
    })
    assert.equal(signal, 'SIGKILL')
    assert.ok(!stderr.includes('kq:'), stderr)
    const spans = collector.spans()
    assert.equal(spans.length, 3)
    assert.deepEqual(new Set(spans.map(({ traceId }) => traceId)), new Set([TRACE]))
    const [root] = spans.filter(({ parentSpanId }) => parentSpanId === PARENT)
    assert.ok(root !== undefined)
    assert.deepEqual([root.name, root.traceState], ['sh', 'vendor=1'])
    assert.deepEqual(root.status, { code: 2, message: 'SIGKILL' })
    const { attributes } = root
    assert.equal(valueOfKey(attributes, 'process.command_line'), `sh -c '${script}'`)
    assert.equal(valueOfKey(attributes, 'kq.signal'), 'SIGKILL')
    const sleep = named(spans, 'sleep')
    assert.equal(sleep.parentSpanId, root.spanId)
    assert.equal(valueOfKey(sleep.attributes, 'process.exit.code'), '0')
    assert.equal(
      valueOfKey(sleep.attributes, 'process.parent_pid'),
      valueOfKey(attributes, 'process.pid'),
    )
    const [begin, end] = [BigInt(sleep.startTimeUnixNano), BigInt(sleep.endTimeUnixNano)]
    assert.ok(end - begin >= 300_000_000n)
    assert.ok(begin >= BigInt(root.startTimeUnixNano) && end <= BigInt(root.endTimeUnixNano))
    const { resource } = collector.taken[0]!.request.resourceSpans[0]!
    assert.equal(valueOfKey(resource.attributes, 'service.name'), 'build')
    assert.equal(valueOfKey(resource.attributes, 'team'), 'a b')
  })

  test('of two machines meet in one trace by TRACEPARENT', async () => {
    const collector = await collecting()
    const machines = ['first', 'second']
    const ends = await Promise.all(
      machines.map((name) =>
        shell('sleep 0.01; exit 0', ['--quiet', '--otlp', collector.url], {
          TRACEPARENT: CONTEXT,
          OTEL_RESOURCE_ATTRIBUTES: `host.name=${name}`,
        }),
      ),
    )
    assert.deepEqual(
      ends.map(({ code }) => code),
      [0, 0],
    )
    const resources = collector.taken.map(({ request }) => request.resourceSpans[0]!.resource)
    const hosts = resources.map(({ attributes }) => valueOfKey(attributes, 'host.name'))
    assert.deepEqual(new Set(hosts), new Set(machines))
    const spans = collector.spans()
    assert.equal(spans.length, 4)
    assert.ok(spans.every(({ traceId }) => traceId === TRACE))
    assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, 4)
    assert.equal(spans.filter(({ parentSpanId }) => parentSpanId === PARENT).length, 2)
  })

  test('of a kq trace below another are below its command', async () => {
    const collector = await collecting()
    const script = `"$0" "${MAIN}" trace --quiet sh -c 'exit 3'; exit 4`
    const words = ['trace', '--quiet', 'sh', '-c', script, process.execPath]
    const env = { ...NONE, OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/` }
    assert.equal((await run(words, { env })).code, 4)
    const spans = collector.spans()
    const [outer] = spans.filter(({ parentSpanId }) => parentSpanId === undefined)
    const inner = spans.filter(({ parentSpanId }) => parentSpanId === outer!.spanId)
    assert.ok(inner.some(({ attributes }) => valueOfKey(attributes, 'process.exit.code') === '3'))
    assert.ok(spans.every(({ traceId }) => traceId === outer!.traceId))
    assert.ok(collector.taken.every(({ path }) => path === '/v1/traces'))
  })

  test('leave the environment of the command alone where nobody wants them', async () => {
    const { stdout } = await shell('echo "$TRACEPARENT"', ['--quiet'], { TRACEPARENT: CONTEXT })
    assert.equal(stdout, `${CONTEXT}\n`)
  })
})

describe('a collector', { concurrency: 2 }, () => {
  test('that is busy is asked again', async () => {
    const collector = await collecting((response, count) => {
      if (count === 0) response.writeHead(503, { 'retry-after': '0' }).end()
      else if (count === 1) response.destroy()
      else takeAll(response)
    })
    const { code, stderr } = await shell('exit 0', ['--quiet', '--otlp', collector.url], {})
    assert.deepEqual([code, collector.taken.length], [0, 3])
    assert.ok(!stderr.includes('kq:'), stderr)
  })

  test('that is down is one warning, and the command ends as it ends', async () => {
    const gone = await Collector.open()
    const { url } = gone
    await gone.close()
    for (const status of [0, 7]) {
      const options = ['--quiet', '--output', '/dev/null', '--otlp', url]
      const { code, stderr } = await shell(`exit ${status}`, options, {})
      assert.equal(code, status)
      assert.match(
        stderr,
        /^kq: --otlp http:\/\/127\.0\.0\.1:\d+\/v1\/traces: ECONNREFUSED[^\n]*; 1 of 1 span not taken\n$/,
      )
    }
  })

  test('that never answers is waited for as long as the environment says', async () => {
    const collector = await collecting(() => {})
    const { code, stderr } = await shell(
      'exit 3',
      ['--quiet', '--output', '/dev/null', '--otlp', collector.url],
      { OTEL_EXPORTER_OTLP_TIMEOUT: '200' },
    )
    assert.equal(code, 3)
    assert.match(stderr, /^kq: [^\n]+: no answer in time; 1 of 1 span not taken\n$/)
  })

  const refusals: [name: string, answer: Parameters<typeof Collector.open>[0], RegExp][] = [
    ['that refuses', (response) => response.writeHead(400).end('{}'), /HTTP 400 Bad Request; 1 of/],
    [
      'that takes a part',
      (response) =>
        response
          .writeHead(200)
          .end('{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too \\u001b old"}}'),
      /: too \\x1b old; 1 of 1 span/,
    ],
  ]
  for (const [name, answer, message] of refusals) {
    test(`${name} is not asked again`, async () => {
      const collector = await collecting(answer)
      const { code, stderr } = await shell('exit 0', ['--quiet', '--otlp', collector.url], {})
      assert.deepEqual([code, collector.taken.length], [0, 1])
      assert.match(stderr, message)
    })
  }

  test('gets headers, packed bodies, and the path that is given for traces', async () => {
    const collector = await collecting()
    const { stderr } = await shell('exit 0', ['--quiet'], {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/here?x=1`,
      OTEL_EXPORTER_OTLP_HEADERS: 'a=1,authorization=Basic%20abc',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=2',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    })
    assert.ok(!stderr.includes('kq:'), stderr)
    const { path, headers } = collector.taken[0]!
    const { a, authorization, 'content-encoding': encoding } = headers
    assert.deepEqual([path, a, authorization, encoding], ['/here?x=1', '2', 'Basic abc', 'gzip'])
  })

  test('gets many in batches, each once, and every one is accounted for', async () => {
    const collector = await collecting((response, count) => {
      if (count === 1) response.writeHead(400).end()
      else takeAll(response)
    })
    const sender = new Sender(collectorOf(collector.url, NONE), '0')
    const spans = new Spans(contextOf({}))
    const { processes, end } = many(1300)
    for (const one of processes) sender.add(spans.of(one, end))
    const failure = await sender.finish(new AbortController().signal)
    assert.match(failure!, new RegExp(`HTTP 400 Bad Request; 512 of ${processes.length} spans`))
    assert.equal(collector.taken.length, 3)
    const ids = collector.spans().map(({ spanId }) => spanId)
    assert.deepEqual([ids.length, new Set(ids).size], [processes.length, processes.length])
  })
})

describe('the environment', () => {
  const URL = 'http://c:4318'

  test('asks for spans, or forbids them', () => {
    assert.equal(asksForSpans({}), false)
    assert.equal(asksForSpans({ OTEL_EXPORTER_OTLP_ENDPOINT: URL }), true)
    assert.equal(asksForSpans({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: URL }), true)
    const forbidden = [{ OTEL_SDK_DISABLED: 'TRUE' }, { OTEL_TRACES_EXPORTER: 'none' }]
    for (const env of forbidden) {
      assert.equal(asksForSpans({ OTEL_EXPORTER_OTLP_ENDPOINT: URL, ...env }), false)
    }
  })

  test('says where they go', () => {
    const url = (env: NodeJS.ProcessEnv, given?: string) => collectorOf(given, env).url
    assert.equal(url({}, 'http://c:4318'), 'http://c:4318/v1/traces')
    assert.equal(url({}, 'https://c/otlp/'), 'https://c/otlp/v1/traces')
    assert.equal(url({}, 'http://c/v1/traces'), 'http://c/v1/traces')
    assert.equal(url({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c/a' }), 'http://c/a/v1/traces')
    assert.equal(url({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/a' }), 'http://c/a')
  })

  test('that cannot be is said, and the command runs', async () => {
    for (const [env, message] of [
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'c:4318' }, /OTEL_EXPORTER_OTLP_ENDPOINT 'c:4318' is no/],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /is grpc/],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL, OTEL_EXPORTER_OTLP_HEADERS: 'x' }, /HEADERS is not/],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: URL, OTEL_RESOURCE_ATTRIBUTES: 'a=%' }, /has a %/],
    ] as const) {
      const { code, stdout, stderr } = await shell('echo ran; exit 3', ['-o', '/dev/null'], env)
      assert.deepEqual([code, stdout], [3, 'ran\n'])
      assert.match(stderr, message)
      assert.equal(stderr.split('\n').length, 2)
    }
  })

  test('TRACEPARENT counts only if it is well-formed', () => {
    const parent = (TRACEPARENT: string) => contextOf({ TRACEPARENT }).parent
    assert.equal(parent(CONTEXT), PARENT)
    assert.equal(parent(`01-${TRACE}-${PARENT}-01-more`), PARENT)
    for (const wrong of [
      '',
      'x',
      CONTEXT.toUpperCase(),
      `ff-${TRACE}-${PARENT}-01`,
      `${CONTEXT}-more`,
      `00-${'0'.repeat(32)}-${PARENT}-01`,
      `00-${TRACE}-${'0'.repeat(16)}-01`,
    ]) {
      assert.equal(parent(wrong), undefined, wrong)
      assert.match(contextOf({ TRACEPARENT: wrong }).traceId, /^[\da-f]{32}$/)
    }
    assert.equal(contextOf({ TRACEPARENT: `00-${TRACE}-${PARENT}-00` }).sampled, false)
  })

  for (const [url, message] of [
    ['', /--otlp '' is no address/],
    ['localhost:4318', /--otlp 'localhost:4318' is no address; write http/],
    ['ftp://c/', /is no address/],
    ['http://me:secret@c/', /^--otlp has a name or a password in it;/],
  ] as const) {
    test(`--otlp '${url}' is refused`, async () => {
      assert.throws(() => collectorOf(url, {}), { constructor: UsageError, message })
      const { code, stderr } = await run(['trace', `--otlp=${url}`, 'false'], { env: NONE })
      assert.equal(code, 2)
      assert.match(stderr, /^kq: --otlp [^\n]+\n$/)
    })
  }
})
