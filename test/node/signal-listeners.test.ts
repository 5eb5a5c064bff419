/** EVFILT_SIGNAL beside the listeners of process.on and the handlers of others. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { EV_DELETE, EV_SET, EVFILT_SIGNAL } from 'kqueue'
import * as posix from '../native/posix.js'
import { until } from '../patience.js'
import type { Cases } from '../programs/signals.js'
import { casesOf, run } from './processes.js'
import { cleanUp, LONG, queue } from './queues.js'
import { counts, masks, openOnce, SIGNALS, SIGRTMIN, signal, tasks, total } from './signals.js'

before(() => {
  openOnce()
  // Node's own handler would start the debugger.
  posix.sigaction(SIGNALS.SIGUSR1, 'ignore')
})
cleanUp()

const programs = casesOf<Cases>('signals')
const { SIGUSR1, SIGPWR, SIGPIPE, SIGTERM, SIGINT, SIGCHLD, SIGWINCH, SIGHUP } = SIGNALS
const remove = (number: number) => EV_SET(number, EVFILT_SIGNAL, EV_DELETE)

/** A turn of the event loop that has polled, so that listeners are called; a timer may come before. */
async function turn(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Runs with a listener that counts. */
async function listening(
  name: NodeJS.Signals,
  use: (heard: () => number) => void | Promise<void>,
): Promise<void> {
  let heard = 0
  const listener = () => {
    heard++
  }
  process.on(name, listener)
  try {
    await use(() => heard)
  } finally {
    process.off(name, listener)
  }
}

describe('A listener', () => {
  it('that was there before hears every signal, and so does the knote', async () => {
    await listening('SIGPWR', async (heard) => {
      const kq = queue()
      kq.kevent([signal(SIGPWR)])
      for (let i = 0; i < 5; i++) posix.raise(SIGPWR)
      assert.equal(total(kq, 5), 5)
      await until(() => heard() === 5, 'the listener is called')
      kq.kevent([remove(SIGPWR)])
      posix.raise(SIGPWR)
      await until(() => heard() === 6, 'the listener is called')
    })
    assert.equal(posix.handler(SIGPWR), 0)
  })

  for (const [name, number] of [
    ['SIGPWR', SIGPWR],
    ['SIGUSR1', SIGUSR1],
    ['SIGPIPE', SIGPIPE],
    ['SIGTERM', SIGTERM],
  ] as const) {
    it(`for ${name} that comes and goes leaves the count exact`, async () => {
      const kq = queue()
      kq.kevent([signal(number)])
      posix.raise(number)
      await listening(name, async (heard) => {
        posix.raise(number)
        await until(() => heard() === 1, 'the listener is called')
      })
      posix.raise(number)
      assert.deepEqual(counts(kq.kevent([], 8, 0)), [[number, 3]])
    })
  }

  it('that came meanwhile stays when the knote goes', async () => {
    const kq = queue()
    kq.kevent([signal(SIGHUP)])
    await listening('SIGHUP', async (heard) => {
      kq.close()
      posix.raise(SIGHUP)
      await until(() => heard() === 1, 'the listener is called')
    })
    assert.equal(posix.handler(SIGHUP), 0)
  })

  it('that was there before and has gone meanwhile is not put back', async () => {
    const kq = queue()
    await listening('SIGHUP', () => {
      kq.kevent([signal(SIGHUP)])
    })
    posix.raise(SIGHUP)
    assert.equal(total(kq, 1), 1)
    kq.close()
    assert.equal(posix.handler(SIGHUP), 0)
  })

  for (const what of ['ignore', 'default'] as const) {
    it(`that hears nothing, because of sigaction ${what}, is left alone`, async () => {
      await listening('SIGPWR', async (heard) => {
        posix.sigaction(SIGPWR, what)
        const handler = posix.handler(SIGPWR)
        const kq = queue()
        kq.kevent([signal(SIGPWR)])
        posix.raise(SIGPWR)
        assert.equal(total(kq, 1), 1)
        await turn()
        assert.equal(heard(), 0)
        kq.close()
        assert.equal(posix.handler(SIGPWR), handler)
      })
    })
  }

  it("replaces Node's start of the debugger, as without a knote", () => {
    const { stderr, stdout } = run(programs('watches and listens', 'SIGUSR1', SIGUSR1))
    assert.equal(stdout, 'heard 1\n')
    assert.equal(stderr, '')
  })
})

describe('A storm of signals', () => {
  for (const [name, number] of [
    ['SIGPWR', SIGPWR],
    ['SIGTERM', SIGTERM],
    ['SIGWINCH', SIGWINCH],
    ['SIGCHLD', SIGCHLD],
  ] as const) {
    it(`${name} while listeners come and go is counted exactly, and kills nobody`, () => {
      const kq = queue()
      kq.kevent([signal(number)])
      const listener = () => {}
      const sum = 4 * 20_000
      posix.storm(number, 4, 20_000)
      for (let i = 0; i < 2000; i++) process.on(name, listener).off(name, listener)
      posix.calm()
      assert.equal(total(kq, sum), sum)
    })
  }

  it('of one that was ignored is counted exactly as the first listener comes', () => {
    const listener = () => {}
    for (let round = 0; round < 100; round++) {
      posix.sigaction(SIGPWR, 'ignore')
      const kq = queue()
      kq.kevent([signal(SIGPWR)])
      posix.storm(SIGPWR, 3, 500)
      process.on('SIGPWR', listener).off('SIGPWR', listener)
      posix.calm()
      assert.deepEqual(counts(kq.kevent([], 1, 0)), [[SIGPWR, 1500]])
      kq.close()
    }
    assert.equal(posix.handler(SIGPWR), 0)
  })

  it('that a handler in C counted is counted exactly as the first listener takes its place', () => {
    const listener = () => {}
    for (let round = 0; round < 100; round++) {
      posix.sigaction(SIGPWR, 'count')
      const kq = queue()
      kq.kevent([signal(SIGPWR)])
      posix.storm(SIGPWR, 3, 500)
      process.on('SIGPWR', listener).off('SIGPWR', listener)
      posix.calm()
      assert.deepEqual(counts(kq.kevent([], 1, 0)), [[SIGPWR, 1500]])
      kq.close()
    }
    posix.sigaction(SIGPWR, 'default')
  })

  it('kills nobody while knotes come and go beside a listener, which hears of it', async () => {
    // libuv holds 4,096 signals until the loop turns, and drops the rest: those of the tests before go first.
    await turn()
    await listening('SIGPWR', async (heard) => {
      const kq = queue()
      for (let round = 1; round <= 20; round++) {
        posix.storm(SIGPWR, 2, 1000)
        for (let i = 0; i < 500; i++)
          kq.kevent([signal(SIGPWR)]).concat(kq.kevent([remove(SIGPWR)]))
        posix.calm()
        await until(() => heard() === round * 2000, 'the listener is called')
      }
    })
  })

  it('that is ignored kills nobody while knotes come and go', () => {
    // libuv has put SIG_DFL when its last listener went.
    posix.sigaction(SIGPIPE, 'ignore')
    const kq = queue()
    posix.storm(SIGPIPE, 2, 50_000)
    for (let i = 0; i < 2000; i++) {
      kq.kevent([signal(SIGPIPE)])
      kq.kevent([remove(SIGPIPE)])
    }
    posix.calm()
    assert.equal(posix.handler(SIGPIPE), 1)
  })
})

describe('A handler that somebody else has installed', () => {
  it('goes on being called, and is there in the end', () => {
    posix.sigaction(SIGRTMIN, 'count')
    const handler = posix.handler(SIGRTMIN)
    const handled = posix.handled(SIGRTMIN)
    const kq = queue()
    kq.kevent([signal(SIGRTMIN)])
    assert.notEqual(posix.handler(SIGRTMIN), handler)
    for (let i = 0; i < 3; i++) posix.raise(SIGRTMIN)
    assert.equal(total(kq, 3), 3)
    assert.equal(posix.handled(SIGRTMIN), handled + 3)
    kq.close()
    assert.equal(posix.handler(SIGRTMIN), handler)
    posix.sigaction(SIGRTMIN, 'restore')
  })

  it('meanwhile is found at the next call, and called from then on', () => {
    const kq = queue()
    kq.kevent([signal(SIGRTMIN)])
    posix.raise(SIGRTMIN)
    posix.sigaction(SIGRTMIN, 'count')
    const handler = posix.handler(SIGRTMIN)
    const handled = posix.handled(SIGRTMIN)
    assert.equal(total(kq, 1), 1)
    for (let i = 0; i < 3; i++) posix.raise(SIGRTMIN)
    assert.equal(total(kq, 3), 3)
    assert.equal(posix.handled(SIGRTMIN), handled + 3)
    kq.close()
    assert.equal(posix.handler(SIGRTMIN), handler)
    posix.sigaction(SIGRTMIN, 'default')
  })

  it('in place of ours as the knote goes stays', () => {
    const kq = queue()
    kq.kevent([signal(SIGRTMIN)])
    posix.sigaction(SIGRTMIN, 'ignore')
    kq.close()
    assert.equal(posix.handler(SIGRTMIN), 1)
    posix.sigaction(SIGRTMIN, 'default')
  })

  for (const how of ['well', 'carelessly'] as const) {
    it(`over ours and calls ours ${how} is called once each time, then and afterwards`, () => {
      // What the other one calls in the end; by default it would end the process.
      posix.sigaction(SIGRTMIN, 'ignore')
      const before = posix.handled(SIGRTMIN)
      let sent = 0
      const raise = (times: number): void => {
        for (let i = 0; i < times; i++) posix.raise(SIGRTMIN)
        sent += times
        assert.equal(posix.handled(SIGRTMIN) - before, sent)
      }
      const kq = queue()
      kq.kevent([signal(SIGRTMIN)])
      posix.chain(SIGRTMIN, how)
      raise(1)
      // Finds the other one, and goes over it.
      assert.equal(total(kq, 1), 1)
      raise(3)
      assert.equal(total(kq, 3), 3)
      kq.kevent([remove(SIGRTMIN)])
      raise(2)
      kq.kevent([signal(SIGRTMIN)])
      raise(4)
      assert.equal(total(kq, 4), 4)
      assert.deepEqual(kq.kevent([], 8, 0), [])
      kq.close()
      posix.sigaction(SIGRTMIN, 'default')
    })
  }

  it('over ours gives way to the first listener', async () => {
    const kq = queue()
    kq.kevent([signal(SIGPWR)])
    posix.sigaction(SIGPWR, 'count')
    const handled = posix.handled(SIGPWR)
    await listening('SIGPWR', async (heard) => {
      posix.raise(SIGPWR)
      await until(() => heard() === 1, 'the listener is called')
    })
    assert.equal(posix.handled(SIGPWR), handled)
    assert.equal(total(kq, 1), 1)
    kq.close()
    assert.equal(posix.handler(SIGPWR), 0)
  })
})

describe('When the last knote goes', () => {
  it('everything is as before', () => {
    const numbers = [SIGUSR1, SIGPWR, SIGPIPE, SIGTERM, SIGINT, SIGCHLD, SIGWINCH, SIGRTMIN, 64]
    const state = () => ({
      process: masks(),
      blocked: tasks().map((tid) => masks(tid).SigBlk),
      handlers: numbers.map((n) => posix.handler(n)),
    })
    const start = state()
    for (let round = 0; round < 3; round++) {
      const [kq, other] = [queue(), queue()]
      kq.kevent(numbers.map((n) => signal(n)))
      other.kevent(numbers.map((n) => signal(n)))
      assert.notDeepEqual(state(), start)
      for (const number of numbers) posix.raise(number)
      assert.equal(kq.kevent([], 64, LONG).length, numbers.length)
      kq.close()
      assert.notDeepEqual(state(), start)
      other.kevent(numbers.map(remove))
      assert.deepEqual(state(), start)
    }
  })

  it('the default action is back', () => {
    for (const name of ['SIGTERM', 'SIGPWR', 'SIGINT'] as const) {
      const { signal, stdout } = run(programs('no longer watches', SIGNALS[name]))
      assert.equal(signal, name)
      assert.equal(stdout, '1\n')
    }
  })
})
