/**
 * The real command `kq` in a child process:
 *
 *     const kq = start(['watch', '--read', fifo])
 *     const line = await kq.line()
 *     const { code, stdout, stderr } = await kq.ended
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import * as posix from '../native/posix.js'
import { LONG } from '../patience.js'

export const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Running {
  readonly child: ChildProcess
  /** The next line of stdout; rejects when there are no more. */
  line(): Promise<string>
  /** Opens a fifo for writing once the program has opened it for reading. */
  writer(fifo: string): Promise<FileHandle>
  readonly ended: Promise<Ended>
}

export interface Setting {
  stdin?: 'ignore' | number
  stdout?: 'pipe' | number
  stderr?: 'pipe' | number
  /** Inherited as 3, 4 and so on. */
  fds?: readonly number[]
  env?: Record<string, string>
}

/** Starts any program; nothing of this process's environment colours its output. */
export function startProgram(
  program: string,
  args: readonly string[],
  { stdin = 'ignore', stdout = 'pipe', stderr = 'pipe', fds = [], env = {} }: Setting = {},
): Running {
  const { NO_COLOR: _no, FORCE_COLOR: _force, ...plain } = process.env
  const child = spawn(program, args, {
    stdio: [stdin, stdout, stderr, ...fds],
    env: { ...plain, TERM: 'xterm', ...env },
    // A program that hangs fails its test, and is not left behind.
    timeout: LONG,
    killSignal: 'SIGKILL',
  })
  const written = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    written.stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    written.stderr += text
  })
  const lines = child.stdout && createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, ...written }))
  })
  return {
    child,
    ended,
    async line() {
      const next = await lines?.next()
      if (next === undefined || next.done) throw new Error(`no more lines; ${written.stderr}`)
      return next.value
    },
    async writer(fifo) {
      // Where the program has ended instead, nobody else would let go of the open.
      let opened = false
      const release = ended.then(() => {
        if (!opened) closeSync(openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK))
      })
      const file = await open(fifo, 'w')
      opened = true
      release.catch(() => {})
      return file
    },
  }
}

export function start(args: readonly string[], setting?: Setting): Running {
  return startProgram(process.execPath, [MAIN, ...args], setting)
}

/** Runs kq to its end. */
export function run(args: readonly string[], setting?: Setting): Promise<Ended> {
  return start(args, setting).ended
}

/** The JSON lines that were printed. */
export function events(stdout: string): Event[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Event)
}

export interface Event {
  time: number
  filter: string
  ident: number
  flags: string[]
  fflags: string[]
  data: number
  source: string
}

/** A directory for one file of tests. */
export class Directory {
  readonly path = mkdtempSync(join(tmpdir(), 'kq-'))
  #fifos = 0

  join(name: string): string {
    return join(this.path, name)
  }

  fifo(name = `fifo${this.#fifos++}`): string {
    const path = this.join(name)
    posix.mkfifo(path)
    return path
  }

  remove(): void {
    rmSync(this.path, { recursive: true })
  }
}
