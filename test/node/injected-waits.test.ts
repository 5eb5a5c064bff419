/**
 * Linux refuses one call of a wait, whichever: as it begins, or as what is waited for comes. Who
 * waits is told why, nothing of the wait is left, no event is lost, and the next wait works.
 */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_ONESHOT,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  type Kevent,
  KqueueError,
  NOTE_TRIGGER,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { until, within } from '../patience.js'
import { eachFailure, nameOf, RENEWING, Try, WAITING } from './injection.js'

const { makeKqueue } = (await import(
  new URL('../../../dist/api/kqueue.js', import.meta.url).href
)) as typeof import('../../dist/api/kqueue.js')

const C = posix.constants
const FOREVER = -1

function assertTold(error: unknown, errno: number): void {
  assert.ok(error instanceof KqueueError, String((error as Error).stack))
  assert.deepEqual([error.code, error.syscall], [nameOf(errno), 'kevent'])
  assert.ok(error.reason, 'the error has a reason')
}

const identsOf = (events: readonly Kevent[]): number[] => events.map(({ ident }) => ident)

/** A kernel with a pipe that is waited for. */
class Scene extends Try {
  readonly r: number
  readonly w: number

  constructor(failures = WAITING) {
    super(failures)
    ;[this.r, this.w] = posix.pipe2(C.O_CLOEXEC | C.O_NONBLOCK)
    this.kevent([EV_SET(this.r, EVFILT_READ, EV_ADD | EV_CLEAR)], 0)
  }

  wait(kq = this.kq, timeout = FOREVER): Promise<Kevent[]> {
    return kq.sleep(8, timeout, undefined)
  }

  /** A wait gets what happens after it has begun. */
  async assertWaits(): Promise<void> {
    const events = this.wait()
    posix.write(this.w, 'x')
    assert.deepEqual(identsOf(await within(events, 'the next wait gets its event')), [this.r])
  }

  assertNobodyWaits(): void {
    assert.equal(this.kq.awaited, false)
    assert.equal(this.kernel.loop.sleeping, false)
  }

  override dispose(): void {
    posix.close(this.r)
    posix.close(this.w)
    super.dispose()
  }
}

/** Each failure, on a kernel of its own. */
const each = (
  run: (one: Scene, at: number, errno: number) => Promise<string[]>,
  failures = WAITING,
): Promise<void> =>
  eachFailure(async (at, errno) => {
    const one = new Scene(failures)
    try {
      return await run(one, at, errno)
    } finally {
      one.dispose()
    }
  }, failures)

