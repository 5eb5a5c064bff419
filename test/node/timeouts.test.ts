/** Timeouts of a blocking kevent, and signals that come meanwhile. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants } from 'node:os'
import { describe, it } from 'node:test'
import { EV_DISABLE, EV_SET, EVFILT_READ, type Kqueue, type Timeout } from 'kqueue'
import * as posix from '../native/posix.js'
import { spawn, whenOver } from '../patience.js'
import type { Cases as Interrupted } from '../programs/interrupted.js'
import type { Cases as Workers } from '../programs/workers.js'
import { casesOf, ended, message, program, start } from './processes.js'
import { cleanUp, fired, idents, pipe, queue, read, timer } from './queues.js'

cleanUp()

const interrupted = casesOf<Interrupted>('interrupted')
const workers = casesOf<Workers>('workers')

/** How long a kevent without events takes, in ns. */
function blocked(kq: Kqueue, timeout: Timeout): number {
  const start = process.hrtime.bigint()
  assert.deepEqual(kq.kevent([], 1, timeout), [])
  return Number(process.hrtime.bigint() - start)
}

describe('A timeout of kevent', () => {
  for (const [timeout, ns] of [
    [0.25, 250_000],
    [1.5, 1_500_000],
    [30, 30_000_000],
    [{ sec: 0, nsec: 1 }, 1],
    [{ sec: 0, nsec: 999_999 }, 999_999],
    [{ sec: 0, nsec: 20_000_001 }, 20_000_001],
  ] as const) {
    it(`of ${JSON.stringify(timeout)} lasts ${ns} ns at least`, () => {
      const kq = queue()
      for (let i = 0; i < 5; i++) {
        const actual = blocked(kq, timeout)
        assert.ok(actual >= ns, `${actual} ns`)
        assert.ok(actual < ns + 2e9, `${actual} ns`)
      }
    })
  }

  it('is not rounded up to milliseconds', () => {
    const kq = queue()
    blocked(kq, 0.05)
    const shortest = Math.min(...Array.from({ length: 50 }, () => blocked(kq, 0.05)))
    assert.ok(shortest < 1_000_000, `${shortest} ns`)
  })

  it('of 0, with nevents 0, or with something pending does not block', () => {
    const kq = queue()
    const start = performance.now()
    for (let i = 0; i < 100; i++) {
      assert.deepEqual(kq.kevent([], 1, 0), [])
      assert.deepEqual(kq.kevent([], 0, 60_000), [])
      assert.deepEqual(idents(kq.kevent([fired(1)], 1, 60_000)), [1])
    }
    assert.ok(performance.now() - start < 5000)
  })

  it('ends at a timer of the same queue', () => {
    const kq = queue()
    const start = performance.now()
    assert.deepEqual(idents(kq.kevent([timer(1, 20)], 1, 60_000)), [1])
    const ms = performance.now() - start
    assert.ok(ms >= 20 && ms < 5000, `${ms} ms`)
  })

  it('ends at all timers of one changelist together, though setting them takes a while', () => {
    const kq = queue()
    const timers = Array.from({ length: 1000 }, (_, i) => timer(i, 20))
    kq.kevent(timers)
    assert.equal(kq.kevent([], 1000, 60_000).length, 1000)
    // They are set for a time before they were added, and not before the call.
    const start = process.hrtime.bigint()
    kq.kevent([...timers.slice(0, 999), timer(1000, 20)])
    assert.equal(kq.kevent([], 1, 60_000).length, 1)
    assert.ok(process.hrtime.bigint() - start >= 20_000_000n)
  })

  it('is not cut short by the timers of other queues', () => {
    const kq = queue()
    queue().kevent([timer(1, 5), timer(2, 10)])
    assert.ok(blocked(kq, 25) >= 25e6)
  })

  it('does not spin when a disabled or taken event of another queue is ready', () => {
    const kq = queue()
    const [r, w] = pipe()
    const other = queue()
    other.kevent([read(r)])
    posix.write(w, 'x')
    other.kevent([EV_SET(r, EVFILT_READ, EV_DISABLE)])
    const before = process.cpuUsage()
    blocked(kq, 150)
    const { user, system } = process.cpuUsage(before)
    assert.ok(user + system < 75_000, `${(user + system) / 1000} ms of CPU`)
  })

  it('may be as large as numbers are', () => {
    const kq = queue()
    for (const timeout of [
      2 ** 31,
      2 ** 53,
      1e300,
      Number.MAX_VALUE,
      Number.POSITIVE_INFINITY,
      null,
      undefined,
      { sec: 2 ** 53 - 1, nsec: 999_999_999 },
    ]) {
      assert.deepEqual(idents(kq.kevent([timer(1, 1)], 1, timeout)), [1])
    }
  })

  it('in wait may be as large as numbers are', async () => {
    const kq = queue()
    for (const timeout of [
      2 ** 31,
      1e300,
      Number.MAX_VALUE,
      { sec: 2 ** 53 - 1, nsec: 999_999_999 },
    ]) {
      assert.deepEqual(idents(await kq.wait({ changelist: [timer(1, 1)], timeout })), [1])
    }
  })

  it('that cannot be is EINVAL where there is something to wait for', async () => {
    const kq = queue()
    for (const timeout of [
      -1,
      -0.001,
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      { sec: -1, nsec: 0 },
      { sec: 0, nsec: -1 },
      { sec: 0, nsec: 1e9 },
      { sec: 0.5, nsec: 0 },
      { sec: 0, nsec: 0.5 },
      { sec: Number.NaN, nsec: 0 },
    ]) {
      assert.throws(() => kq.kevent([], 1, timeout), { code: 'EINVAL', message: /./ })
      assert.deepEqual(kq.kevent([], 0, timeout), [])
      await assert.rejects(kq.wait({ timeout }), { code: 'EINVAL', message: /./ })
      assert.deepEqual(await kq.wait({ nevents: 0, timeout }), [])
    }
  })

  it('that cannot be is refused after the changes have been applied', async () => {
    const kq = queue()
    const late = timer(1, 100_000)
    await assert.rejects(kq.wait({ changelist: [late], timeout: -1 }), { code: 'EINVAL' })
    assert.deepEqual(
      kq.knotes().map(({ ident }) => ident),
      [1],
    )
  })

  it('of a wrong type is a TypeError before anything is applied', async () => {
    const kq = queue()
    for (const timeout of ['1', {}, { sec: '1', nsec: 0 }, { sec: 0, nsec: null }] as unknown[]) {
      const wrong = timeout as number
      const code = 'ERR_INVALID_ARG_TYPE'
      assert.throws(() => kq.kevent([timer(1, 1)], 0, wrong), { code })
      await assert.rejects(kq.wait({ changelist: [timer(1, 1)], nevents: 0, timeout: wrong }), {
        code,
      })
      assert.deepEqual(kq.knotes(), [])
    }
  })
})

