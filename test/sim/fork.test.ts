/**
 * Forks of queues: what FreeBSD's test of it shows (tests/sys/kqueue/kqueue_fork.c), and
 * many of them.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_ONESHOT,
  EV_SET,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  KQUEUE_CPONFORK,
  NOTE_NSECONDS,
  NOTE_TRIGGER,
  NOTE_USECONDS,
  NOTE_WRITE,
  SIGNALS,
  SimKernel,
  type SimProcess,
} from 'kqueue/sim'

describe('what the fork test of FreeBSD shows', () => {
  it('a child that waits for a signal is told of it, though it ignores it', async () => {
    const kernel = new SimKernel()
    const { init } = kernel
    init.sigaction('SIGINT', 'ignore')
    const child = init.fork(async (p) => {
      const kq = p.kqueue()
      p.kevent(kq, [EV_SET(SIGNALS.SIGINT, EVFILT_SIGNAL, EV_ADD)])
      const events = await p.wait(kq)
      return events.length === 1 ? 0 : 1
    })
    await kernel.run()
    init.kill(child.pid, 'SIGINT')
    await kernel.run()
    assert.deepEqual(init.waitpid(child.pid), { pid: 2, status: 0, code: 0, signal: null })
  })

  it('parent and child each get what was registered, but for a queue that is left out', async () => {
    const kernel = new SimKernel()
    const { init } = kernel
    const kq = init.kqueuex(KQUEUE_CPONFORK)
    const directory = init.open('.', 0)
    const leftOut = init.kqueue()
    init.kevent(leftOut, [EV_SET(0, EVFILT_USER, EV_ADD)])
    init.kevent(kq, [
      EV_SET(directory, EVFILT_VNODE, EV_ADD | EV_ONESHOT, NOTE_WRITE),
      EV_SET(0, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 3000),
      EV_SET(leftOut, EVFILT_READ, EV_ADD | EV_ONESHOT),
    ])
    init.kevent(leftOut, [EV_SET(0, EVFILT_USER, 0, NOTE_TRIGGER)])
    const told: Record<string, number[]> = {}
    /** The filters of what comes before a timeout. */
    const collect = async (p: SimProcess, name: string): Promise<void> => {
      const filters: number[] = []
      for (;;) {
        const events = await p.wait(kq, { nevents: 1, timeout: 4000 })
        if (events.length === 0) break
        filters.push(events[0]!.filter)
      }
      told[name] = filters.sort((a, b) => b - a)
    }
    init.fork(async (p) => {
      assert.equal(p.fget(leftOut), null)
      await collect(p, 'child')
    })
    init.mkdir('canary', 0o755)
    await Promise.all([collect(init, 'parent'), kernel.run()])
    assert.deepEqual(told, {
      parent: [EVFILT_READ, EVFILT_VNODE, EVFILT_TIMER],
      child: [EVFILT_VNODE, EVFILT_TIMER],
    })
    assert.equal(kernel.timers, 0)
  })

  it('a timer of a nanosecond can fire at any time of a fork', () => {
    const kernel = new SimKernel()
    const { init } = kernel
    for (let i = 0; i < 100; i++) {
      const kq = init.kqueuex(KQUEUE_CPONFORK)
      init.kevent(kq, [EV_SET(0, EVFILT_TIMER, EV_ADD, NOTE_NSECONDS, 1)])
      const child = init.fork()
      kernel.advance(1)
      child.exit(0)
      assert.equal(init.waitpid(child.pid)?.status, 0)
      init.close(kq)
    }
    assert.equal(kernel.timers, 0)
    assert.equal(kernel.callouts.size, 0)
  })
})

