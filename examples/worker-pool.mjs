// A pool of workers that share one pipe of jobs. What each is to watch is set up once, here,
// and sent to each as an image: the jobs, and a clock.
//
//     node examples/worker-pool.mjs
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { EV_ADD, EV_CLEAR, EV_EOF, EV_SET, EVFILT_READ, EVFILT_TIMER, Kqueue, kqueue } from 'kqueue'

const WORKERS = 3
const JOBS = 12
/** Bytes of a job: a read of so many takes one whole. */
const SIZE = 4

if (isMainThread) await main()
else work(workerData)

async function main() {
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-pool-'))
  const path = join(directory, 'jobs')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, 'w')

  const kq = kqueue()
  kq.kevent([
    EV_SET(reader, EVFILT_READ, EV_ADD, 0, 0, 'jobs'),
    // One clock for all: it ticks in each worker at the same moments.
    EV_SET(1, EVFILT_TIMER, EV_ADD | EV_CLEAR, 0, 5, 'tick'),
  ])
  const image = kq.image()
  kq.close()

  const done = []
  const workers = Array.from({ length: WORKERS }, (_, number) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { image, number } })
    worker.on('message', (job) => done.push(job))
    return new Promise((resolve) => worker.once('exit', () => resolve(number)))
  })
  for (let job = 0; job < JOBS; job++) writeSync(writer, String(job).padStart(SIZE))
  closeSync(writer)

  const ended = []
  await Promise.all(workers.map((worker) => worker.then((number) => ended.push(number))))
  const each = new Set(done)
  console.log(
    `${each.size} jobs by ${WORKERS} workers, each ${done.length === JOBS ? 'once' : '?'}`,
  )
  console.log(`stopped ${ended.join(' ')}`)
  closeSync(reader)
  rmSync(directory, { recursive: true })
}

function work({ image }) {
  const kq = Kqueue.fromImage(image)
  const buffer = Buffer.alloc(SIZE)
  for (;;) {
    const events = kq.kevent([], 8)
    const jobs = events.find(({ udata }) => udata === 'jobs')
    if (jobs === undefined) continue
    const job = take(jobs.ident, buffer)
    if (job !== undefined) parentPort.postMessage(job)
    else if (jobs.flags & EV_EOF) break
  }
  kq.close()
}

/** One job, if no other worker was faster. */
function take(fd, buffer) {
  try {
    return readSync(fd, buffer) === SIZE ? Number(buffer.toString()) : undefined
  } catch (error) {
    if (error.code === 'EAGAIN') return undefined
    throw error
  }
}
