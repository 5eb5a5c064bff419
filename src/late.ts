/**
 * Modules of Node.js that few programs need: each is loaded when it is needed first. By `import`
 * they come with the package, and bring so many others that it takes twice as long to load.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

export const childProcess = () =>
  require('node:child_process') as typeof import('node:child_process')
export const workerThreads = () =>
  require('node:worker_threads') as typeof import('node:worker_threads')
export const v8 = () => require('node:v8') as typeof import('node:v8')