describe('When a call of Linux fails, a wait', () => {
  for (const [what, timeout] of [
    ['for ever', FOREVER],
    ['for an hour', 3600e9],
  ] as const) {
    it(`${what} that begins is refused and leaves nothing, and the next one works`, () =>
      each(async (one, at, errno) => {
        const before = one.state()
        const begun = one.inject(at, errno, () => one.wait(one.kq, timeout))
        if (at !== -1) {
          const { error } = await one.injectLong(-1, 0, () => within(begun.result!, 'it ends'))
          assertTold(error, errno)
          one.assertNobodyWaits()
          assert.deepEqual(one.state(), before)
        } else {
          posix.write(one.w, 'x')
          assert.deepEqual(identsOf(await within(begun.result!, 'it ends')), [one.r])
          posix.read(one.r)
        }
        await one.assertWaits()
        return begun.calls
      }))
  }

  it('that is refused swallows no event that has happened before', () =>
    each(async (one, at, errno) => {
      posix.write(one.w, 'x')
      const begun = one.inject(at, errno, () => one.wait())
      const ended = within(begun.result!, 'it ends').catch((error) => assertTold(error, errno))
      assert.deepEqual(identsOf((await ended) ?? one.kevent([], 8)), [one.r])
      return begun.calls
    }))

  it('of one queue that is refused leaves those of others alone', () =>
    each(async (one, at, errno) => {
      const other = one.anotherQueue()
      other.register({ ...EV_SET(7, EVFILT_USER, EV_ADD | EV_CLEAR) })
      const others = one.wait(other)
      const begun = one.inject(at, errno, () => one.wait())
      if (at === -1) posix.write(one.w, 'x')
      await within(begun.result!, 'it ends').catch((error) => assertTold(error, errno))
      other.register({ ...EV_SET(7, EVFILT_USER, 0, NOTE_TRIGGER) })
      assert.deepEqual(identsOf(await within(others, 'the other wait gets its event')), [7])
      posix.read(one.r)
      await one.assertWaits()
      other.close()
      return begun.calls
    }))

  it('whose event cannot be fetched is told so, and the next one gets it', () =>
    each(async (one, at, errno) => {
      const events = one.wait()
      posix.write(one.w, 'x')
      const outcome = await one.injectLong(at, errno, () => within(events, 'it ends'))
      if (outcome.error === undefined) assert.deepEqual(identsOf(outcome.result!), [one.r])
      else {
        assertTold(outcome.error, errno)
        one.assertNobodyWaits()
        const next = await within(one.wait(), 'the next wait gets the event')
        assert.deepEqual(identsOf(next), [one.r])
      }
      return outcome.calls
    }))

  it('whose timer comes meanwhile ends in time all the same', () =>
    each(async (one, at, errno) => {
      const timer = EV_SET(3, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1)
      one.kevent([timer], 0)
      const outcome = await one.injectLong(at, errno, () => within(one.wait(), 'it ends'))
      if (outcome.error !== undefined) {
        assertTold(outcome.error, errno)
        one.assertComes(timer)
      } else assert.deepEqual(identsOf(outcome.result!), [3])
      return outcome.calls
    }))

  it('that is refused takes along only those of others that nobody could wake', () =>
    each(async (one, at, errno) => {
      const other = one.anotherQueue()
      other.register({ ...EV_SET(7, EVFILT_USER, EV_ADD | EV_CLEAR) })
      const before = one.state()
      const begun = one.inject(at, errno, () => [one.wait(), one.wait(other)] as const)
      const [first, second] = begun.result!
      const late = begun.calls[at] === 'loopPoll'
      const told = (wait: Promise<unknown>): Promise<void> =>
        assert.rejects(within(wait, 'it ends'), (error) => {
          assertTold(error, errno)
          return true
        })
      if (late) {
        await Promise.all([told(first), told(second)])
        one.assertNobodyWaits()
        assert.deepEqual(one.state(), before)
      } else {
        if (at !== -1) await told(first)
        posix.write(one.w, 'x')
        other.register({ ...EV_SET(7, EVFILT_USER, 0, NOTE_TRIGGER) })
        assert.deepEqual(identsOf(await within(second, 'the other gets its event')), [7])
        if (at === -1) assert.deepEqual(identsOf(await within(first, 'it ends')), [one.r])
      }
      other.close()
      await one.assertWaits()
      return begun.calls
    }))

  it('of an iteration ends that with the error, and another goes on where it was', () =>
    each(async (one, at, errno) => {
      const kq = makeKqueue(one.kq)
      const { signal } = new AbortController()
      const events = kq.events({ signal })
      const before = one.state()
      const { calls, result, error } = await one.injectLong(at, errno, () => {
        const next = events.next()
        posix.write(one.w, 'x')
        return within(next, 'it ends')
      })
      assert.deepEqual(getEventListeners(signal, 'abort'), [])
      if (error === undefined) assert.equal(result!.value.ident, one.r)
      else {
        assertTold(error, errno)
        one.assertNobodyWaits()
        assert.deepEqual(one.state(), before)
        assert.deepEqual(await events.next(), { done: true, value: undefined })
        const { value } = await within(kq.events().next(), 'another gets the event')
        assert.equal(value.ident, one.r)
      }
      await one.assertWaits()
      return calls
    }))

  it('goes on with the epoll instance that cannot be replaced', () =>
    each(async (one, at, errno) => {
      // A descriptor that was closed, and is reported because a duplicate has its file.
      const [r, w] = posix.pipe2(C.O_CLOEXEC | C.O_NONBLOCK)
      one.kevent([EV_SET(r, EVFILT_READ, EV_ADD)], 0)
      const duplicate = posix.dup(r)
      posix.close(r)
      try {
        const links = (): string[] =>
          one
            .state()
            .descriptors.map((line) => line.slice(line.indexOf(' ')))
            .sort()
        // The first report says that it is stale; the next 64 are borne.
        for (let i = 0; i < 1 + 64; i++) {
          posix.write(w, 'x')
          assert.deepEqual(one.kevent([], 8), [])
        }
        const before = links()
        const waiting = one.wait()
        posix.write(w, 'x')
        posix.write(one.w, 'x')
        const { calls, result } = await one.injectLong(at, errno, () => within(waiting, 'it ends'))
        assert.deepEqual(identsOf(result!), [one.r])
        if (at === -1) assert.deepEqual(calls, Object.keys(RENEWING))
        if (calls[at] === 'loopPoll') await new Promise((resolve) => setImmediate(resolve))
        assert.deepEqual(links(), before)
        await one.assertWaits()
        return calls
      } finally {
        posix.close(duplicate)
        posix.close(w)
      }
    }, RENEWING))

  it('that has failed does not keep the kernel from looking when nobody waits', () =>
    each(async (one, at, errno) => {
      one.kernel.attend(true)
      posix.write(one.w, 'x')
      const { calls } = await one.injectLong(at, errno, () => {
        const looked = new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
        return within(looked, 'two turns')
      })
      if (at !== -1) one.kernel.attend(true)
      await until(() => one.kq.count > 0, 'the kernel sees the byte')
      return calls
    }))
})
