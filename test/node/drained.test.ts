/**
 * What was drained as often as it was told of is looked for level-triggered. What is then left
 * as it is does not keep the thread from sleeping, whoever waits.
 */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { describe, it } from 'node:test'
import {
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_SET,
  EVFILT_READ,
  NOTE_LOWAT,
} from 'kqueue'
import type { Native } from '../../dist/linux/hub/native.js'
import * as posix from '../native/posix.js'
import { Try, WAITING } from './injection.js'

const C = posix.constants
const { ENOENT } = constants.errno
/** How long somebody waits, in ms; nothing is to come before that. */
const SHORT = 50
const FOREVER = -1
/** Waits for epoll, at most, in that time: one that does not sleep makes thousands. */
const FEW = 12

/** A pipe that was drained so often that it is level-triggered, in one of two queues. */
class Drained extends Try {
  readonly other = this.anotherQueue()
  readonly #open = new Set<number>()
  readonly r: number
  readonly w: number

  constructor() {
    super({ ...WAITING, pollLevels: [] })
    ;[this.r, this.w] = this.pipe()
    this.kevent([EV_SET(this.r, EVFILT_READ, EV_ADD)], 0)
    for (let i = 0; i < 4; i++) {
      posix.write(this.w, 'x')
      this.assertTold(1)
      posix.read(this.r)
      this.assertTold(0)
    }
    const { calls } = this.inject(-1, 0, () => {
      posix.write(this.w, 'x')
      this.assertTold(1)
      posix.read(this.r)
      this.assertTold(0)
    })
    assert.deepEqual(calls, ['pollWait', 'pollWait'], 'it is not asked, and nothing is changed')
  }

  pipe(): [number, number] {
    const [r, w] = posix.pipe2(C.O_CLOEXEC | C.O_NONBLOCK)
    this.#open.add(r).add(w)
    return [r, w]
  }

  duplicate(fd: number): number {
    const duplicate = posix.dup(fd)
    this.#open.add(duplicate)
    return duplicate
  }

  close(fd: number): void {
    this.#open.delete(fd)
    posix.close(fd)
  }

  assertTold(count: number): void {
    const told = this.kevent([], 8).map(({ ident }) => ident)
    assert.deepEqual(told, new Array(count).fill(this.r))
  }

  change(change: Change): void {
    this.kevent([change], 0)
  }

  /** The waits for epoll while this goes on. */
  async waits(action: () => unknown): Promise<number> {
    const { calls, error } = await this.injectLong(-1, 0, async () => await action())
    assert.equal(error, undefined)
    return calls.filter((name) => name === 'pollWait').length
  }

