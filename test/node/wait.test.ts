/** Kqueue.wait: kevent(2) that awaits. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_ERROR,
  EV_SET,
  EVFILT_READ,
  EVFILT_USER,
  type Kqueue,
} from 'kqueue'
import * as posix from '../native/posix.js'
import {
  assertWorks,
  cleanUp,
  clear,
  closeRaw,
  fired,
  idents,
  LONG,
  once,
  pending,
  pipe,
  queue,
  read,
  timer,
  trigger,
  user,
} from './queues.js'

cleanUp()

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('wait', () => {
  it('resolves with what is pending', async () => {
    const kq = queue()
    kq.kevent([fired(1), fired(2)])
    assert.deepEqual(idents(await kq.wait()), [1, 2])
  })

  it('resolves when something happens', async () => {
    const kq = queue()
    const [r, w] = pipe()
    const events = kq.wait({ changelist: [read(r)] })
    posix.write(w, 'hello')
    assert.deepEqual(
      (await events).map(({ ident, filter, data }) => [ident, filter, data]),
      [[r, EVFILT_READ, 5]],
    )
  })

  for (const [who, begin] of [
    ['who waits for another queue', (kq) => void kq.wait().catch(() => {})],
    ['nobody any more', (kq) => kq.wait({ changelist: [timer(1, 1)] })],
  ] as const satisfies readonly [string, (kq: Kqueue) => unknown][]) {
    it(`does not hold to be there what was when the event loop woke for ${who}`, async () => {
      const kq = queue()
      const [r, w] = pipe()
      kq.kevent([read(r)])
      await begin(queue())
      posix.write(w, 'hello')
      // The event loop looks between the two.
      await turn()
      await turn()
      posix.read(r, 8)
      assert.deepEqual(pending(kq), [])
      posix.write(w, 'x')
      assert.deepEqual(pending(kq), [r])
    })
  }

  it('tells once of what has come by when it goes on, with EV_CLEAR', async () => {
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([read(r, EV_CLEAR)])
    const waiting = kq.wait()
    posix.write(w, 'x')
    // Takes in that there is something, so that who waits is about to be served.
    pending(queue())
    posix.write(w, 'yz')
    assert.deepEqual(
      (await waiting).map(({ data }) => data),
      [3],
    )
    assert.deepEqual(pending(kq), [])
  })

  it('applies its changes before it returns, not when it is awaited', async () => {
    const kq = queue()
    const events = kq.wait({ changelist: [once(1)] })
    kq.kevent([trigger(1)])
    assert.deepEqual(idents(await events), [1])
  })

  it('resolves without events when the time is over, and not before', async () => {
    const kq = queue()
    for (const timeout of [20, 1.5, { sec: 0, nsec: 2_000_000 }]) {
      const start = performance.now()
      assert.deepEqual(await kq.wait({ timeout }), [])
      const ms = typeof timeout === 'number' ? timeout : timeout.nsec / 1e6
      assert.ok(performance.now() - start >= ms, `${performance.now() - start} ms`)
    }
  })

  it('polls with a timeout of 0', async () => {
    const kq = queue()
    assert.deepEqual(await kq.wait({ timeout: 0 }), [])
    kq.kevent([fired(1)])
    assert.deepEqual(idents(await kq.wait({ timeout: 0 })), [1])
  })

  it('hands out nothing for nevents 0, whatever the timeout', async () => {
    const kq = queue()
    assert.deepEqual(await kq.wait({ changelist: [fired(1)], nevents: 0, timeout: LONG }), [])
    assert.deepEqual(pending(kq), [1])
  })

  it('hands out at most nevents, 64 without', async () => {
    const kq = queue()
    kq.kevent(Array.from({ length: 100 }, (_, i) => fired(i)))
    assert.equal((await kq.wait({ nevents: 3 })).length, 3)
    assert.equal((await kq.wait()).length, 64)
    assert.equal((await kq.wait()).length, 33)
  })

  it('answers failed changes with events', async () => {
    const kq = queue()
    const changelist = [EV_SET(7, EVFILT_USER, EV_DELETE)]
    const [event] = await kq.wait({ changelist })
    assert.deepEqual([event!.ident, event!.flags, event!.data], [7, EV_ERROR, 2])
    await assert.rejects(kq.wait({ changelist, nevents: 0 }), { code: 'ENOENT' })
  })

  it('rejects, and does not throw, what kevent throws', async () => {
    const kq = queue()
    await assert.rejects(kq.wait({ timeout: -1 }), { code: 'EINVAL' })
    await assert.rejects(kq.wait({ nevents: -1 }), { code: 'EINVAL' })
    await assert.rejects(kq.wait(7 as never), { code: 'ERR_INVALID_ARG_TYPE' })
    await assert.rejects(kq.wait({ signal: {} as never }), { code: 'ERR_INVALID_ARG_TYPE' })
    kq.close()
    await assert.rejects(kq.wait(), { code: 'EBADF' })
  })

  it('rejects with what a signal of the program throws, and the next wait ends in time', async () => {
    const kq = queue()
    const signal = {
      throwIfAborted() {},
      addEventListener() {
        throw new Error('no listeners here')
      },
      removeEventListener() {},
    }
    await assert.rejects(kq.wait({ signal: signal as never }), { message: 'no listeners here' })
    assert.deepEqual(await kq.wait({ timeout: 5 }), [])
  })

  it('needs no thread: a timer and a byte arrive in order', async () => {
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([timer(1, 5), read(r)])
    assert.deepEqual(idents(await kq.wait()), [1])
    const byte = kq.wait()
    setImmediate(() => posix.write(w, 'x'))
    assert.deepEqual(idents(await byte), [r])
  })

  it('leaves a blocking kevent that comes after it to sleep, not to spin', async () => {
    const kq = queue()
    await kq.wait({ timeout: 2 })
    const before = process.cpuUsage()
    kq.kevent([], 1, 200)
    const { user, system } = process.cpuUsage(before)
    assert.ok(user + system < 100_000, `${(user + system) / 1000} ms of CPU in 200 ms`)
  })

  it('resolves for a thousand queues at the same time', async () => {
    const kqs = Array.from({ length: 1000 }, queue)
    const waits = kqs.map((kq) => kq.wait({ changelist: [clear(1)] }))
    for (const kq of kqs) kq.kevent([trigger(1)])
    for (const events of await Promise.all(waits)) assert.deepEqual(idents(events), [1])
  })
})

describe('Waiters on one queue', () => {
  it('are served in the order in which they came, one event each', async () => {
    const kq = queue()
    kq.kevent([once(1), once(2), once(3)])
    const order: string[] = []
    const waits = ['first', 'second', 'third'].map(async (name) => {
      const events = await kq.wait({ nevents: 1 })
      order.push(`${name} got ${idents(events)}`)
    })
    for (const ident of [1, 2, 3]) {
      kq.kevent([trigger(ident)])
      await turn()
    }
    await Promise.all(waits)
    assert.deepEqual(order, ['first got 1', 'second got 2', 'third got 3'])
  })

  it('share what comes at once, nothing twice', async () => {
    const kq = queue()
    const waits = [1, 2, 3].map(() => kq.wait({ nevents: 2 }))
    kq.kevent([1, 2, 3, 4, 5].map(fired))
    const got = (await Promise.all(waits)).map(idents)
    assert.deepEqual(got, [[1, 2], [3, 4], [5]])
    assert.deepEqual(pending(kq), [])
  })

  it('get a level-triggered event one at a time', async () => {
    const kq = queue()
    const waits = [1, 2].map(() => kq.wait({ timeout: 50 }))
    kq.kevent([user(1)])
    kq.kevent([trigger(1)])
    const got = (await Promise.all(waits)).map((events) => events.length)
    assert.deepEqual(got, [1, 0])
  })

  it('that came first are served before one that comes when the event is there', async () => {
    const kq = queue()
    kq.kevent([once(1)])
    const first = kq.wait({ nevents: 1, timeout: 100 })
    kq.kevent([trigger(1)])
    const second = kq.wait({ nevents: 1, timeout: 100 })
    assert.deepEqual([idents(await first), idents(await second)], [[1], []])
  })

  it('lose no place when one in between gives up', async () => {
    const kq = queue()
    const abort = new AbortController()
    const first = kq.wait({ nevents: 1 })
    const second = kq.wait({ nevents: 1, signal: abort.signal })
    const third = kq.wait({ nevents: 1 })
    abort.abort()
    await assert.rejects(second, { name: 'AbortError' })
    kq.kevent([fired(1), fired(2)])
    assert.deepEqual([idents(await first), idents(await third)], [[1], [2]])
  })

  it('wait the rest of their time when they are woken for nothing', async () => {
    const kq = queue()
    const [r, w] = pipe()
    const start = performance.now()
    const events = kq.wait({ changelist: [read(r)], timeout: 40 })
    posix.write(w, 'x')
    posix.read(r)
    assert.deepEqual(await events, [])
    assert.ok(performance.now() - start >= 40)
  })

  it('do not hinder a blocking kevent, which takes what there is', async () => {
    const kq = queue()
    const waiting = kq.wait({ timeout: 20 })
    assert.deepEqual(idents(kq.kevent([fired(1)], 1)), [1])
    assert.deepEqual(await waiting, [])
  })
})

describe('Aborting wait', () => {
  it('before it begins rejects with the reason and applies no change', async () => {
    const kq = queue()
    const reason = new Error('my reason')
    const waiting = kq.wait({ changelist: [user(1)], signal: AbortSignal.abort(reason) })
    await assert.rejects(waiting, (error) => error === reason)
    assert.deepEqual(kq.knotes(), [])
  })

  it('while it waits rejects with the reason, and loses nothing', async () => {
    const kq = queue()
    const abort = new AbortController()
    const reason = { any: 'value' }
    const waiting = kq.wait({ changelist: [once(1)], signal: abort.signal })
    abort.abort(reason)
    await assert.rejects(waiting, (error) => error === reason)
    kq.kevent([trigger(1)])
    assert.deepEqual(pending(kq), [1])
  })

  it('in the moment in which an event comes leaves the event queued', async () => {
    const kq = queue()
    const abort = new AbortController()
    const waiting = kq.wait({ changelist: [once(1)], signal: abort.signal })
    kq.kevent([trigger(1)])
    abort.abort()
    const got = await waiting.then(idents, () => [])
    assert.deepEqual([...got, ...pending(kq)], [1])
  })

  it('after it is over changes nothing', async () => {
    const kq = queue()
    const abort = new AbortController()
    assert.deepEqual(idents(await kq.wait({ changelist: [fired(1)], signal: abort.signal })), [1])
    abort.abort()
    assertWorks(kq)
  })

  it('from within its own changelist rejects as well', async () => {
    const kq = queue()
    const abort = new AbortController()
    const change = {
      get ident() {
        abort.abort()
        return 1
      },
      filter: EVFILT_USER,
      flags: EV_ADD,
    }
    const waiting = kq.wait({ changelist: [change], signal: abort.signal, timeout: 100 })
    await assert.rejects(waiting, { name: 'AbortError' })
  })

  it('leaves no listener on the signal, however it ends', async () => {
    const { signal } = new AbortController()
    const listeners = () => getEventListeners(signal, 'abort').length
    const kq = queue()
    await kq.wait({ signal, timeout: 1 })
    await kq.wait({ signal, changelist: [fired(1)] })
    const waiting = kq.wait({ signal })
    assert.ok(listeners() > 0)
    kq.kevent([fired(1)])
    await waiting
    const closed = kq.wait({ signal })
    kq.close()
    await assert.rejects(closed)
    await assert.rejects(kq.wait({ signal }))
    assert.equal(listeners(), 0)
  })

  it('works with AbortSignal.timeout', async () => {
    const kq = queue()
    const waiting = kq.wait({ signal: AbortSignal.timeout(10), timeout: LONG })
    await assert.rejects(waiting, { name: 'TimeoutError' })
  })
})

describe('Closing a queue', () => {
  it('rejects all who wait for it with EBADF', async () => {
    const kq = queue()
    const waits = [kq.wait(), kq.wait({ timeout: LONG }), kq.wait({ nevents: 1 })]
    kq.close()
    for (const waiting of waits) {
      await assert.rejects(waiting, { name: 'KqueueError', code: 'EBADF', syscall: 'kevent' })
    }
  })

  it('by an event-loop callback rejects who waits', async () => {
    const kq = queue()
    setImmediate(() => kq.close())
    await assert.rejects(kq.wait(), { code: 'EBADF' })
  })

  it('does not touch those who wait for others', async () => {
    const kq = queue()
    const other = queue()
    const waiting = other.wait({ changelist: [once(1)] })
    kq.close()
    other.kevent([trigger(1)])
    assert.deepEqual(idents(await waiting), [1])
  })
})

describe('A descriptor that is closed while somebody waits for it', () => {
  it('is not reported, and the waiter goes on waiting for the rest', async () => {
    const kq = queue()
    const [r, w] = pipe()
    const [r2, w2] = pipe()
    const waiting = kq.wait({ changelist: [read(r), read(r2)] })
    posix.write(w, 'x')
    closeRaw(r)
    await turn()
    posix.write(w2, 'x')
    assert.deepEqual(idents(await waiting), [r2])
  })
})
