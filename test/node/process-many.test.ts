/** EVFILT_PROC with many processes: none is lost, none is told of twice, nothing is left. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  type Kevent,
  type Kqueue,
  NOTE_CHILD,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from 'kqueue'
import { lacksForks } from '../native/system.js'
import { spawn, untilBlocking } from '../patience.js'
import type { Cases } from '../programs/strangers.js'
import { casesOf, descriptors, run } from './processes.js'
import { isRoot, sleepers, watch } from './puppets.js'
import { cleanUp, LONG, queue } from './queues.js'

cleanUp()

const strangers = casesOf<Cases>('strangers')

const { Bun } = globalThis as { Bun?: { gc(wait: boolean): void } }
if (Bun === undefined) setFlagsFromString('--expose-gc')
const collectGarbage = Bun ? () => Bun.gc(true) : (runInNewContext('gc') as () => void)

/** Bytes of objects. */
function heap(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

const SIGKILL = 9
const SEQUENTIAL = '/bin/true'
const PARALLEL = '/bin/true &'

/**
 * A shell that waits for a line, then runs a command so often. Its environment is empty: what
 * sanitizers preload makes processes of its own.
 */
const loop = (count: number, command: string): string =>
  `read x; i=0; while [ $i -lt ${count} ]; do ${command} i=$((i+1)); done; wait; exit 7`

const commandOf = (command: string): string => (command.endsWith('&') ? command : `${command};`)

function shell(count: number, command: string): ChildProcess {
  const script = loop(count, commandOf(command))
  return spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'inherit'], env: {} })
}

type Wait = (kq: Kqueue) => Kevent[] | Promise<Kevent[]>
const blocking: Wait = (kq) => kq.kevent([], 1024, LONG)
const awaiting: Wait = (kq) => kq.wait({ nevents: 1024, timeout: LONG })

/** The events that come next. */
function some(kq: Kqueue): Kevent[] {
  const events = blocking(kq) as Kevent[]
  assert.notEqual(events.length, 0)
  return events
}

/** What is told of a shell and all of its children, by pid. */
async function follow(count: number, command: string, wait: Wait) {
  const kq = queue()
  const sh = shell(count, command)
  const closed = once(sh, 'close')
  kq.kevent([watch(sh.pid!, NOTE_TRACK | NOTE_EXIT | NOTE_EXEC)])
  sh.stdin!.end('go\n')
  const announced: number[] = []
  const exited: number[] = []
  const executed: number[] = []
  let errors = 0
  while (exited.length <= count) {
    const events = await wait(kq)
    assert.notEqual(events.length, 0, `${announced.length} announced, ${exited.length} exited`)
    for (const { ident, fflags, data } of events) {
      if (fflags & NOTE_CHILD) announced.push(ident)
      if (fflags & NOTE_EXEC) executed.push(ident)
      if (fflags & NOTE_TRACKERR) errors++
      if ((fflags & NOTE_EXIT) === 0) continue
      exited.push(ident)
      assert.equal(data, ident === sh.pid ? 7 << 8 : 0)
    }
  }
  assert.deepEqual(kq.kevent([], 64, 5), [])
  assert.equal(kq.knotes().length, 0)
  kq.close()
  await closed
  return { announced, executed, exited: exited.filter((pid) => pid !== sh.pid), errors }
}

/** Each child once, and nothing else. */
async function assertAll(count: number, command: string, wait: Wait): Promise<void> {
  const { announced, executed, exited, errors } = await follow(count, command, wait)
  const sorted = (pids: number[]) => [...pids].sort((a, b) => a - b)
  assert.equal(errors, 0)
  assert.equal(announced.length, count)
  assert.equal(new Set(announced).size, count)
  assert.deepEqual(sorted(exited), sorted(announced))
  assert.deepEqual(sorted(executed), sorted(announced))
}

