// The C contestants: small programs compiled for one run, kept as child
// processes that are asked for one round at a time. See peers/measure.h.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Failure } from './failure.mjs'

const SOURCES = fileURLToPath(new URL('peers/', import.meta.url))
const CC = process.env.CC || 'cc'
const CFLAGS = ['-std=c11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror']

/**
 * The compiled peers, which are gone when this process ends: by name, and that of peers/others.c.
 *
 * @typedef {Partial<Record<PeerName, string>> & { others: string }} Programs
 */

/**
 * @param {{ library: string, include: string } | undefined} kqueue a C kqueue library
 * @returns {Programs}
 */
export function compilePeers(kqueue) {
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-bench-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  return {
    epoll: compile(directory, 'epoll', []),
    proved: compile(directory, 'epoll', ['-DPROVED'], 'proved'),
    ...(kqueue && { libkqueue: compile(directory, 'kqueue', kqueueFlags(kqueue)) }),
    others: compile(directory, 'others', []),
  }
}

/** @param {Programs} programs @returns {Promise<Peer[]>} */
export async function startPeers({ others: _, ...programs }) {
  /** @type {Peer[]} */
  const peers = []
  try {
    for (const [name, program] of Object.entries(programs)) {
      peers.push(await Peer.start(/** @type {PeerName} */ (name), program))
    }
    return peers
  } catch (error) {
    for (const peer of peers) peer.close()
    throw error
  }
}

/** @param {string} directory @param {string} name @param {string[]} flags @param {string} [as] */
function compile(directory, name, flags, as = name) {
  const program = join(directory, as)
  const source = join(SOURCES, `${name}.c`)
  const cc = spawnSync(CC, [...CFLAGS, '-o', program, source, ...flags], { encoding: 'utf8' })
  if (cc.error !== undefined) {
    throw new Failure(
      `the C compiler '${CC}' cannot be run (${cc.error.message}): install one or set CC`,
    )
  }
  if (cc.status !== 0) {
    const lines = cc.stderr.split('\n')
    const reason = lines.find((line) => /error|undefined reference|cannot find/.test(line))
    throw new Failure(
      `bench/peers/${name}.c does not build: ${reason || lines[0] || `${CC} ended with ${cc.status}`}`,
    )
  }
  return program
}

/** @param {{ library: string, include: string }} kqueue */
function kqueueFlags({ library, include }) {
  const file = resolve(library)
  if (!existsSync(file)) throw new Failure(`--peer: there is no file ${library}`)
  const headers = [resolve(include), resolve(include, 'kqueue')].find((directory) =>
    existsSync(join(directory, 'sys/event.h')),
  )
  if (headers === undefined) {
    throw new Failure(
      `--peer-include: no sys/event.h in ${include} or ${join(include, 'kqueue')}: name the folder that holds sys/, as 'include' of the library's build does`,
    )
  }
  return ['-isystem', headers, file, `-Wl,-rpath,${dirname(file)}`, '-pthread']
}

/** A peer that answers so many s later than it was to is ended. */
const LIMIT = 20

/** The rows of the peer that proves; the others have all that their programs know. */
const PROVED = new Set([
  ...['rotate', 'rotate-100', 'churn', 'sparse', 'level-rescan', 'read-scan', 'scan-9000'],
  ...['register', 'register-3000', 'register-9000', 'unregister', 'unregister-3000'],
])

/** @typedef {'epoll' | 'proved' | 'libkqueue'} PeerName as in the results */

/** A running peer. It ends when its standard input does, so with this process. */
export class Peer {
  #program
  #running
  /** A row at which it did not answer. @type {string | undefined} */
  #hung

  /** @param {PeerName} name @param {string} program */
  constructor(name, program) {
    this.name = name
    this.#program = program
    this.#running = new Running(program)
  }

  /** @param {PeerName} name @param {string} program */
  static async start(name, program) {
    const peer = new Peer(name, program)
    await peer.#loaded()
    return peer
  }

  async #loaded() {
    if ((await this.#running.answer()) === 'ready') return
    throw new Failure(`the ${this.name} peer does not load: ${await this.#running.ended}`)
  }

  /**
   * One round of a row.
   *
   * @param {string} row @param {number} seconds @param {boolean} [processor] a second is one of
   *   the processor
   * @returns {Promise<number | undefined>} units a second, or the figure of a sample; undefined:
   *   it has no such row, or did not answer in time
   */
  async rate(row, seconds, processor = false) {
    if (row === this.#hung || (this.name === 'proved' && !PROVED.has(row))) return undefined
    /** @type {NodeJS.Timeout | undefined} */
    let timer
    /** @type {Promise<'late'>} */
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, (seconds + LIMIT) * 1000, 'late')
    })
    const answer = await Promise.race([
      this.#running.ask(`${row} ${seconds} ${processor ? 'cpu' : 'wall'}`),
      late,
    ])
    clearTimeout(timer)
    if (answer === undefined) {
      throw new Failure(`the ${this.name} peer failed at ${row}: ${await this.#running.ended}`)
    }
    if (answer === 'late') {
      console.error(`bench: ${this.name} is left out of ${row}: no answer within ${LIMIT} s`)
      this.#hung = row
      this.#running.kill()
      this.#running = new Running(this.#program)
      await this.#loaded()
      return undefined
    }
    return answer === '-' ? undefined : Number(answer)
  }

  /** What it measures of a row ends. */
  async leave() {
    await this.rate('none', 0)
  }

  close() {
    this.#running.close()
  }
}

/** A process of a peer. */
class Running {
  #child
  #lines
  #errors = ''

  /** @param {string} program */
  constructor(program) {
    this.#child = spawn(program, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#errors += text
    })
    this.#child.stdin.on('error', () => {}) // a dead peer is noticed where its answer is awaited
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
    /** @type {Promise<string>} */
    this.ended = new Promise((done) => {
      this.#child.once('error', (error) => done(error.message))
      this.#child.once('close', (code, signal) => {
        done(this.#errors.trim().split('\n')[0] || `it ended with ${signal ?? code}`)
      })
    })
  }

  /** @param {string} line */
  ask(line) {
    this.#child.stdin.write(`${line}\n`)
    return this.answer()
  }

  /** The next line, undefined when the peer has ended. @returns {Promise<string | undefined>} */
  async answer() {
    const { value, done } = await this.#lines.next()
    return done ? undefined : value
  }

  kill() {
    this.#child.kill('SIGKILL')
  }

  close() {
    this.#child.stdin.end()
  }
}
