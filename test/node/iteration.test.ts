/** Iteration: all events of a queue, one after another. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { EV_ADD, EV_SET, EVFILT_TIMER, type Kevent } from 'kqueue'
import * as posix from '../native/posix.js'
import { whenOver } from '../patience.js'
import { cleanUp, fired, idents, pending, pipe, queue, read, trigger, user } from './queues.js'

cleanUp()

/** The first `n` events, leaving the loop by break. */
async function take(events: AsyncIterable<Kevent>, n: number): Promise<number[]> {
  const got: number[] = []
  for await (const { ident } of events) if (got.push(ident) === n) break
  return got
}

describe('for await', () => {
  it('gives every event in order', async () => {
    const kq = queue()
    kq.kevent([1, 2, 3].map(fired))
    assert.deepEqual(await take(kq, 3), [1, 2, 3])
  })

  it('waits for events that come later', async () => {
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([read(r)])
    setImmediate(() => posix.write(w, 'x'))
    assert.deepEqual(await take(kq, 1), [r])
  })

  it('loses nothing when it is left, after whichever event', async () => {
    for (let n = 1; n <= 5; n++) {
      const kq = queue()
      kq.kevent([1, 2, 3, 4, 5].map(fired))
      assert.deepEqual([...(await take(kq, n)), ...pending(kq)], [1, 2, 3, 4, 5])
    }
  })

  it('loses nothing when its body throws', async () => {
    const kq = queue()
    kq.kevent([1, 2, 3].map(fired))
    await assert.rejects(async () => {
      for await (const _ of kq) throw new Error('body')
    }, /body/)
    assert.deepEqual(pending(kq), [2, 3])
  })

  it('can be begun again, and twice at the same time', async () => {
    const kq = queue()
    kq.kevent([1, 2].map(fired))
    assert.deepEqual([...(await take(kq, 1)), ...(await take(kq, 1))], [1, 2])
    const both = [take(kq, 5), take(kq, 5)]
    kq.kevent(Array.from({ length: 10 }, (_, i) => fired(i)))
    const got = (await Promise.all(both)).flat().sort((a, b) => a - b)
    assert.deepEqual(
      got,
      Array.from({ length: 10 }, (_, i) => i),
    )
  })

  it('leaves the descriptor of the queue unreadable when all is taken', async () => {
    const kq = queue()
    const { fd } = kq
    kq.kevent([1, 2, 3].map(fired))
    assert.equal(posix.poll(fd, posix.constants.POLLIN), posix.constants.POLLIN)
    await take(kq, 3)
    assert.equal(posix.poll(fd, posix.constants.POLLIN), 0)
  })

  it('ends when the queue is closed, while it waits and in its body', async () => {
    const kq = queue()
    setImmediate(() => kq.close())
    for await (const _ of kq) assert.fail('there is nothing')
    const other = queue()
    other.kevent([1, 2].map(fired))
    const got: number[] = []
    for await (const { ident } of other) {
      got.push(ident)
      other.close()
    }
    assert.deepEqual(got, [1])
  })

  it('of a closed queue fails or is empty at once', async () => {
    const kq = queue()
    kq.close()
    try {
      for await (const _ of kq) assert.fail('there is nothing')
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EBADF')
    }
  })

  it('gives a level-triggered event again and again, and starves nothing', async () => {
    const kq = queue()
    kq.kevent([user(1)])
    kq.kevent([trigger(1)])
    let timeouts = 0
    let immediates = 0
    const tick = setInterval(() => timeouts++, 1)
    whenOver(() => clearInterval(tick))
    const immediate = function again(): void {
      immediates++
      if (timeouts < 3) setImmediate(again)
    }
    setImmediate(immediate)
    let events = 0
    for await (const _ of kq) if (++events > 3_000_000 || timeouts >= 3) break
    assert.ok(timeouts >= 3 && immediates > 0, `${timeouts} timeouts in ${events} events`)
    assert.ok(events > 0)
  })

  it('of a level-triggered event in two places at once starves nothing', async () => {
    const kq = queue()
    kq.kevent([user(1)])
    let timeouts = 0
    const tick = setInterval(() => timeouts++, 1)
    whenOver(() => clearInterval(tick))
    const events = [0, 0]
    const loops = events.map(async (_, i) => {
      for await (const _ of kq) if (++events[i]! > 3_000_000 || timeouts >= 3) break
    })
    kq.kevent([trigger(1)])
    await Promise.race(loops)
    assert.ok(timeouts >= 3, `${timeouts} timeouts in ${events} events`)
    assert.ok(events.every((n) => n > 1))
  })

  it('serves two ready descriptors alike', async () => {
    const kq = queue()
    const pipes = [pipe(), pipe()]
    for (const [r, w] of pipes) {
      posix.write(w, 'x')
      kq.kevent([read(r)])
    }
    const got = await take(kq, 200)
    for (const [r] of pipes) assert.equal(got.filter((fd) => fd === r).length, 100)
  })

  it('sees what arrives while it goes through what is pending', async () => {
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([user(1), read(r)])
    kq.kevent([trigger(1)])
    let n = 0
    for await (const { ident } of kq) {
      if (ident === r) break
      if (n++ === 0) posix.write(w, 'x')
      assert.ok(n < 1000, 'the pipe is reported')
    }
  })
})

