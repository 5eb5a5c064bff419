// Real pipes for our side, from the addon that the tests use: Node.js itself
// has no pipe(2).
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Failure } from './failure.mjs'

const require = createRequire(import.meta.url)
const DIRECTORY = fileURLToPath(new URL('../test/native/', import.meta.url))
const ADDON = `${DIRECTORY}build/Release/posix.node`

/** The addon, built if it is not there. */
function loadPosix() {
  if (existsSync(ADDON)) return require(ADDON)
  const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js')
  const args = [nodeGyp, '-C', DIRECTORY, 'rebuild', '--loglevel=error']
  const build = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (build.status !== 0 || !existsSync(ADDON)) {
    throw new Failure(`test/native, which makes the pipes, does not build: ${build.stderr}`)
  }
  return require(ADDON)
}

/**
 * @param {number} count
 * @param {number} bytes waiting in each
 * @returns {{ readers: number[], close(): void }}
 */
export function openPipes(count, bytes) {
  const posix = loadPosix()
  const { O_CLOEXEC, O_NONBLOCK } = posix.constants
  /** @type {number[]} */
  const readers = []
  /** @type {number[]} */
  const writers = []
  const close = () => {
    for (const fd of [...readers, ...writers]) posix.close(fd)
  }
  try {
    for (let i = 0; i < count; i++) {
      const [reader, writer] = posix.pipe2(O_CLOEXEC | O_NONBLOCK)
      readers.push(reader)
      writers.push(writer)
      if (bytes > 0) posix.write(writer, new Uint8Array(bytes))
    }
  } catch (error) {
    close()
    throw new Failure(`opening ${count} pipes: ${/** @type {Error} */ (error).message}`)
  }
  return { readers, close }
}
