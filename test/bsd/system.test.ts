/** The System of a kernel's own kqueue, on Linux with a small C library of kqueue. */
import assert from 'node:assert/strict'
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ERROR,
  EV_FORCEONESHOT,
  EV_KEEPUDATA,
  EV_ONESHOT,
  EV_RECEIPT,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  type Kevent,
  KQUEUE_CPONFORK,
  KQUEUE_TRUSTFD,
  type Kqueue,
  type KqueueError,
  NOTE_EXIT,
  NOTE_NSECONDS,
  NOTE_OPEN,
  NOTE_TRIGGER,
  STATUS_UNKNOWN,
} from 'kqueue'
import { bind } from '#api/bind.js'
import { seldom } from '#api/seldom.js'
import { macos } from '#bsd/vocabularies.js'
import { addon as native } from '../native/addon.js'
import * as posix from '../native/posix.js'
import { exited, LONG, spawn, until, within } from '../patience.js'
import { compile, load, nodeHeaders, systemOn, tiny } from './addon.js'

const skip = process.platform !== 'linux' || nodeHeaders() === undefined
const addon = skip ? undefined : compile(tiny)
const system = addon === undefined ? undefined : systemOn(load(addon), macos)
const calls = bind(
  () => system!,
  () => seldom,
)
const { kqueue, kqueuex } = calls

/** The next event. Node.js handles signals of its own, and each of them interrupts, see kevent(2). */
function next(kq: Kqueue): Kevent {
  for (;;) {
    try {
      return kq.kevent([], 1, LONG)[0]!
    } catch (error) {
      if ((error as KqueueError).code !== 'EINTR') throw error
    }
  }
}

const user = (ident: number, flags = 0, udata?: unknown) =>
  EV_SET(ident, EVFILT_USER, EV_ADD | flags, 0, 0, udata)
const trigger = (ident: number) => EV_SET(ident, EVFILT_USER, EV_KEEPUDATA, NOTE_TRIGGER)
const read = (fd: number, flags = 0, udata?: unknown) =>
  EV_SET(fd, EVFILT_READ, EV_ADD | flags, 0, 0, udata)

function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

