/** Programs and the clock: whose turn it is, how long they sleep, and that it is always so. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DISABLE,
  EV_ONESHOT,
  EV_SET,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EventList,
  KQUEUE_CLOEXEC,
  NOTE_ABSTIME,
  NOTE_EXIT,
  NOTE_NSECONDS,
  NOTE_SECONDS,
  NOTE_TRIGGER,
  SimKernel,
  type SimProcess,
} from 'kqueue/sim'

const MS = 1_000_000n

function timer(ident: number, ms: number, flags = 0) {
  return EV_SET(ident, EVFILT_TIMER, EV_ADD | flags, 0, ms)
}

describe('the clock', () => {
  it('starts at 0 and stands still', () => {
    const kernel = new SimKernel()
    assert.equal(kernel.now, 0n)
    kernel.init.kevent(kernel.init.kqueue(), [], 1, 0)
    assert.equal(kernel.now, 0n)
  })

  it('moves when it is told, and calls each callout at its time', () => {
    const kernel = new SimKernel()
    const p = kernel.init
    const kq = p.kqueue()
    p.kevent(kq, [timer(1, 10), timer(2, 25, EV_ONESHOT)])
    kernel.advance(9.999999)
    assert.equal(kernel.now, 9_999_999n)
    assert.deepEqual(p.kevent(kq, [], 8, 0), [])
    kernel.advance(30)
    assert.deepEqual(
      p.kevent(kq, [], 8, 0).map(({ ident, data }) => [ident, data]),
      [
        [1, 3],
        [2, 1],
      ],
    )
  })

  it('never goes back', () => {
    const kernel = new SimKernel()
    for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY, '1' as unknown as number]) {
      assert.throws(() => kernel.advance(ms), { code: 'EINVAL' })
    }
  })

  it('moves by the time that a call sleeps', () => {
    const kernel = new SimKernel()
    const p = kernel.init
    const kq = p.kqueue()
    assert.deepEqual(p.kevent(kq, [timer(1, 70)], 1, 50.5), [])
    assert.equal(kernel.now, 50_500_000n)
    assert.equal(p.kevent(kq, [], 1, { sec: 1, nsec: 0 }).length, 1)
    assert.equal(kernel.now, 70n * MS)
  })

  it('has a time of day', () => {
    const kernel = new SimKernel({ epoch: 1000 })
    const p = kernel.init
    const kq = p.kqueue()
    const at = EV_SET(1, EVFILT_TIMER, EV_ADD, NOTE_SECONDS | NOTE_ABSTIME, 61)
    assert.equal(p.kevent(kq, [at], 1).length, 1)
    assert.equal(kernel.now, 60_000n * MS)
    assert.equal(kernel.realtime(), 61e9)
  })

  it('is not stopped by a timer of a nanosecond', () => {
    const kernel = new SimKernel()
    const p = kernel.init
    const kq = p.kqueue()
    p.kevent(kq, [EV_SET(1, EVFILT_TIMER, EV_ADD, NOTE_NSECONDS, 1)])
    kernel.advance(3_600_000)
    assert.equal(p.kevent(kq, [], 1, 0)[0]?.data, 3_600_000_000_000)
    const other = p.kqueue()
    assert.equal(p.kevent(other, [timer(2, 86_400_000)], 1)[0]?.ident, 2)
    assert.equal(p.kevent(kq, [], 1, 0)[0]?.data, 86_400_000_000_000)
  })
})

describe('a call that would sleep for ever', () => {
  it('throws EDEADLK', () => {
    const p = new SimKernel().init
    assert.throws(() => p.kevent(p.kqueue(), [], 1), { code: 'EDEADLK', syscall: 'kevent' })
  })

  it('throws it though timers of other queues go on', () => {
    const kernel = new SimKernel()
    const p = kernel.init
    const other = p.kqueue()
    p.kevent(other, [timer(1, 10)])
    assert.throws(() => p.kevent(p.kqueue(), [], 1), { code: 'EDEADLK' })
    assert.equal(kernel.now, 0n)
  })

  it('throws it when the timer is disabled, and when it has been deleted', () => {
    const p = new SimKernel().init
    const kq = p.kqueue()
    p.kevent(kq, [timer(1, 10, EV_DISABLE)])
    assert.throws(() => p.kevent(kq, [], 1), { code: 'EDEADLK' })
    p.close(kq)
    assert.throws(() => p.kevent(p.kqueue(), [], 1), { code: 'EDEADLK' })
  })

  it('does not throw when a queue in it has a timer', () => {
    const p = new SimKernel().init
    const [outer, inner] = [p.kqueue(), p.kqueue()]
    p.kevent(inner, [timer(1, 10)])
    assert.equal(p.kevent(outer, [EV_SET(inner, EVFILT_READ, EV_ADD)], 1)[0]?.data, 1)
    assert.equal(p.kevent(outer, [], 1)[0]?.data, 1)
  })

  it('does not throw without room for events, or with a time', () => {
    const p = new SimKernel().init
    const kq = p.kqueue()
    assert.deepEqual(p.kevent(kq), [])
    assert.deepEqual(p.kevent(kq, [], 1, 1000), [])
  })
})

describe('kevent', () => {
  it('fills an EventList', () => {
    const p = new SimKernel().init
    const kq = p.kqueue()
    const list = new EventList(2)
    const changes = [1, 2, 3].map((i) => EV_SET(i, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER))
    assert.equal(p.keventInto(kq, changes, list, 0), 2)
    assert.deepEqual([...list.ident], [1, 2])
    assert.equal(p.keventInto(kq, null, list, 0), 1)
    assert.equal(p.keventInto(kq, null, list, 0), 0)
  })

  it('refuses what cannot be', () => {
    const p = new SimKernel().init
    const kq = p.kqueue()
    for (const nevents of [-1, 1.5]) {
      assert.throws(() => p.kevent(kq, [], nevents), { code: 'EINVAL' })
    }
    for (const timeout of [-1, Number.NaN, { sec: 0, nsec: 1e9 }]) {
      assert.throws(() => p.kevent(kq, [], 1, timeout), { code: 'EINVAL' })
    }
    for (const flags of [4, -1, 1.5]) {
      assert.throws(() => p.kqueuex(flags), { code: 'EINVAL' })
    }
    assert.throws(() => p.kevent(kq, 5 as unknown as []), { code: 'ERR_INVALID_ARG_TYPE' })
    assert.throws(() => p.read(kq, 1), { code: 'EINVAL' })
  })

  it('finds a queue closed by exec gone', () => {
    const p = new SimKernel().init
    const [kept, closed] = [p.kqueue(), p.kqueuex(KQUEUE_CLOEXEC)]
    p.exec('other')
    assert.deepEqual(p.kevent(kept), [])
    assert.throws(() => p.kevent(closed), { code: 'EBADF' })
  })
})

/** Programs that wake each other by pipes and timers; what they did, in order. */
async function play(seed?: number): Promise<string[]> {
  const kernel = new SimKernel(seed === undefined ? {} : { seed })
  const { init } = kernel
  const [r, w] = init.pipe()
  const log: string[] = []
  const say = (p: SimProcess, what: string) => log.push(`${p.pid} ${kernel.now / MS} ${what}`)
  for (let i = 0; i < 5; i++) {
    kernel.spawn(async (p) => {
      const kq = p.kqueue()
      const changelist = [timer(1, 10 + (i % 2)), EV_SET(r, EVFILT_READ, EV_ADD | EV_CLEAR)]
      for (const { ident, data } of await p.wait(kq, { changelist })) say(p, `${ident}:${data}`)
      for (let n = 0; n < 5; n++) {
        p.write(w, 'x'.repeat(i + 1))
        for (const { ident, data } of await p.wait(kq)) say(p, `${ident}:${data}`)
      }
    })
  }
  await kernel.run()
  return log
}

