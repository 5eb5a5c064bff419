/** What the tests of processes share: puppets, which end with their test, and strangers. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'node:test'
import { type Change, EV_ADD, EV_SET, EVFILT_PROC, type Kevent, type Kqueue } from 'kqueue'
import * as posix from '../native/posix.js'
import { BOUNDED } from '../patience.js'
import { type Puppet, Puppets } from '../scenarios/linux-processes.js'
import { keep, LONG } from './queues.js'

export type { Puppet }

let directory: string | undefined
let puppets: Puppets | undefined

/** A child of this process of which Node does not know; as root with a certain pid. */
export function puppet(pid = 0): Puppet {
  if (puppets === undefined) {
    directory = mkdtempSync(join(tmpdir(), 'kqueue-puppets-'))
    puppets = new Puppets(join(directory, 'all'))
  }
  return puppets.spawn(pid)
}

/** Waits for a puppet that has exited: its status, null for one that has not. */
export const reap = (pid: number): number | null => puppets!.waitpid(pid)

/** To be called once in a file of tests. */
export function cleanUpPuppets(): void {
  afterEach(() => {
    puppets?.dispose()
    if (directory !== undefined) rmSync(directory, { recursive: true })
    puppets = directory = undefined
  })
}

export const watch = (pid: number, notes: number): Change =>
  EV_SET(pid, EVFILT_PROC, EV_ADD, notes >>> 0)

/** A process that this one did not start: its parent has exited. */
export function stranger(commands: string): number {
  return Number(execFileSync('sh', ['-c', `(${commands}) > /dev/null 2>&1 & echo $!`], BOUNDED))
}

/** Of a program that is not looked after by a sanitizer, which would fork as it exits. */
const PLAIN = { ...process.env, LD_PRELOAD: undefined }

/** A stranger that begins with its commands when it is told to. */
export function idleStranger(commands: string): { pid: number; go(): void } {
  const [r, w] = posix.pipe2(posix.constants.O_CLOEXEC)
  const script = `exec 3<&0; (read go <&3; ${commands}) > /dev/null 2>&1 & echo $!`
  const pid = Number(
    execFileSync('sh', ['-c', script], { stdio: [r, 'pipe', 'inherit'], env: PLAIN, ...BOUNDED }),
  )
  posix.close(r)
  keep(w)
  return { pid, go: () => void posix.write(w, '\n') }
}

/** Many strangers that do nothing. */
export function sleepers(count: number): number[] {
  const loop = `i=0; while [ $i -lt ${count} ]; do sleep 1000 > /dev/null 2>&1 & echo $!; i=$((i+1)); done`
  return String(execFileSync('sh', ['-c', loop], BOUNDED))
    .trim()
    .split('\n')
    .map(Number)
}

/** The one event that comes, blocking. */
export function next(kq: Kqueue): Kevent {
  const events = kq.kevent([], 8, LONG)
  assert.equal(events.length, 1)
  return events[0]!
}

export const isRoot = process.getuid?.() === 0
