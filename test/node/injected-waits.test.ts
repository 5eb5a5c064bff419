/**
 * Linux refuses one call of a wait, whichever: as it begins, or as what is waited for comes. Who
 * waits is told why, nothing of the wait is left, no event is lost, and the next wait works.
 */
import assert from 'node:assert/strict'
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
import { within } from '../patience.js'
import { eachFailure, nameOf, Try, WAITING } from './injection.js'

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

  constructor() {
    super(WAITING)
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
const each = (run: (one: Scene, at: number, errno: number) => Promise<string[]>): Promise<void> =>
  eachFailure(async (at, errno) => {
    const one = new Scene()
    try {
      return await run(one, at, errno)
    } finally {
      one.dispose()
    }
  }, WAITING)

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
})
