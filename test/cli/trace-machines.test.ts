/** `kq trace --otlp` on two machines: each has a network and a name of its own. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { it, type TestContext } from 'node:test'
import { command, inNamespaces } from '../node/namespaces.js'
import { LONG } from '../patience.js'
import { Collector, valueOfKey } from './collector.js'
import { MAIN } from './command.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'

/** A machine with a wire to this one: what enters it is in its namespaces. */
class Machine {
  readonly name
  readonly #keeper
  /** Of the end of the wire that is here. */
  readonly address

  private constructor(name: string, keeper: ChildProcess, address: string) {
    this.name = name
    this.#keeper = keeper
    this.address = address
  }

  static async start(t: TestContext, number: number): Promise<Machine> {
    const name = `machine${number}`
    const script = `hostname ${name} && ip link set lo up && echo there && exec sleep ${LONG}`
    const keeper = spawn('unshare', ['-n', '-u', 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const machine = new Machine(name, keeper, `10.9.${number}.1`)
    t.after(() => keeper.kill('SIGKILL'))
    await once(keeper.stdout, 'data')
    const far = ['netns', `${keeper.pid}`]
    command('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'wire', ...far)
    command('ip', 'address', 'add', `${machine.address}/24`, 'dev', name)
    command('ip', 'link', 'set', name, 'up')
    machine.enter('ip', 'address', 'add', `10.9.${number}.2/24`, 'dev', 'wire')
    machine.enter('ip', 'link', 'set', 'wire', 'up')
    return machine
  }

  enter(...words: string[]): string {
    return command('nsenter', ...this.#words, ...words)
  }

  /** To its exit code, and what it wrote to standard error. */
  async run(env: NodeJS.ProcessEnv, ...words: string[]): Promise<[number, string]> {
    const child = spawn('nsenter', [...this.#words, ...words], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let complaints = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints += text
    })
    const [code] = (await once(child, 'close')) as [number]
    return [code, complaints]
  }

  get #words(): string[] {
    return ['-t', `${this.#keeper.pid}`, '-n', '-u', '--']
  }
}

inNamespaces(import.meta.url, () => {
  it('meets in one trace', async (t) => {
    const machines = [await Machine.start(t, 1), await Machine.start(t, 2)]
    const [code, complaints] = await machines[0]!.run({}, process.execPath, MAIN, 'trace', 'true')
    if (code !== 0) return t.skip(complaints)
    const collector = await Collector.open(undefined, '0.0.0.0')
    t.after(() => collector.close())
    const { port } = new URL(collector.url)
    const ends = await Promise.all(
      machines.map(({ address }, i) =>
        machines[i]!.run(
          {
            OTEL_EXPORTER_OTLP_ENDPOINT: `http://${address}:${port}`,
            OTEL_EXPORTER_OTLP_TIMEOUT: `${LONG}`,
            TRACEPARENT: `00-${TRACE}-${PARENT}-01`,
          },
          ...[process.execPath, MAIN, 'trace', '--quiet', 'sh', '-c', 'cat /dev/null; exit 7'],
        ),
      ),
    )
    assert.deepEqual(
      ends.map(([code]) => code),
      [7, 7],
      JSON.stringify(ends),
    )
    const hosts = collector.taken.map(({ request }) =>
      valueOfKey(request.resourceSpans[0]!.resource.attributes, 'host.name'),
    )
    assert.deepEqual(hosts.toSorted(), ['machine1', 'machine2'])
    const spans = collector.spans()
    assert.deepEqual(new Set(spans.map(({ traceId }) => traceId)), new Set([TRACE]))
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === PARENT)
    assert.deepEqual(
      roots.map(({ name }) => name),
      ['sh', 'sh'],
    )
    for (const { spanId } of roots) {
      assert.equal(spans.filter(({ parentSpanId }) => parentSpanId === spanId).length, 1)
    }
  })
})
