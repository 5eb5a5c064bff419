// A tree of very many files, and who watches it, each in a process of its own and one after the
// other: how long that takes until it watches, the memory of the process then, its processor
// time while nothing happens, and from a write to the moment that it knows.
import { spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { summary } from './contest.mjs'
import { hasPackage, packages } from './packages.mjs'
import { TREE_DIRECTORIES, TREE_FILES } from './sizes.mjs'

/** So often all of them watch, and so many writes there are each time. */
const ROUNDS = 3
const WRITES = 67
/** Nothing happens for so long, between writes and while processor time is measured: ms. */
const GAP = 5
const IDLE = 2000
/** Who takes longer is left out: ms. */
const LIMIT = 20_000
const READY_LIMIT = 120_000
/** Directories below the root; the others are in them. */
const TOP = 100

const TICKS = 100
const PROGRAM = fileURLToPath(new URL('tree-watcher.mjs', import.meta.url))

/**
 * How one is started.
 *
 * @typedef {object} Tool
 * @property {(directory: string, files: string[]) => string[]} command
 * @property {'stdout' | 'stderr'} [says] where it says that it watches, if it is not of Node.js
 * @property {RegExp} [ready] what it says
 * @property {boolean} [listed] files come on standard input
 * @property {number} [gap] between writes, ms: sooner it may take no notice
 * @property {number} [writes] each time
 */

/** @type {Record<string, Tool>} */
const TOOLS = {
  ours: inNode('ours'),
  'fs.watch': inNode('fs.watch'),
  chokidar: inNode('chokidar'),
  '@parcel/watcher': inNode('@parcel/watcher'),
  inotifywait: {
    command: (directory) => ['inotifywait', '-m', '-r', '-e', 'modify', directory],
    says: 'stderr',
    ready: /^Watches established/,
  },
  entr: {
    command: () => ['entr', '-n', 'echo'],
    says: 'stdout',
    ready: /^/,
    listed: true,
    gap: 1000,
    writes: 20,
  },
}

/** @param {string} name @returns {Tool} */
function inNode(name) {
  return { command: (directory) => [process.execPath, PROGRAM, name, directory, packages()] }
}

/** @param {string} name */
function isThere(name) {
  if (name === 'ours' || name === 'fs.watch') return true
  if (TOOLS[name].says === undefined) return hasPackage(name)
  return spawnSync('sh', ['-c', 'command -v "$0"', name]).status === 0
}

/** @typedef {'ready' | 'memory' | 'idle' | 'latency'} Figure */

/** @type {Promise<Record<Figure, Record<string, import('./contest.mjs').Summary>>> | undefined} */
let figures

/** All of them, measured once: ms, MB, ms in a second, and µs. @param {Figure} figure */
export async function treeFigure(figure) {
  figures ??= measure()
  return (await figures)[figure]
}

async function measure() {
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-bench-'))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  process.once('exit', remove)
  try {
    const files = plant(directory)
    const names = new Set(Object.keys(TOOLS).filter(isThere))
    /** @type {Record<Figure, Record<string, number[]>>} */
    const samples = { ready: {}, memory: {}, idle: {}, latency: {} }
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of names) {
        if (await watched(name, directory, files, samples)) continue
        console.error(`bench: ${name} is left out: no answer within ${LIMIT / 1000} s`)
        names.delete(name)
      }
    }
    const summaries = Object.entries(samples).map(([figure, of]) => [
      figure,
      Object.fromEntries([...names].map((name) => [name, summary(of[name])])),
    ])
    return Object.fromEntries(summaries)
  } finally {
    process.off('exit', remove)
    remove()
  }
}

