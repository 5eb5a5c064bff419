/** `kq watch --json | node examples/publish.mjs`, with a broker of NATS where there is one. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { after, describe, test } from 'node:test'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { BOUNDED, exited, spawn, until } from '../patience.js'
import { ROOT } from './program.js'

const KQ = join(ROOT, 'dist/cli/main.js')
const PUBLISH = join(ROOT, 'examples/publish.mjs')
const EVENTS = 1000

const hasBroker = spawnSync('nats-server', ['--version'], BOUNDED).status === 0

const top = fs.mkdtempSync(join(tmpdir(), 'kqueue-nats-'))
after(() => fs.rmSync(top, { recursive: true, force: true }))

/** A broker on a port of its own, which may be killed and begun again. */
class Broker {
  readonly #store = fs.mkdtempSync(join(top, 'store-'))
  #server: ChildProcess | undefined
  #port = '-1'

  async begin(): Promise<void> {
    const ports = fs.mkdtempSync(join(top, 'ports-'))
    const words = ['-js', '-sd', this.#store, '-a', '127.0.0.1', '-p', this.#port]
    this.#server = spawn('nats-server', [...words, '--ports_file_dir', ports], { stdio: 'ignore' })
    const said = (): string | undefined => {
      const [file] = fs.readdirSync(ports)
      return file && /:(\d+)/.exec(fs.readFileSync(join(ports, file), 'utf8'))?.[1]
    }
    await until(() => said() !== undefined, 'a port')
    this.#port = said()!
  }

  async kill(): Promise<void> {
    this.#server!.kill('SIGKILL')
    await exited(this.#server!)
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`
  }
}

/** All that is in a stream, in its order. */
async function stored(manager: JetStreamManager, stream: string): Promise<string[]> {
  const { state } = await manager.streams.info(stream)
  const messages = []
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    messages.push((await manager.streams.getMessage(stream, { seq }))!.string())
  }
  return messages
}

function publisher(broker: Broker, subject: string): ChildProcess {
  return spawn(process.execPath, [PUBLISH, broker.url, subject], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
}

async function inspecting(broker: Broker): Promise<[NatsConnection, JetStreamManager]> {
  const connection = await connect({ servers: broker.url })
  return [connection, await jetstreamManager(connection)]
}

describe('publish.mjs', { skip: !hasBroker && 'nats-server is not installed' }, () => {
  test(`${EVENTS} events of a tree are stored, each once and in order`, async () => {
    const broker = new Broker()
    await broker.begin()
    const tree = fs.mkdtempSync(join(top, 'tree-'))
    const words = ['watch', '-r', '--vnode', tree, '--exist', tree, '--json']
    const count = ['--count', `${EVENTS + 1}`]
    const kq = spawn(process.execPath, [KQ, ...words, ...count], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const publish = publisher(broker, 'files.tree')
    kq.stdout!.pipe(publish.stdin!)
    const said = text(publish.stdout!)
    // The first line is of the tree itself: it is watched.
    await once(kq.stdout!, 'data')
    const paths = Array.from({ length: EVENTS }, (_, i) => join(tree, `${i}`))
    for (const path of paths) fs.mkdirSync(path)
    await exited(publish)
    assert.equal(await said, `${EVENTS + 1} stored\n`)
    const [connection, manager] = await inspecting(broker)
    const [first, ...rest] = await stored(manager, 'files')
    await connection.close()
    await broker.kill()
    assert.equal(JSON.parse(first!).exists, true)
    assert.deepEqual(
      rest.map((line) => JSON.parse(line).path),
      paths,
    )
  })

  test('none is lost or stored again when the broker is killed amid them', async () => {
    const broker = new Broker()
    await broker.begin()
    const script = `${JSON.stringify(process.execPath)} ${KQ} watch --timer 1ms --json --count ${EVENTS}`
    const kq = spawn('sh', ['-c', `${script} | tee ${join(top, 'lines')}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const publish = publisher(broker, 'ticks')
    const lines = createInterface({ input: kq.stdout! })
    let seen = 0
    for await (const line of lines) {
      publish.stdin!.write(`${line}\n`)
      seen++
      if (seen % 300 !== 0) continue
      await broker.kill()
      await broker.begin()
    }
    publish.stdin!.end()
    await exited(publish)
    const [connection, manager] = await inspecting(broker)
    const all = await stored(manager, 'ticks')
    await connection.close()
    await broker.kill()
    assert.equal(seen, EVENTS)
    assert.equal(`${all.join('\n')}\n`, fs.readFileSync(join(top, 'lines'), 'utf8'))
  })
})
