// A pre-forked server: workers are started with a copy of one prepared queue, which watches
// the fifo that requests come through. No worker registers anything, each is told of every
// request, and who reads it first has it.
//
//     node examples/prefork.mjs [--cluster]
//
// With --cluster the workers are those of node:cluster.
import { execFileSync } from 'node:child_process'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  EV_ADD,
  EV_CLEAR,
  EV_SET,
  EVFILT_READ,
  fork,
  forkOptions,
  inheritedKqueues,
  KQUEUE_CPONFORK,
  kqueuex,
} from 'kqueue'

const WORKERS = 3
const REQUESTS = 30
/** Bytes; pipes pass so few at once or not at all. */
const REQUEST = 16
const SELF = fileURLToPath(import.meta.url)

const [copy] = inheritedKqueues().values()
if (copy === undefined) await main()
else await work(copy)

async function main() {
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-prefork-'))
  const path = join(directory, 'requests')
  execFileSync('mkfifo', [path])
  const fifo = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const kq = kqueuex(KQUEUE_CPONFORK)
  kq.kevent([EV_SET(fifo, EVFILT_READ, EV_ADD | EV_CLEAR)])

  // What comes while they start is not lost.
  const workers = process.argv.includes('--cluster') ? startCluster() : start()
  for (let i = 0; i < REQUESTS; i++) writeSync(fifo, `request ${i}`.padEnd(REQUEST))

  const served = []
  const all = new Promise((resolve) => {
    for (const worker of workers) {
      worker.on('message', (request) => {
        served.push(request)
        if (served.length === REQUESTS) resolve()
      })
    }
  })
  await all
  const exits = workers.map((worker) => once(worker, 'exit'))
  for (const worker of workers) worker.disconnect()
  await Promise.all(exits)
  console.log(`${WORKERS} workers have served ${new Set(served).size} requests, each once`)
  kq.close()
  rmSync(directory, { recursive: true })
}

function start() {
  return Array.from({ length: WORKERS }, () => fork(SELF))
}

function startCluster() {
  const options = forkOptions({ stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  cluster.setupPrimary({ exec: SELF, args: [], stdio: options.stdio })
  const workers = Array.from({ length: WORKERS }, () => cluster.fork(options.env))
  options.close()
  return workers
}

async function work(kq) {
  const request = Buffer.alloc(REQUEST)
  // The others may have served all while this one started.
  if (!process.connected) return
  process.on('disconnect', () => kq.close())
  for await (const { ident: fifo } of kq) {
    while (take(fifo, request)) process.send(request.toString().trim())
  }
}

/** Whether there was a request that nobody else had. */
function take(fifo, request) {
  try {
    return readSync(fifo, request) === REQUEST
  } catch (error) {
    if (error.code === 'EAGAIN') return false
    throw error
  }
}