describe("a kernel's own kqueue", { skip }, () => {
  it('gives each event the udata of its own, whatever that is', () => {
    using kq = kqueue()
    const values = [{ a: 1 }, 'text', Symbol('s'), () => 1, undefined, null]
    kq.kevent(values.map((value, i) => user(i, EV_CLEAR, value)))
    kq.kevent(values.map((_, i) => trigger(i)))
    const told = new Map(kq.kevent([], 64, 0).map(({ ident, udata }) => [ident, udata]))
    assert.deepEqual(
      [...told].sort(([a], [b]) => a - b),
      [...values.entries()],
    )
    kq.kevent([EV_SET(0, EVFILT_USER, 0, NOTE_TRIGGER, 0, 'another')])
    assert.equal(kq.kevent([], 1, 0)[0]!.udata, 'another')
  })

  it('has the numbers of FreeBSD, in and out', () => {
    using kq = kqueue()
    const [r, w] = posix.pipe2(0)
    kq.kevent([read(r, EV_CLEAR)])
    writeSync(w, 'abc')
    const event = next(kq)
    assert.deepEqual(event, EV_SET(r, EVFILT_READ, EV_CLEAR, 0, 3))
    kq.kevent([EV_SET(7, EVFILT_TIMER, EV_ADD, NOTE_NSECONDS, 2e6)])
    const timer = next(kq)
    assert.deepEqual([timer!.ident, timer!.filter, timer!.fflags], [7, EVFILT_TIMER, 0])
    closeSync(w)
    closeSync(r)
  })

  it('answers failing changes and receipts in order, and goes on', () => {
    using kq = kqueue()
    const answers = kq.kevent(
      [
        user(1, EV_RECEIPT, 'a'),
        EV_SET(2, EVFILT_USER, EV_DELETE),
        EV_SET(99999, EVFILT_READ, EV_ADD),
        EV_SET(1, EVFILT_EMPTY, EV_ADD),
        user(3),
      ],
      8,
      0,
    )
    assert.deepEqual(
      answers.map(({ ident, flags, data }) => [ident, flags, data]),
      [
        [1, EV_ERROR, 0],
        [2, EV_ERROR, 2],
        [99999, EV_ERROR, 9],
        [1, EV_ERROR, 95],
      ],
    )
    assert.deepEqual(
      kq.knotes().map(({ ident }) => ident),
      [1, 3],
    )
    kq.kevent([trigger(1)])
    assert.equal(kq.kevent([], 1, 0)[0]!.flags, EV_RECEIPT)
  })

  it('throws the error of a change for which there is no room, with the change and its place', () => {
    using kq = kqueue()
    const bad = EV_SET(5, EVFILT_USER, EV_ENABLE)
    assert.throws(() => kq.kevent([user(1), bad, user(2)]), {
      code: 'ENOENT',
      index: 1,
      change: bad,
      reason: 'nothing is registered for ident 5; EV_ADD adds it',
    })
    assert.deepEqual(
      kq.knotes().map(({ ident }) => ident),
      [1],
    )
  })

  it('refuses what the system lacks, with what does instead', () => {
    using kq = kqueue()
    const refused = [
      EV_SET(1, EVFILT_VNODE, EV_ADD, NOTE_OPEN),
      EV_SET(1, EVFILT_USER, EV_ADD | EV_FORCEONESHOT),
    ]
    for (const change of refused) {
      assert.throws(() => kq.kevent([change]), { code: 'ENOTSUP', reason: /^macOS has no .*; \w/ })
    }
    const invalid = [EV_ADD | EV_KEEPUDATA, EV_ADD | EV_ENABLE | EV_DISABLE]
    for (const flags of invalid) {
      assert.throws(() => kq.kevent([EV_SET(1, EVFILT_USER, flags)]), { code: 'EINVAL' })
    }
    assert.deepEqual(kq.knotes(), [])
    assert.throws(() => kqueuex(KQUEUE_CPONFORK), { code: 'ENOTSUP', syscall: 'kqueuex' })
    kqueuex(KQUEUE_TRUSTFD).close()
  })

  it('refuses each call for which the kernel has nothing, and says what there is', () => {
    using kq = kqueue()
    const ops = { isFd: false, attach: () => 0, detach() {}, event: () => false }
    const refused: [string, () => unknown][] = [
      ['ENOSYS', () => calls.kqueue_add_filteropts(-100, ops)],
      ['ENOSYS', () => calls.kfilter_register('x', ops)],
      ['ENOSYS', () => calls.fork('x.js')],
      ['ENOSYS', () => calls.forkOptions()],
      ['ENOSYS', () => calls.aio_read({ fd: 0, buffer: new Uint8Array(1), offset: 0, kq })],
      ['ENOSYS', () => calls.kinfo_getallproc()],
      ['ENOTSUP', () => kq.image()],
      ['ENOTSUP', () => calls.Kqueue.fromImage({} as never)],
      ['ENOTSUP', () => (calls.sysctl.kq_calloutmax = 3)],
    ]
    for (const [code, call] of refused) {
      assert.throws(call, (error: NodeJS.ErrnoException & { reason?: string }) => {
        assert.equal(error.code, code, `${call}`)
        assert.ok(error.reason !== undefined && error.reason.length > 10, `${call}`)
        return true
      })
    }
    assert.equal(calls.inheritedKqueues().size, 0)
    assert.ok(calls.if_nameindex().some(({ name, up }) => name === 'lo' && typeof up === 'boolean'))
    assert.equal(calls.if_nametoindex('lo'), native().linkIndex('lo'))
    assert.throws(() => calls.if_nametoindex('none0'), { code: 'ENXIO' })
  })

  it('lists what is registered, without what was closed or is over', async () => {
    using kq = kqueue()
    const pipes = [posix.pipe2(0), posix.pipe2(0)] as const
    const [[gone], [left]] = pipes
    const child = spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore'] })
    kq.kevent([
      read(gone),
      read(left, EV_DISPATCH, 'udata'),
      user(4, EV_ONESHOT),
      EV_SET(child.pid!, EVFILT_PROC, EV_ADD, NOTE_EXIT),
      EV_SET(5, EVFILT_TIMER, EV_ADD | EV_DISABLE, 0, 3600_000),
    ])
    assert.equal(kq.knotes().length, 5)
    closeSync(gone)
    kq.kevent([trigger(4)])
    kq.kevent([], 1, 0)
    child.stdin!.end()
    await exited(child)
    const exit = next(kq)
    assert.deepEqual([exit!.flags & EV_EOF, exit!.data], [EV_EOF, 0x300])
    const knotes = kq.knotes()
    assert.deepEqual(knotes.map(({ ident }) => ident).sort(), [left, 5].sort())
    const timer = knotes.find(({ ident }) => ident === 5)!
    assert.deepEqual([timer.disabled, timer.sdata, timer.active], [true, 3600_000, false])
    assert.equal(knotes.find(({ ident }) => ident === left)!.udata, 'udata')
    for (const [r, w] of pipes) {
      if (r !== gone) closeSync(r)
      closeSync(w)
    }
  })

  it('takes a descriptor that has the number of another anew', () => {
    using kq = kqueue()
    const [r, w] = posix.pipe2(0)
    kq.kevent([read(r, EV_ONESHOT | EV_RECEIPT, 'old')])
    closeSync(r)
    const [again, w2] = posix.pipe2(0)
    assert.equal(again, r)
    kq.kevent([read(again, 0, 'new')])
    writeSync(w2, 'x')
    const event = next(kq)
    assert.deepEqual(event, EV_SET(r, EVFILT_READ, 0, 0, 1, 'new'))
    for (const fd of [again, w, w2]) closeSync(fd)
  })

  it('says that the status of an exit is unknown where the system keeps it', () => {
    using kq = kqueue()
    // The tiny library refuses the status of a parent, and the exit is asked for without.
    kq.kevent([EV_SET(process.ppid, EVFILT_PROC, EV_ADD, NOTE_EXIT)])
    assert.equal(kq.knotes().length, 1)
    assert.equal(STATUS_UNKNOWN, -1)
  })

  it('closes what it is, and nothing that has its number later', () => {
    const kq = kqueue()
    const { fd } = kq
    closeSync(fd)
    const other = openSync('/dev/null', 'r')
    assert.equal(other, fd)
    assert.throws(() => kq.kevent([], 1, 0), { code: 'EBADF' })
    kq.close()
    closeSync(other)
    const lost = kqueue()
    const number = lost.fd
    closeSync(number)
    using successor = kqueue()
    assert.equal(successor.fd, number)
    lost.close()
    assert.throws(() => lost.kevent([user(1)]), { code: 'EBADF', reason: /closed/ })
    successor.kevent([user(1)])
    assert.deepEqual(successor.knotes()[0]!.ident, 1)
  })
})