describe('10,000 forks', () => {
  const FORKS = 10_000
  /** An added filter whose copying takes time, during which callouts fire. */
  const SLOW = -1000

  /** Adds a filter the copying of which takes `ns`. */
  function slowFilter(kernel: SimKernel, ns: number): void {
    const slow = (): number => {
      kernel.advance(ns / 1e6)
      return 0
    }
    kernel.filters.add(SLOW, {
      isFd: false,
      attach: () => 0,
      detach() {},
      event: () => false,
      copy: slow,
    })
  }

  it('with timers that fire in the middle lose nothing and report nothing twice', () => {
    const kernel = new SimKernel()
    const { init } = kernel
    const period = 700
    slowFilter(kernel, 300)
    const kq = init.kqueuex(KQUEUE_CPONFORK)
    // Timers before, between and after what is slow to copy.
    for (let ident = 1; ident <= 3; ident++) {
      init.kevent(kq, [EV_SET(ident, EVFILT_TIMER, EV_ADD, NOTE_NSECONDS, period)])
      init.kevent(kq, [EV_SET(ident, SLOW, EV_ADD)])
    }
    const taken = [0, 0, 0]
    let inChildren = 0
    let before = 0
    for (let i = 0; i < FORKS; i++) {
      const child = init.fork()
      // The copy has what the parent has not read, or less by what fired since.
      const now = kernel.uptime()
      for (const { ident, data } of child.kevent(kq, [], 8, 0)) {
        const due = Math.floor(now / period) - before
        assert.ok(data === due, `fork ${i}, timer ${ident}: ${data} of ${due}`)
        inChildren += data
      }
      assert.equal(child.kevent(kq, [], 8, 0).length, 0)
      for (const { ident, data } of init.kevent(kq, [], 8, 0)) taken[ident - 1]! += data
      before = Math.floor(now / period)
      assert.deepEqual(taken, [before, before, before])
      child.exit()
      init.waitpid(child.pid)
    }
    assert.ok(before > FORKS && inChildren > FORKS)
    assert.equal(kernel.timers, 3)
    assert.equal(kernel.callouts.size, 3)
  })

  it('with one-shot timers fire each once in the parent and once in the child', () => {
    const kernel = new SimKernel()
    const { init } = kernel
    slowFilter(kernel, 500)
    const kq = init.kqueuex(KQUEUE_CPONFORK)
    init.kevent(kq, [EV_SET(1, SLOW, EV_ADD)])
    const idents = [1, 2, 3, 4]
    for (let i = 0; i < FORKS; i++) {
      const flags = EV_ADD | EV_ONESHOT
      init.kevent(
        kq,
        idents.map((ident) => EV_SET(ident, EVFILT_TIMER, flags, NOTE_NSECONDS, 200 * ident)),
      )
      const child = init.fork()
      kernel.advance(0.001)
      for (const p of [child, init]) {
        const events = p.kevent(kq, [], 8, 0)
        assert.deepEqual(
          events.map(({ ident, data }) => [ident, data]),
          idents.map((ident) => [ident, 1]),
        )
        assert.equal(p.kevent(kq, [], 8, 0).length, 0)
      }
      child.exit()
      init.waitpid(child.pid)
    }
    assert.equal(kernel.timers, 0)
  })

  it('of running programs, a tenth alive at a time, each see their own timers', async () => {
    const kernel = new SimKernel({ seed: 5 })
    kernel.sysctl.kq_calloutmax = 100_000
    const { init } = kernel
    const kq = init.kqueuex(KQUEUE_CPONFORK)
    init.kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_ADD | EV_CLEAR, NOTE_USECONDS, 250)])
    let seen = 0
    for (let i = 0; i < FORKS; i++) {
      init.fork(async (p) => {
        let fired = 0
        while (fired < 4) fired += (await p.wait(kq, { nevents: 1 }))[0]!.data
        seen++
      })
      if (i % 1000 === 999) {
        await kernel.run()
        while (kernel.processes.length > 1) assert.equal(init.waitpid()?.code, 0)
      }
    }
    assert.equal(seen, FORKS)
    assert.equal(kernel.timers, 1)
  })
})
