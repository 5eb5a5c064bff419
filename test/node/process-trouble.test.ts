/**
 * EVFILT_PROC where things go wrong: pids that are used again, users who may not know,
 * systems that do not tell, messages that are lost.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import {
  NOTE_CHILD,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_TRACK,
  NOTE_TRACKERR,
  STATUS_UNKNOWN,
} from 'kqueue'
import { native } from '#linux/hub/load.js'
import * as posix from '../native/posix.js'
import { lacksForks } from '../native/system.js'
import { BOUNDED, spawn, within } from '../patience.js'
import type { Cases } from '../programs/strangers.js'
import { casesOf, program, run } from './processes.js'
import { cleanUpPuppets, isRoot, next, puppet, reap, watch } from './puppets.js'
import { cleanUp, LONG, pipe, queue } from './queues.js'

cleanUp()
cleanUpPuppets()

const strangers = casesOf<Cases>('strangers')

const { F_SETFL } = posix.constants
const SIGKILL = 9

/** What a process prints that may not track, in namespaces of its own. */
function unshared(flags: string[]): string {
  const words = [process.execPath, ...program(strangers('may not track'))]
  const { stdout, stderr } = spawnSync('unshare', [...flags, ...words], {
    encoding: 'utf8',
    ...BOUNDED,
  })
  assert.equal(stderr, '')
  return stdout
}

describe('A pid that is used again', { skip: lacksForks || (!isRoot && 'needs root') }, () => {
  it('is not reported for the process that had it', () => {
    const kq = queue()
    const other = queue()
    const first = puppet()
    kq.kevent([watch(first.pid, NOTE_EXIT | NOTE_FORK)])
    first.exit(1)
    reap(first.pid)
    const second = puppet(first.pid)
    other.kevent([watch(second.pid, NOTE_EXIT | NOTE_FORK)])
    second.fork()
    const { fflags, data } = next(kq)
    assert.deepEqual([fflags, data], [NOTE_EXIT, 1 << 8])
    assert.equal(next(other).fflags, NOTE_FORK)
    second.exit(2)
    assert.equal(next(other).data, 2 << 8)
  })

  it('can be watched in the queue that has yet to report how its first process ended', () => {
    const kq = queue()
    const first = puppet()
    kq.kevent([{ ...watch(first.pid, NOTE_EXIT), udata: 'first' }])
    first.exit(1)
    reap(first.pid)
    // Takes in the exit, but does not hand it out.
    queue().kevent([], 1, 0)
    const second = puppet(first.pid)
    kq.kevent([{ ...watch(second.pid, NOTE_EXIT), udata: 'second' }])
    const report = next(kq)
    assert.deepEqual([report.udata, report.data], ['first', 1 << 8])
    second.exit(2)
    const last = next(kq)
    assert.deepEqual([last.udata, last.data], ['second', 2 << 8])
    assert.equal(kq.knotes().length, 0)
  })
})

describe('Children who had one pid within a moment', {
  skip: lacksForks || (!isRoot && 'needs root'),
}, () => {
  const COUNT = 5

  it('are told apart', () => {
    const kq = queue()
    const parent = puppet()
    kq.kevent([watch(parent.pid, NOTE_TRACK | NOTE_EXIT)])
    const first = parent.fork()
    first.exit(0)
    parent.wait(first)
    for (let status = 1; status <= COUNT; status++) {
      const child = parent.fork(first.pid)
      child.exit(status)
      parent.wait(child)
    }
    // The last one lives.
    parent.fork(first.pid)
    const events = kq.kevent([], 64, LONG)
    posix.kill(first.pid, SIGKILL)
    events.push(...kq.kevent([], 64, LONG))
    const told = events.filter(({ ident }) => ident === first.pid)
    const exits = told.filter(({ fflags }) => fflags & NOTE_EXIT)
    assert.equal(told.filter(({ fflags }) => fflags & NOTE_CHILD).length, COUNT + 2)
    assert.deepEqual(
      exits.map(({ data }) => data),
      [...Array.from({ length: COUNT + 1 }, (_, i) => i << 8), SIGKILL],
    )
  })
})

describe('An ordinary user', {
  skip: lacksForks || (!isRoot && 'needs root to become one'),
}, () => {
  it('is told of forks, execs and exits', () => {
    const { stdout, stderr } = run(strangers('follows a child as nobody'))
    assert.equal(stderr, '')
    assert.deepEqual(JSON.parse(stdout), { forks: 3, execs: 3, exits: [0, 0, 0, 5 << 8] })
  })

  it("is told how others' processes ended when they have been waited for", () => {
    // A parent that waits; process 1 may take its time.
    const parent = '(read go <&3; exit 7) > /dev/null 2>&1 & echo $!; exec > /dev/null; wait'
    const [r, w] = pipe()
    posix.fcntl(r, F_SETFL, 0)
    const stdio = [r, 'pipe', 'inherit'] as const
    const script = `exec 3<&0; (${parent}) 2> /dev/null &`
    const pid = Number(execFileSync('sh', ['-c', script], { stdio: [...stdio], ...BOUNDED }))
    const { stdout } = run(strangers('asks as nobody, then tells it to go', pid), {
      stdio: ['ignore', 'pipe', 'pipe', w],
    })
    assert.equal(Number(stdout), 7 << 8)
  })

  it('is told after a while that nobody knows how a zombie of others ended', () => {
    const child = puppet()
    child.exit(7)
    const { stdout } = run(strangers('asks as nobody', child.pid))
    assert.equal(Number(stdout), STATUS_UNKNOWN)
  })
})

