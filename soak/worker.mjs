// A worker that runs churns until it is terminated.
import { parentPort, workerData } from 'node:worker_threads'
import { run } from './run.mjs'

await run({
  ...workerData,
  over: () => false,
  loaded: () => parentPort?.postMessage({}),
  report: (name, account) => parentPort?.postMessage({ name, account }),
})