/** The files, in directories of two levels. @param {string} root */
function plant(root) {
  const files = []
  const each = TREE_FILES / TREE_DIRECTORIES
  for (let i = 0; i < TREE_DIRECTORIES; i++) {
    const directory =
      i < TOP ? join(root, `d${i}`) : join(root, `d${i % TOP}`, `e${Math.floor(i / TOP)}`)
    mkdirSync(directory)
    for (let j = 0; j < each; j++) {
      const file = join(directory, `f${j}`)
      writeFileSync(file, '')
      files.push(file)
    }
  }
  return files
}

/**
 * One that watches, from its start to its end; whether it did in time.
 *
 * @param {string} name @param {string} directory @param {string[]} files
 * @param {Record<Figure, Record<string, number[]>>} samples
 */
async function watched(name, directory, files, samples) {
  /** @param {Figure} figure @param {number} value */
  const put = (figure, value) => {
    samples[figure][name] ??= []
    samples[figure][name].push(value)
  }
  const watching = new Watching(TOOLS[name], directory, files)
  try {
    const ready = await inTime(watching.ready, READY_LIMIT)
    if (ready === undefined) return false
    put('ready', ready)
    put('memory', watching.memory())
    await pause(IDLE / 4)
    const before = watching.processorTime()
    await pause(IDLE)
    put('idle', (watching.processorTime() - before) / (IDLE / 1000))
    for (let i = 0; i < (TOOLS[name].writes ?? WRITES); i++) {
      await pause(TOOLS[name].gap ?? GAP)
      const fd = openSync(files[Math.floor(Math.random() * files.length)], 'r+')
      const start = process.hrtime.bigint()
      const told = watching.told(start)
      writeSync(fd, 'x', 0)
      closeSync(fd)
      const at = await inTime(told, LIMIT)
      if (at === undefined) return false
      put('latency', Number(at - start) / 1000)
    }
    return true
  } finally {
    await watching.end()
  }
}

/** @template T @param {Promise<T>} promise @param {number} ms @returns {Promise<T | undefined>} */
function inTime(promise, ms) {
  return Promise.race([promise, pause(ms, undefined, { ref: false })])
}

/** A process that watches. */
class Watching {
  #child
  #ended
  #start = performance.now()
  /** @type {(at: bigint) => unknown} */
  #told = () => {}
  /** How long it took until it watched, ms. @type {Promise<number>} */
  ready

  /** @param {Tool} tool @param {string} directory @param {string[]} files */
  constructor(tool, directory, files) {
    const [program, ...args] = tool.command(directory, files)
    this.#child = spawn(program, args, { stdio: 'pipe' })
    this.#child.stdin.on('error', () => {})
    if (tool.listed) this.#child.stdin.end(files.join('\n'))
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve))
    this.ready = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('close', () => reject(new Error(`${args.join(' ')} has ended`)))
      /** @param {string} line */
      const isReady = (line) => {
        const [, took] = line.match(/^ready (\S+)/) ?? []
        if (took !== undefined) resolve(Number(took))
        else if (tool.ready?.test(line)) resolve(performance.now() - this.#start)
      }
      createInterface({ input: this.#child.stderr }).on('line', (line) => {
        if (tool.says === 'stderr') isReady(line)
        else if (tool.says === undefined) console.error(line)
      })
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        isReady(line)
        this.#told(/^\d+$/.test(line) ? BigInt(line) : process.hrtime.bigint())
      })
    })
    this.ready.catch(() => {})
  }

  /**
   * When it knows of a write that comes after `start`: by its own clock, or when its line is here.
   *
   * @param {bigint} start
   */
  told(start) {
    /** @type {Promise<bigint>} */
    const told = new Promise((resolve) => {
      this.#told = (at) => at >= start && resolve(at)
    })
    return told
  }

  /** Resident memory of the process, MB. */
  memory() {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'latin1')
    return Number(status.match(/VmRSS:\s+(\d+)/)?.[1]) / 1024
  }

  /** What it has used of the processor: ms. */
  processorTime() {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'latin1')
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
    return ((Number(user) + Number(system)) * 1000) / TICKS
  }

  async end() {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}