describe('Where the process connector is refused', () => {
  const refused = { code: 'EPERM', message: /NOTE_EXIT/ }

  const skip = lacksForks || (!isRoot && 'needs root to make a namespace')

  it('NOTE_EXIT works, and the error says what is missing: the network', { skip }, () => {
    const stdout = unshared(['--net', '--pid', '--fork', '--mount-proc'])
    assert.match(stdout, /^EPERM.*--network=host/m)
    assert.match(stdout, /^exit 1792$/m)
  })

  it('NOTE_EXIT works, and the error says what is missing: the pids', { skip }, () => {
    const stdout = unshared(['--pid', '--fork', '--mount-proc'])
    assert.match(stdout, /^EPERM.*--pid=host/m)
    assert.match(stdout, /^exit 1792$/m)
  })

  it('it is not for who may enter the network of an ancestor', { skip }, () => {
    assert.equal(unshared(['--net']), 'exit 1792\n')
  })

  it('a queue that has asked for too much goes on', () => {
    const kq = queue()
    const child = puppet()
    const addon = native()
    const { connectorOpen } = addon
    addon.connectorOpen = () => -1
    try {
      for (const notes of [NOTE_FORK, NOTE_EXEC, NOTE_TRACK | NOTE_EXIT]) {
        assert.throws(() => kq.kevent([watch(child.pid, notes)]), refused)
      }
      kq.kevent([watch(child.pid, NOTE_EXIT)])
      assert.throws(() => kq.kevent([watch(child.pid, NOTE_EXIT | NOTE_FORK)]), refused)
    } finally {
      addon.connectorOpen = connectorOpen
    }
    child.exit(1)
    assert.equal(next(kq).data, 1 << 8)
  })
})

describe('Messages that are lost', { skip: lacksForks }, () => {
  /** What the addon answers where messages were lost. */
  function lose(): void {
    const addon = native()
    const { connectorRead } = addon
    addon.connectorRead = (records) => {
      addon.connectorRead = connectorRead
      // The messages that would have come.
      connectorRead(new Float64Array(records.length))
      records.fill(0, 0, 5)
      return 1
    }
  }

  it('are reported to all who rely on them, and children who are there are found', () => {
    const kq = queue()
    const parent = puppet()
    const early = parent.fork()
    // /proc tells in steps of 10 ms when a process began.
    posix.sleepNs(20e6)
    kq.kevent([watch(parent.pid, NOTE_TRACK | NOTE_EXIT)])
    const child = parent.fork()
    const grandchild = child.fork()
    lose()
    const events = kq.kevent([], 8, LONG)
    const told = new Map(events.map(({ ident, fflags, data }) => [ident, [fflags, data]]))
    assert.deepEqual(told.get(parent.pid), [NOTE_TRACKERR, 0])
    assert.deepEqual(told.get(child.pid), [NOTE_CHILD, parent.pid])
    assert.deepEqual(told.get(grandchild.pid), [NOTE_CHILD, child.pid])
    assert.equal(told.size, 3, `not ${early.pid}, which was there before`)
    for (const [process, status] of [
      [grandchild, 1],
      [child, 2],
      [parent, 3],
    ] as const) {
      process.exit(status)
      assert.equal(next(kq).data, status << 8)
    }
  })

  it('do not announce a child twice', () => {
    const kq = queue()
    const parent = puppet()
    kq.kevent([watch(parent.pid, NOTE_TRACK | NOTE_EXIT)])
    const child = parent.fork()
    assert.equal(next(kq).fflags, NOTE_CHILD)
    lose()
    const events = kq.kevent([], 8, LONG)
    assert.deepEqual(new Set(events.map(({ ident }) => ident)), new Set([parent.pid, child.pid]))
    for (const { fflags } of events) assert.equal(fflags, NOTE_TRACKERR)
  })

  /** SO_RCVBUF of the connector's socket: that of the system may be large. */
  const ROOM = 65_536
  // It is doubled; two messages of 800 bytes a child, and half as many again.
  const FORKS = Math.ceil((1.5 * 2 * ROOM) / 1600)

  // The last three children end with what they read from, and so does the shell.
  const SCRIPT = `
    read go
    i=0; while [ $i -lt ${FORKS} ]; do (exit 0) & i=$((i+1)); done; wait
    exec 4<&0
    for i in 1 2 3; do (read end <&4) 3>&- & done
    echo full >&3; exec 3>&-
    read go`

  it('are noticed when the process was stopped for so long that the socket was full', async () => {
    const watcher = program(strangers('is stopped for too long', SCRIPT, ROOM))
    const child = spawn(process.execPath, watcher, {
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    })
    const [, output, , told] = child.stdio as unknown as Readable[]
    const found = text(output!)
    assert.equal(await within(text(told!), 'the shell has filled the socket'), 'full\n')
    child.kill('SIGCONT')
    assert.equal(await within(found, 'the watcher finds the children'), 'found\n')
  })
})