describe('A signal during a blocking kevent', () => {
  /** Sends SIGUSR1 to a child again and again, once it says that it is ready. */
  async function signalled(what: keyof Interrupted): Promise<string> {
    const child = spawn(process.execPath, program(interrupted(what)), {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    let sending: NodeJS.Timeout | undefined
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      sending ??= setInterval(() => child.kill('SIGUSR1'), 20)
    })
    whenOver(() => clearInterval(sending))
    await once(child, 'close')
    return output
  }

  it('ends it with EINTR, and the handler of the program runs', async () => {
    const output = await signalled('handles it')
    assert.equal(output, 'ready\nEINTR -4 kevent\nhandled\n')
  })

  it('leaves the queue as it was: the events come at the next call', async () => {
    const output = await signalled('asks again')
    assert.equal(output, 'ready\nEINTR\n1\n')
  })

  it('does not disturb those who await', async () => {
    const output = await signalled('waits')
    assert.equal(output, 'ready\n0 true\n')
  })

  it('does not reach a worker that blocks, if the main thread handles it', async () => {
    const worker = start(workers('blocks while signals come', 250))
    const handler = (): void => {}
    process.on('SIGPWR', handler)
    const sending = setInterval(() => process.kill(process.pid, constants.signals.SIGPWR), 20)
    try {
      const seen = await message(worker)
      assert.ok(seen === 0 || seen === 'EINTR', `${seen}`)
      await ended(worker)
    } finally {
      clearInterval(sending)
      process.off('SIGPWR', handler)
    }
  })
})