/** Keeps all processors busy. */
async function underLoad(action: () => Promise<void>): Promise<void> {
  const busy = Array.from({ length: 2 * availableParallelism() }, () =>
    spawn('/bin/sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }),
  )
  await action()
  for (const child of busy) child.kill('SIGKILL')
}

describe('The children of a shell', { skip: lacksForks }, () => {
  for (const [how, command] of [
    ['one after another', SEQUENTIAL],
    ['in parallel', PARALLEL],
  ] as const) {
    for (const [ways, wait] of [
      ['blocking', blocking],
      ['awaiting', awaiting],
    ] as const) {
      it(`are all told of once: 300, ${how}, ${ways}`, () => assertAll(300, command, wait))
    }
    it(`are all told of once: 2,000, ${how}`, () => assertAll(2000, command, awaiting))
    it(`are all told of once: 1,000, ${how}, with all processors busy`, () =>
      underLoad(() => assertAll(1000, command, awaiting)))
  }

  it('are all told of once when nobody looks until all are gone', async () => {
    const kq = queue()
    const count = 1000
    const script = `read x; i=0; while [ $i -lt ${count} ]; do (exit 3); i=$((i+1)); done; exit 7`
    const sh = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'inherit'], env: {} })
    kq.kevent([watch(sh.pid!, NOTE_TRACK | NOTE_EXIT)])
    sh.stdin!.end('go\n')
    const stat = () => readFileSync(`/proc/${sh.pid}/stat`, 'latin1')
    untilBlocking(() => /\) Z /.test(stat()), 'the shell ends')
    const statuses = new Map<number, number>()
    let announced = 0
    for (let n = -1; n !== 0; ) {
      const events = kq.kevent([], 1024, 5)
      n = events.length
      for (const { ident, fflags, data } of events) {
        if (fflags & NOTE_CHILD) announced++
        if (fflags & NOTE_EXIT) statuses.set(ident, data)
      }
    }
    assert.equal(announced, count)
    assert.equal(statuses.get(sh.pid!), 7 << 8)
    assert.equal([...statuses.values()].filter((status) => status === 3 << 8).length, count)
    await once(sh, 'close')
  })

  it('are all told of once to an ordinary user', {
    skip: !isRoot && 'needs root to become one',
  }, () => {
    const script = loop(1000, PARALLEL)
    const { stdout, stderr } = run(strangers('follows a crowd as nobody', script, 1001))
    assert.equal(stderr, '')
    assert.deepEqual(JSON.parse(stdout), [1000, 1001, 0, 0])
  })
})

describe('Many processes', () => {
  it('are watched at once', () => {
    const kq = queue()
    const pids = sleepers(500)
    kq.kevent(pids.map((pid) => watch(pid, NOTE_EXIT)))
    for (const pid of pids) process.kill(pid, SIGKILL)
    const seen: number[] = []
    while (seen.length < pids.length) {
      for (const { ident, data } of some(kq)) {
        assert.equal(data, SIGKILL)
        seen.push(ident)
      }
    }
    assert.deepEqual(new Set(seen), new Set(pids))
    assert.deepEqual(kq.kevent([], 1024, 5), [])
  })

  it('leave no descriptors and no objects behind', { skip: lacksForks }, () => {
    const before = descriptors()
    const kq = queue()
    const round = (): void => {
      const pids = sleepers(50)
      kq.kevent(pids.map((pid) => watch(pid, NOTE_EXIT | NOTE_TRACK)))
      for (const pid of pids) process.kill(pid, SIGKILL)
      for (let seen = 0; seen < pids.length; ) seen += some(kq).length
      assert.equal(kq.knotes().length, 0)
    }
    for (let i = 0; i < 10; i++) round()
    const used = heap()
    for (let i = 0; i < 40; i++) round()
    const more = heap() - used
    assert.ok(more < 2 ** 20, `${more} bytes more`)
    kq.close()
    assert.ok(descriptors() <= before)
  })

  it('are let go of when their queue is closed', { skip: lacksForks }, () => {
    const before = descriptors()
    const pids = sleepers(50)
    const queues = [queue(), queue()]
    for (const kq of queues) kq.kevent(pids.map((pid) => watch(pid, NOTE_EXIT | NOTE_TRACK)))
    for (const kq of queues) kq.close()
    for (const pid of pids) process.kill(pid, SIGKILL)
    assert.ok(descriptors() <= before)
    assert.deepEqual(queue().kevent([], 8, 5), [])
  })
})