describe('programs', () => {
  it('take the same course each time', async () => {
    const course = await play()
    assert.ok(course.length > 20)
    for (let i = 0; i < 3; i++) assert.deepEqual(await play(), course)
  })

  it('take another course with a seed, which is the same each time', async () => {
    const courses = new Set<string>()
    for (let seed = 0; seed < 20; seed++) {
      const course = (await play(seed)).join()
      assert.equal((await play(seed)).join(), course)
      courses.add(course)
    }
    assert.ok(courses.size > 10, `${courses.size} courses`)
  })

  it('sleep for as long as they say, while others run', async () => {
    const kernel = new SimKernel()
    const woken: [number, bigint][] = []
    for (const ms of [30, 10, 20]) {
      kernel.spawn(async (p) => {
        assert.deepEqual(await p.wait(p.kqueue(), { timeout: ms }), [])
        woken.push([ms, kernel.now / MS])
      })
    }
    await kernel.run()
    assert.deepEqual(woken, [
      [10, 10n],
      [20, 20n],
      [30, 30n],
    ])
  })

  it('that wait for one queue each get an event once', async () => {
    const kernel = new SimKernel()
    const p = kernel.init
    const kq = p.kqueue()
    p.kevent(kq, [EV_SET(1, EVFILT_USER, EV_ADD | EV_CLEAR)])
    const got: string[] = []
    for (const name of ['first', 'second', 'third']) {
      void p.wait(kq).then(() => got.push(name))
    }
    for (const expected of [['first'], ['first', 'second'], ['first', 'second', 'third']]) {
      p.kevent(kq, [EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER)])
      await kernel.settle()
      assert.deepEqual(got, expected)
    }
  })

  it('that poll let the others have a turn', async () => {
    const kernel = new SimKernel()
    let ended = false
    kernel.spawn(async (p) => {
      const kq = p.kqueue()
      p.kevent(kq, [EV_SET(1, EVFILT_USER, EV_ADD, NOTE_TRIGGER)])
      while (!ended) await p.wait(kq, { timeout: 0 })
    })
    kernel.spawn(() => {
      ended = true
    })
    await kernel.run()
    assert.equal(kernel.now, 0n)
  })

  it('exit with the number that they return', async () => {
    const kernel = new SimKernel()
    const p = kernel.spawn(async () => 5)
    const q = kernel.spawn(async () => {})
    await kernel.run()
    assert.deepEqual([p.exitStatus, q.exitStatus], [5 << 8, 0])
  })

  it('that throw make run throw', async () => {
    const kernel = new SimKernel()
    const reason = new Error('mine')
    const p = kernel.spawn(async (p) => {
      await p.wait(p.kqueue(), { timeout: 5 })
      throw reason
    })
    await assert.rejects(kernel.run(), reason)
    assert.equal(p.exitStatus, 1 << 8)
    await kernel.run()
  })

  it('that are killed in their sleep never wake', async () => {
    const kernel = new SimKernel()
    let woken = false
    const p = kernel.spawn(async (p) => {
      try {
        await p.wait(p.kqueue(), { timeout: 100 })
      } finally {
        woken = true
      }
    })
    await kernel.settle()
    kernel.init.kill(p.pid, 'SIGKILL')
    await kernel.run()
    assert.equal(woken, false)
    assert.equal(kernel.callouts.size, 0)
    assert.equal(kernel.now, 0n)
  })

  it('that nothing can wake do not keep run from ending', async () => {
    const kernel = new SimKernel()
    const kq = kernel.init.kqueue()
    kernel.init.kevent(kq, [timer(1, 10)])
    kernel.spawn((p) => p.wait(p.kqueue()))
    await kernel.run()
    assert.equal(kernel.now, 0n)
  })

  it('are interrupted by a signal that they handle', async () => {
    const kernel = new SimKernel()
    let handled = 0
    const p = kernel.spawn(async (p) => {
      p.sigaction('SIGUSR1', () => handled++)
      await assert.rejects(p.wait(p.kqueue()), { code: 'EINTR' })
      p.sigaction('SIGUSR2', 'ignore')
      assert.deepEqual(await p.wait(p.kqueue(), { timeout: 5 }), [])
    })
    await kernel.settle()
    kernel.init.kill(p.pid, 'SIGUSR1')
    await kernel.settle()
    kernel.init.kill(p.pid, 'SIGUSR2')
    await kernel.run()
    assert.deepEqual([handled, p.exitStatus], [1, 0])
  })

  it('wait until they are continued, when they were stopped', async () => {
    const kernel = new SimKernel()
    const { init } = kernel
    const [r, w] = init.pipe()
    let read = 0
    const p = kernel.spawn(async (p) => {
      const kq = p.kqueue()
      await p.wait(kq, { changelist: [EV_SET(r, EVFILT_READ, EV_ADD)] })
      read = p.read(r, 64).length
    })
    await kernel.settle()
    init.kill(p.pid, 'SIGSTOP')
    init.write(w, 'abc')
    await kernel.run()
    assert.equal(read, 0)
    init.kill(p.pid, 'SIGCONT')
    await kernel.run()
    assert.equal(read, 3)
  })

  it('end their sleep with EBADF when the queue is closed', async () => {
    const kernel = new SimKernel()
    const p = kernel.init
    const kq = p.kqueue()
    const sleep = assert.rejects(p.wait(kq), { code: 'EBADF' })
    p.close(kq)
    await kernel.settle()
    await sleep
  })

  it('may await each other, and what is not of this kernel', async () => {
    const kernel = new SimKernel()
    let tell: (what: string) => void = () => {}
    const told = new Promise<string>((resolve) => {
      tell = resolve
    })
    const order: string[] = []
    kernel.spawn(async () => {
      order.push(await told)
    })
    kernel.spawn(async (p) => {
      await p.wait(p.kqueue(), { timeout: 10 })
      await new Promise((resolve) => setImmediate(resolve))
      order.push('first')
      tell('second')
    })
    await kernel.run()
    assert.deepEqual(order, ['first', 'second'])
  })

  it('are children of others', async () => {
    const kernel = new SimKernel()
    const exits: number[] = []
    kernel.spawn(async (p) => {
      const kq = p.kqueue()
      const child = p.fork(async (q) => {
        await q.wait(q.kqueue(), { timeout: 3 })
        return 9
      })
      const changelist = [EV_SET(child.pid, EVFILT_PROC, EV_ADD, NOTE_EXIT)]
      for (const { data } of await p.wait(kq, { changelist })) exits.push(data >> 8)
      exits.push(p.waitpid(child.pid)?.code ?? -1)
    })
    await kernel.run()
    assert.deepEqual(exits, [9, 9])
  })
})
