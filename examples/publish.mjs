// Standard input, a line a message, into a stream of NATS JetStream, where it stays: for what
// kq tells and others are to read, on other machines and later.
//
//     npm install @nats-io/transport-node @nats-io/jetstream
//     kq watch -r --vnode src --json | node examples/publish.mjs nats://127.0.0.1:4222 files.src
//
// One after the other, each until the broker says that it is stored, so they are in order;
// what is not taken yet waits in the pipe, and before that in the kernel. A broker that goes away
// is waited for. Each message has a name, by which the broker knows it when it comes again, so each is
// stored once. The subject up to its first dot is the name of the stream.
import { createInterface } from 'node:readline'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'

/** ms to wait for the broker to answer, and before it is asked again. */
const TIMEOUT = 5000
const PAUSE = 250

const [servers = 'nats://127.0.0.1:4222', subject = 'kq.events'] = process.argv.slice(2)
const connection = await connect({
  servers,
  maxReconnectAttempts: -1,
  reconnectTimeWait: PAUSE,
})
const name = subject.split('.')[0]
const manager = await jetstreamManager(connection)
await manager.streams.add({ name, subjects: [name, `${name}.>`] })

// Ctrl-C is for the writer, and what it has written is stored. The next one ends this.
process.once('SIGINT', () => {})
const run = `${process.pid}.${Date.now()}`
let stored = 0
for await (const line of createInterface({ input: process.stdin })) {
  await store(line, `${run}.${stored}`)
  stored++
}
console.log(`${stored} stored`)
await connection.drain()

async function store(line, msgID) {
  for (;;) {
    try {
      return await jetstream(connection).publish(subject, line, { msgID, timeout: TIMEOUT })
    } catch (error) {
      console.error(`${error.message}; once more`)
      await new Promise((resolve) => setTimeout(resolve, PAUSE))
    }
  }
}
