/**
 * Modules of Node.js that few programs need: each is loaded when it is needed first. By `import`
 * they come with the package, and bring so many others that it takes twice as long to load.
 */
import { require } from '#later'

/** Node.js has the first one since 20.16. */
const builtin = (name: string): unknown => (process.getBuiltinModule ?? require)(name)

export const childProcess = () =>
  builtin('node:child_process') as typeof import('node:child_process')
export const crypto = () => builtin('node:crypto') as typeof import('node:crypto')
export const tty = () => builtin('node:tty') as typeof import('node:tty')
export const v8 = () => builtin('node:v8') as typeof import('node:v8')
export const workerThreads = () =>
  builtin('node:worker_threads') as typeof import('node:worker_threads')
export const zlib = () => builtin('node:zlib') as typeof import('node:zlib')
