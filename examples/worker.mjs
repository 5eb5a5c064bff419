// A worker that blocks in kevent(2) while the main thread goes on. Each thread has
// queues of its own; what a worker waits for costs the main thread nothing.
//
//     node examples/worker.mjs
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { EV_ADD, EV_EOF, EV_SET, EVFILT_READ, kqueue } from 'kqueue'

if (isMainThread) await main()
else work(workerData)

async function main() {
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-worker-'))
  const path = join(directory, 'fifo')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, 'w')

  // Descriptors belong to the process: a number is all that the worker needs.
  const worker = new Worker(new URL(import.meta.url), { workerData: reader })
  worker.on('message', (text) => console.log(`the worker has read: ${text}`))
  await new Promise((resolve) => worker.once('online', resolve))

  let turns = 0
  const timer = setInterval(() => turns++, 5)
  for (const word of ['one', 'two', 'three']) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    writeSync(writer, word)
    await new Promise((resolve) => worker.once('message', resolve))
  }
  closeSync(writer)
  await new Promise((resolve) => worker.once('exit', resolve))
  clearInterval(timer)
  console.log(`the main thread went on: ${turns >= 3}`)
  closeSync(reader)
  rmSync(directory, { recursive: true })
}

function work(fd) {
  const kq = kqueue()
  kq.kevent([EV_SET(fd, EVFILT_READ, EV_ADD)])
  const buffer = Buffer.alloc(4096)
  for (;;) {
    const [event] = kq.kevent(null, 1) // blocks this thread, not the others
    if (event.data === 0 && event.flags & EV_EOF) break
    const n = readSync(fd, buffer, 0, Math.min(event.data, buffer.length), null)
    parentPort.postMessage(buffer.toString('utf8', 0, n))
  }
  kq.close()
}
