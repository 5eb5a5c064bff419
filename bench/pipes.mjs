// Real pipes for our side. They are made, written and read by the C code that the peers
// use, peers/pipes.h: it is not what is measured.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { getSystemErrorName } from 'node:util'
import { Failure } from './failure.mjs'

const require = createRequire(import.meta.url)
const DIRECTORY = fileURLToPath(new URL('../test/native/', import.meta.url))

/**
 * @typedef {object} Pipes of peers/pipes.c
 * @property {(count: number, ready: number) => number} open
 * @property {(at: number) => number} reader
 * @property {(at: number) => number} writer
 * @property {() => number} signal
 * @property {() => number} close
 * @property {() => number} turn
 * @property {() => number} turn100
 * @property {(proves: boolean, told: Int32Array) => number} watch
 * @property {(fd: number) => number} add
 * @property {(fd: number) => number} remove
 * @property {(room: number) => number} scan
 * @property {() => number} leave
 */

/**
 * The addon, built if it is not there.
 *
 * @param {'pipes' | 'bare'} [name] for our side, or for the contestant without a machine
 * @returns {Pipes}
 */
export function loadPipes(name = 'pipes') {
  const addon = `${DIRECTORY}build/Release/${name}.node`
  if (existsSync(addon)) return require(addon)
  const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js')
  const args = [nodeGyp, '-C', DIRECTORY, 'rebuild', '--loglevel=error']
  const build = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (build.status !== 0 || !existsSync(addon)) {
    throw new Failure(`test/native, which makes the pipes, does not build: ${build.stderr}`)
  }
  return require(addon)
}

/**
 * @param {number} count pipes; one set is open at a time
 * @param {number} ready so many of them have a byte waiting
 * @param {Pipes} addon
 * @returns {{ readers: number[], turn(): number, turn100(): number, close(): void }} `turn` reads
 *   what the last one has written, and writes a byte to the next pipe, `turn100` to the next 100
 */
export function openPipes(count, ready, addon = loadPipes()) {
  const { open, reader, close, turn, turn100 } = addon
  const error = open(count, ready)
  if (error !== 0) throw new Failure(`opening ${count} pipes: ${getSystemErrorName(-error)}`)
  return { readers: Array.from({ length: count }, (_, i) => reader(i)), turn, turn100, close }
}
