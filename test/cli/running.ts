/**
 * `kq run` in a child process, by its JSON lines:
 *
 *     const kq = new Runs(['src'], ['make'])
 *     await kq.watching
 *     writeFileSync('src/a.c', 'x')
 *     const { paths } = await kq.started()
 *     await kq.ended()
 *     await kq.end()
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Directory, type Ended, type Running, type Setting, start } from './command.js'

export interface Watching {
  event: 'watching'
  files: number
  directories: number
}

export interface Started {
  time: number
  event: 'started'
  run: number
  pid: number | null
  paths: string[]
}

export interface EndedRun {
  event: 'ended'
  run: number
  code: number | null
  signal: string | null
  duration: number
  stopped: boolean
  reason?: string
}

type Line = Watching | Started | EndedRun

/** Quiet that is certain also on a machine that is busy with other tests, ms. */
export const CALM = 150

export class Runs {
  readonly kq: Running
  readonly watching: Promise<Watching>

  /** Waits for the first change unless `options` say otherwise. */
  constructor(
    paths: readonly string[],
    command: readonly string[] = ['true'],
    options: readonly string[] = ['--postpone'],
    setting?: Setting,
  ) {
    const delay = options.includes('--delay') ? [] : ['--delay', `${CALM}ms`]
    this.kq = start(['run', '--json', ...delay, ...options, ...paths, '--', ...command], setting)
    this.watching = this.#next('watching')
    this.watching.catch(() => {
      // Whoever waits for it is told.
    })
  }

  get pid(): number {
    return this.kq.child.pid!
  }

  async #next<Event extends Line['event']>(event: Event): Promise<Extract<Line, { event: Event }>> {
    const line = JSON.parse(await this.kq.line()) as Line
    assert.equal(line.event, event, JSON.stringify(line))
    return line as Extract<Line, { event: Event }>
  }

  started(): Promise<Started> {
    return this.#next('started')
  }

  ended(): Promise<EndedRun> {
    return this.#next('ended')
  }

  /** One run from its start to its end: the paths that it was for. */
  async ran(): Promise<string[]> {
    const { paths } = await this.started()
    await this.ended()
    return paths
  }

  /** Makes sure that nothing else is to be run: the next run is for `sentinel` alone. */
  async calm(sentinel: string): Promise<void> {
    writeFileSync(sentinel, 'x', { flag: 'a' })
    assert.deepEqual(await this.ran(), [sentinel])
  }

  /** Descriptors that kq has open. */
  descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.kq.child.kill(signal)
    return this.kq.ended
  }
}

/** A directory with files in it, by their names and contents. */
export function plant(directory: Directory, name: string, files: Record<string, string>): string {
  const top = directory.join(name)
  mkdirSync(top)
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(`${top}/${file}`), { recursive: true })
    writeFileSync(`${top}/${file}`, content)
  }
  return top
}

/** Runs a program to its end, which is to be a good one. */
export function call(program: string, args: readonly string[], cwd?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd }, (error, stdout) => (error ? reject(error) : resolve(stdout)))
  })
}

/** Whether a program can be run here. */
export function has(program: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, ['--version'], { stdio: 'ignore' })
    child.on('error', () => resolve(false))
    child.on('exit', (code) => resolve(code === 0))
  })
}

/** Whether a process is there and has not ended. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}