  override dispose(): void {
    for (const fd of this.#open) posix.close(fd)
    this.other.close()
    super.dispose()
  }
}

async function withDrained(run: (one: Drained) => unknown): Promise<void> {
  const one = new Drained()
  try {
    await run(one)
  } finally {
    one.dispose()
  }
}

/** In which ways somebody waits, until nothing has come. */
const WAITS = {
  'who blocks': (one, kq) => assert.deepEqual(one.kevent([], 8, SHORT, kq), []),
  'who awaits': async (_, kq) => assert.deepEqual(await kq.sleep(8, SHORT * 1e6, undefined), []),
} satisfies { [how: string]: (one: Drained, kq: Drained['kq']) => unknown }

for (const [who, wait] of Object.entries(WAITS)) {
  describe(`A pipe that was drained lets sleep ${who}`, () => {
    it('for another queue, when it is not drained', () =>
      withDrained(async (one) => {
        posix.write(one.w, 'x')
        one.assertTold(1)
        assert.ok((await one.waits(() => wait(one, one.other))) <= FEW)
        one.assertTold(1)
      }))

    it('for another queue, when nobody has asked for it since', () =>
      withDrained(async (one) => {
        posix.write(one.w, 'x')
        assert.ok((await one.waits(() => wait(one, one.other))) <= FEW)
        one.assertTold(1)
      }))

    it('when it is disabled', () =>
      withDrained(async (one) => {
        one.change(EV_SET(one.r, EVFILT_READ, EV_DISABLE))
        posix.write(one.w, 'x')
        assert.ok((await one.waits(() => wait(one, one.kq))) <= FEW)
      }))

    it('when there is less than it asks for', () =>
      withDrained(async (one) => {
        one.change(EV_SET(one.r, EVFILT_READ, EV_ADD, NOTE_LOWAT, 8))
        posix.write(one.w, 'x')
        assert.ok((await one.waits(() => wait(one, one.kq))) <= FEW)
        posix.write(one.w, 'more bytes')
        one.assertTold(1)
      }))

    it('when it was closed, while a duplicate has its file', () =>
      withDrained(async (one) => {
        one.duplicate(one.r)
        one.close(one.r)
        posix.write(one.w, 'x')
        // So many reports of what is closed are borne before there is another instance.
        assert.ok((await one.waits(() => wait(one, one.other))) <= 64 + FEW)
        one.assertTold(0)
      }))
  })
}

describe('A pipe that was drained', () => {
  it('is told of by the instance that comes in place of one with leftovers', () =>
    withDrained((one) => {
      const [noisy, noise] = one.pipe()
      one.change(EV_SET(noisy, EVFILT_READ, EV_ADD))
      one.duplicate(noisy)
      one.close(noisy)
      const { fd } = one.kernel.readSet
      for (let i = 0; i < 300; i++) {
        posix.write(noise, 'x')
        one.assertTold(0)
      }
      assert.notEqual(one.kernel.readSet.fd, fd)
      for (let i = 0; i < 4; i++) {
        posix.write(one.w, 'x')
        one.assertTold(1)
        one.assertTold(1)
        posix.read(one.r)
        one.assertTold(0)
      }
    }))

  it('is told of with more others than epoll reports at once', () =>
    withDrained((one) => {
      const pipes = Array.from({ length: 1100 }, () => one.pipe())
      for (const [r] of pipes) one.change(EV_SET(r, EVFILT_READ, EV_ADD))
      for (let round = 0; round < 5; round++) {
        for (const [, w] of pipes) posix.write(w, 'x')
        posix.write(one.w, 'x')
        assert.equal(one.kevent([], 2000).length, 1101)
        for (const [r] of pipes) if (round % 2 === 0 || r % 3 > 0) posix.read(r)
        posix.read(one.r)
        const left = pipes.filter(([r]) => round % 2 !== 0 && r % 3 === 0)
        assert.equal(one.kevent([], 2000).length, left.length)
        for (const [r] of left) posix.read(r)
        assert.deepEqual(one.kevent([], 2000), [])
      }
    }))

  it('and is read only later does not have the event loop begin anew each time', () =>
    withDrained(async (one) => {
      const { calls, error } = await one.injectLong(-1, 0, async () => {
        for (let i = 0; i < 100; i++) {
          const told = one.kq.sleep(8, FOREVER, undefined)
          posix.write(one.w, 'x')
          assert.equal((await told).length, 1)
          for (const _ of [1, 2, 3]) await new Promise((resolve) => setImmediate(resolve))
          posix.read(one.r)
          one.assertTold(0)
        }
      })
      assert.equal(error, undefined)
      assert.ok(calls.filter((name) => name === 'loopStart').length <= FEW)
    }))

  it('and is deleted twice leaves nothing that is reported', () =>
    withDrained((one) => {
      const [other] = one.pipe()
      one.change(EV_SET(other, EVFILT_READ, EV_ADD))
      one.change(EV_SET(one.r, EVFILT_READ, EV_DELETE))
      const [refused] = one.kevent([EV_SET(one.r, EVFILT_READ, EV_DELETE)], 1)
      assert.equal(refused!.data, ENOENT)
      posix.write(one.w, 'x')
      const { fd } = one.kernel.readSet
      for (let i = 0; i < 200; i++) one.assertTold(0)
      assert.equal(one.kernel.readSet.fd, fd)
    }))

  // Before the new instance has what is watched, and when it has taken the place of the other.
  for (const name of ['epollCreate', 'epollAdopter'] as const) {
    it(`tells nothing again that was told, and loses nothing that happens at ${name}`, () =>
      withDrained((one) => {
        const { kernel } = one
        const told = () => one.kevent([], 8).map(({ ident }) => ident)
        const [edge, w] = one.pipe()
        const [other, otherW] = one.pipe()
        for (const fd of [edge, other]) one.change(EV_SET(fd, EVFILT_READ, EV_ADD | EV_CLEAR))
        posix.write(w, 'x')
        assert.deepEqual(told(), [edge])
        one.duplicate(one.r)
        one.close(one.r)
        posix.write(one.w, 'x')
        const native: Partial<Native> = kernel.native
        native[name] = (...args: number[]) => {
          delete native[name]
          posix.write(otherW, 'x')
          return (kernel.native[name] as (...args: number[]) => number)(...args)
        }
        const { fd } = kernel.readSet
        const all = Array.from({ length: 200 }, told).flat()
        assert.notEqual(kernel.readSet.fd, fd)
        // What happens when both have it both tell.
        assert.deepEqual(all, name === 'epollCreate' ? [other] : [other, other])
        for (const [each, writer] of [
          [edge, w],
          [other, otherW],
        ] as const) {
          posix.write(writer, 'x')
          assert.deepEqual(told(), [each])
        }
      }))
  }
})