describe("waiting for a kernel's own kqueue", { skip }, () => {
  it('ends when something happens, and takes no event twice', async () => {
    using kq = kqueue()
    const [r, w] = posix.pipe2(0)
    kq.kevent([read(r, EV_CLEAR)])
    const first = kq.wait()
    const second = kq.wait({ timeout: 20 })
    writeSync(w, 'x')
    assert.deepEqual(await within(first, 'an event'), [EV_SET(r, EVFILT_READ, EV_CLEAR, 0, 1)])
    assert.deepEqual(await second, [])
    closeSync(r)
    closeSync(w)
  })

  it('serves who came first, and hands out at most what is asked for', async () => {
    using kq = kqueue()
    kq.kevent([user(1, EV_CLEAR), user(2, EV_CLEAR), user(3, EV_CLEAR)])
    const order: number[] = []
    const waits = [0, 1, 2].map(async (i) => {
      const events = await kq.wait({ nevents: 1 })
      order.push(i)
      return events.length
    })
    kq.kevent([trigger(1), trigger(2), trigger(3)])
    assert.deepEqual(await within(Promise.all(waits), 'three events'), [1, 1, 1])
    assert.deepEqual(order, [0, 1, 2])
  })

  it('ends after its time, at an abort, and at the closing', async () => {
    const kq = kqueue()
    kq.kevent([user(1)])
    const start = performance.now()
    assert.deepEqual(await kq.wait({ timeout: 30 }), [])
    assert.ok(performance.now() - start >= 30)
    const controller = new AbortController()
    const aborted = kq.wait({ signal: controller.signal })
    controller.abort(new Error('enough'))
    await assert.rejects(aborted, { message: 'enough' })
    const closed = kq.wait()
    const before = descriptors()
    kq.close()
    await assert.rejects(closed, { code: 'EBADF' })
    assert.ok(descriptors() < before)
  })

  it('iterates until the queue is closed', async () => {
    const kq = kqueue()
    kq.kevent([EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 2)])
    let ticks = 0
    for await (const { ident, filter } of kq) {
      assert.deepEqual([ident, filter], [1, EVFILT_TIMER])
      if (++ticks === 3) kq.close()
    }
    assert.equal(ticks, 3)
  })

  it('serves readable(), ticks() and processExit()', async () => {
    const [r, w] = posix.pipe2(0)
    const readable = calls.readable(r)
    writeSync(w, 'four')
    assert.deepEqual(await within(readable, 'bytes'), { bytes: 4, eof: false })
    for await (const { expirations } of calls.ticks(1)) {
      assert.ok(expirations >= 1)
      break
    }
    const child = spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore'] })
    const exit = calls.processExit(child.pid!)
    child.stdin!.end()
    assert.equal((await within(exit, 'an exit')).code, 3)
    closeSync(r)
    closeSync(w)
  })

  it('leaves nothing behind, however often somebody waits', async () => {
    const kq = kqueue()
    kq.kevent([user(1, EV_CLEAR)])
    const before = descriptors()
    for (let i = 0; i < 200; i++) {
      const wait = kq.wait()
      kq.kevent([trigger(1)])
      await within(wait, 'an event')
    }
    assert.equal(descriptors(), before)
    kq.close()
  })

  for (const how of ['ends while it waits', 'aborts its wait', 'is terminated'] as const) {
    it(`lets a worker go that ${how}`, async () => {
      const program = new URL('./waiting-worker.js', import.meta.url)
      const worker = new Worker(program, { workerData: { how, addon } })
      let ready = false
      worker.on('message', () => {
        ready = true
      })
      const exit = new Promise((resolve) => worker.on('exit', resolve))
      await until(() => ready, 'the worker waits')
      if (how === 'is terminated') await worker.terminate()
      assert.equal(await within(exit, 'its exit'), how === 'is terminated' ? 1 : 0)
    })
  }
})
