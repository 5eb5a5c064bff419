/** Programs that look again and again: what has happened is told at the next look. */
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { describe, it } from 'node:test'
import { EV_DELETE, EV_SET, EVFILT_READ, type Kqueue } from 'kqueue'
import { Idle } from '#linux/hub/idle.js'
import type { Native } from '#linux/hub/native.js'
import * as posix from '../native/posix.js'
import { lacksSeccomp } from '../native/system.js'
import type { Cases as Refused } from '../programs/refused.js'
import type { Cases } from '../programs/workers.js'
import { casesOf, ended, message, run, start } from './processes.js'
import { cleanUp, clear, pending, pipe, queue, read, timer, trigger } from './queues.js'

cleanUp()

const workers = casesOf<Cases>('workers')
const refused = casesOf<Refused>('refused')

/** So many looks in a row are more than are needed until none is a system call. */
const MANY = 400
/** Each so manyth is one all the same. */
const SELDOM = 64

function lookInVain(kq: Kqueue): void {
  for (let i = 0; i < MANY; i++) assert.equal(kq.kevent([], 1, 0).length, 0)
}

/** The descriptors of io_uring(7). */
function rings(): number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => linkOf(fd) === 'anon_inode:[io_uring]')
}

function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}

describe('A look after many that found nothing', () => {
  it('finds what was written since, as often as that is so', () => {
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([read(r)])
    for (let i = 0; i < 30; i++) {
      lookInVain(kq)
      posix.write(w, 'hello')
      assert.deepEqual(pending(kq), [r])
      posix.read(r)
    }
  })

  it('is one again when something happens in the moment in which no more are needed', () => {
    const tail = new Int32Array(1)
    const idleArm = (): number => {
      // The poll has begun, and is over before its caller goes on.
      tail[0]!++
      return 1
    }
    const idle = new Idle({ idleOpen: () => tail, idleArm } as unknown as Native)
    for (let i = 0; i < MANY && tail[0] === 0; i++) idle.looked(0, false)
    assert.equal(tail[0], 1)
    assert.equal(idle.holds(), false)
  })

  it('finds the end of a pipe', () => {
    const kq = queue()
    const [r, w] = posix.pipe2()
    kq.kevent([read(r)])
    lookInVain(kq)
    posix.close(w)
    assert.deepEqual(pending(kq), [r])
    posix.close(r)
  })

  it('finds what is ready when it is added, and what is written to what was added', () => {
    const kq = queue()
    const [[first], [r, w], [empty, full]] = [pipe(), pipe(), pipe()]
    kq.kevent([read(first)])
    lookInVain(kq)
    posix.write(w, 'hello')
    assert.deepEqual(
      kq.kevent([read(r)], 1, 0).map(({ ident }) => ident),
      [r],
    )
    kq.kevent([EV_SET(r, EVFILT_READ, EV_DELETE)])
    lookInVain(kq)
    kq.kevent([read(empty)])
    posix.write(full, 'hello')
    assert.deepEqual(pending(kq), [empty])
  })

  it('finds timers and user events', () => {
    const kq = queue()
    const [r] = pipe()
    kq.kevent([read(r), clear(1)])
    lookInVain(kq)
    assert.equal(kq.kevent([trigger(1)], 1, 0)[0]?.ident, 1)
    kq.kevent([timer(2, 1)])
    const deadline = performance.now() + 10_000
    let fired = pending(kq)
    while (fired.length === 0 && performance.now() < deadline) fired = pending(kq)
    assert.deepEqual(fired, [2])
  })

  it('finds what another thread has done before, at once', async () => {
    const kq = queue()
    const [r, w] = pipe()
    const times = 1000
    const turn = new Int32Array(new SharedArrayBuffer(8))
    kq.kevent([read(r)])
    const worker = start(workers('writes when told', w, turn, times))
    await message(worker)
    for (let i = 1; i <= times; i++) {
      lookInVain(kq)
      Atomics.store(turn, 0, i)
      while (Atomics.load(turn, 1) < i);
      assert.deepEqual(pending(kq), [r], `time ${i}`)
      posix.read(r)
    }
    await ended(worker)
  })

  it('wakes who waits, and blocks who has time', async () => {
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([read(r)])
    lookInVain(kq)
    assert.equal(kq.kevent([], 1, 20).length, 0)
    const waiting = kq.wait()
    posix.write(w, 'hello')
    assert.equal((await waiting)[0]?.ident, r)
  })

  it('finds it, if a little later, where the descriptor of its ring was closed', () => {
    // Node.js may have rings of its own.
    const others = rings()
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([read(r)])
    lookInVain(kq)
    for (const fd of rings()) if (!others.includes(fd)) posix.close(fd)
    posix.write(w, 'hello')
    let looks = 1
    while (pending(kq).length === 0) looks++
    assert.ok(looks <= SELDOM, `${looks} looks`)
    posix.read(r)
    lookInVain(kq)
    posix.write(w, 'hello')
    assert.deepEqual(pending(kq), [r])
  })
})

describe('A worker that looks again and again', () => {
  it('takes its ring along when it ends', async () => {
    const before = rings().length
    const turn = new Int32Array(new SharedArrayBuffer(4))
    const [r] = pipe()
    const worker = start(workers('looks while nothing happens', [read(r)], turn))
    await message(worker)
    Atomics.store(turn, 0, 1)
    await ended(worker)
    assert.equal(rings().length, before)
  })

  it('can be terminated', async () => {
    const before = rings().length
    const turn = new Int32Array(new SharedArrayBuffer(4))
    const [r] = pipe()
    const worker = start(workers('looks while nothing happens', [read(r)], turn))
    await message(worker)
    await worker.terminate()
    assert.equal(rings().length, before)
  })
})

const { SYS_io_uring_enter, SYS_io_uring_setup } = posix.constants
const EPERM = 1
const ENOSYS = 38

/** Writes again and again after looks in vain, in a process where a call is forbidden. */
function whereForbidden(call: number, errno: number): { seen: number; rings: number } {
  const { stdout, stderr } = run(refused('may not look in memory', call, errno, MANY))
  assert.equal(stderr, '')
  return JSON.parse(stdout) as { seen: number; rings: number }
}

describe('Where a sandbox forbids io_uring(7)', { skip: lacksSeccomp }, () => {
  const forbidden = [
    ['to make one', SYS_io_uring_setup, EPERM],
    ['and says that there is none', SYS_io_uring_setup, ENOSYS],
    ['to use it', SYS_io_uring_enter, EPERM],
  ] as const
  for (const [how, call, errno] of forbidden) {
    it(`${how}, each look is a real one and finds what was written`, () => {
      assert.deepEqual(whereForbidden(call, errno), { seen: 200, rings: 0 })
    })
  }
})