describe('events', () => {
  it('takes nevents of 1 or more', async () => {
    for (const nevents of [1, 2, 3, 2 ** 31, 2 ** 53 - 1]) {
      const kq = queue()
      kq.kevent([1, 2, 3, 4].map(fired))
      assert.deepEqual(await take(kq.events({ nevents }), 3), [1, 2, 3])
      assert.deepEqual(pending(kq), [4])
    }
    assert.throws(() => queue().events({ nevents: 0 }), { code: 'EINVAL' })
  })

  it('asks the kernel again after nevents, whatever else is pending', async () => {
    const kq = queue()
    kq.kevent([user(1)])
    kq.kevent([trigger(1), EV_SET(2, EVFILT_TIMER, EV_ADD, 0, 1)])
    for await (const { ident } of kq.events({ nevents: 5 })) if (ident === 2) break
  })

  it('rejects with the reason when it is aborted, before, while and between events', async () => {
    const reason = new Error('enough')
    const isReason = (error: unknown): boolean => error === reason
    const kq = queue()
    await assert.rejects(take(kq.events({ signal: AbortSignal.abort(reason) }), 1), isReason)
    const abort = new AbortController()
    setImmediate(() => abort.abort(reason))
    await assert.rejects(take(kq.events({ signal: abort.signal }), 1), isReason)
    const another = new AbortController()
    kq.kevent([1, 2, 3].map(fired))
    await assert.rejects(async () => {
      for await (const _ of kq.events({ signal: another.signal })) another.abort(reason)
    }, isReason)
    assert.deepEqual(pending(kq), [2, 3])
  })

  it('leaves no listener on the signal', async () => {
    const { signal } = new AbortController()
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([read(r)])
    setImmediate(() => posix.write(w, 'x'))
    await take(kq.events({ signal }), 100)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  it('answers done after the loop was left', async () => {
    const kq = queue()
    kq.kevent([1, 2].map(fired))
    const events = kq.events()
    assert.equal((await events.next()).value.ident, 1)
    await events.return!()
    assert.deepEqual(await events.next(), { done: true, value: undefined })
    assert.deepEqual(idents(await kq.wait()), [2])
  })

  it('answers several requests at once in order', async () => {
    const kq = queue()
    const events = kq.events()
    const requests = [events.next(), events.next(), events.next()]
    kq.kevent([1, 2, 3].map(fired))
    const got = (await Promise.all(requests)).map(({ value }) => (value as Kevent).ident)
    assert.deepEqual(got, [1, 2, 3])
  })

  it('answers what is asked while others wait after them, a return as well', async () => {
    const kq = queue()
    const events = kq.events()
    const got: unknown[] = []
    const ask = async (): Promise<void> => {
      got.push((await events.next()).value?.ident)
    }
    const first = ask().then(ask)
    const others = [ask(), ask(), events.return!().then(() => got.push('left')), ask()]
    kq.kevent([1, 2, 3, 4].map(fired))
    await Promise.all([first, ...others])
    assert.deepEqual(got, [1, 2, 3, 'left', undefined, undefined])
    assert.deepEqual(idents(await kq.wait()), [4])
  })

  it('is over once it has failed', async () => {
    const kq = queue()
    kq.close()
    const events = kq.events()
    await assert.rejects(events.next(), { code: 'EBADF' })
    assert.deepEqual(await events.next(), { done: true, value: undefined })
  })
})
