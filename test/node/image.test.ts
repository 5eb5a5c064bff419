/** Images of queues in workers, and images that are none. */
import assert from 'node:assert/strict'
import { closeSync, openSync, readdirSync } from 'node:fs'
import { before, describe, it } from 'node:test'
import { deserialize, serialize } from 'node:v8'
import {
  EV_ADD,
  EV_CLEAR,
  EV_ONESHOT,
  EV_SET,
  EVFILT_FS,
  EVFILT_NETDEV,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  Kqueue,
  KqueueError,
  type KqueueImage,
  NOTE_EXIT,
  NOTE_LINKUP,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from 'kqueue'
import { SimKernel } from 'kqueue/sim'
import * as posix from '../native/posix.js'
import { hasStart } from '../native/system.js'
import type { Cases } from '../programs/images.js'
import { casesOf, ended, message, start } from './processes.js'
import { cleanUp, closeRaw, pipe, queue, user } from './queues.js'

before(() => {
  // The first signal that is watched opens what stays.
  const kq = queue()
  kq.kevent([EV_SET(10, EVFILT_SIGNAL, EV_ADD)])
  kq.close()
})
cleanUp()

const images = casesOf<Cases>('images')

/** How many images are made wrong; 100000 takes a minute or two. */
const { KQUEUE_IMAGE_MUTATIONS = 5000, KQUEUE_IMAGE_SEED = 1 } = process.env
const MUTATIONS = Number(KQUEUE_IMAGE_MUTATIONS)
const SEED = Number(KQUEUE_IMAGE_SEED)

const trigger = (ident: number) => EV_SET(ident, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER)
const open = (): number => readdirSync('/proc/self/fd').length

describe('An image', () => {
  const skip = !hasStart() && 'each thread is told another start'
  it('makes a queue in a worker, with what is pending, in order, and once', { skip }, async () => {
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([trigger(2), trigger(1), EV_SET(r, EVFILT_READ, EV_ADD)])
    posix.write(w, 'abc')
    const worker = start(images('takes what is pending', kq.image()))
    const level = [r, 3]
    assert.deepEqual(await message(worker), [[[2, 0], [1, 0], level], [level]])
    await ended(worker)
    assert.deepEqual(
      kq.kevent([], 8, 0).map(({ ident }) => ident),
      [2, 1, r],
    )
  })

  it('has timers fire in the worker at the nanosecond at which they fire here', {
    skip,
  }, async () => {
    const kq = queue()
    kq.kevent([
      EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 3_600_000),
      EV_SET(2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 3_600_000),
    ])
    const image = kq.image()
    const worker = start(images('makes an image', deserialize(serialize(image))))
    const again = (await message(worker)) as KqueueImage
    const times = ({ knotes, epoch }: KqueueImage): bigint[] =>
      knotes.map(({ state }) => epoch + BigInt((state as { time: number }).time))
    assert.deepEqual(times(again), times(image))
    await ended(worker)
  })

  it('goes to several workers, each of which has all that happens', { skip }, async () => {
    const kq = queue()
    const [r, w] = pipe()
    kq.kevent([EV_SET(r, EVFILT_READ, EV_ADD)])
    const workers = [0, 1, 2].map(() => start(images('waits', kq.image())))
    assert.deepEqual(await Promise.all(workers.map(message)), ['ready', 'ready', 'ready'])
    const told = workers.map(message)
    posix.write(w, 'hello')
    assert.deepEqual(await Promise.all(told), [[5], [5], [5]])
    await Promise.all(workers.map(ended))
    closeRaw(w)
  })

  it('names a filter that the worker lacks', { skip }, async () => {
    const K = await import('kqueue')
    const filter = K.kfilter_register('ours', {
      isFd: false,
      attach: () => 0,
      detach() {},
      event: () => false,
      copy: () => 0,
    })
    const kq = queue()
    kq.kevent([EV_SET(1, filter, EV_ADD)])
    const image = kq.image()
    const worker = start(images('is refused', image))
    assert.match((await message(worker)) as string, /^EINVAL: .*there is no filter 'ours' here/)
    await ended(worker)
    kq.close()
    K.kfilter_unregister('ours')
  })

  it('is not of a pid that another process has by now', () => {
    const kq = queue()
    kq.kevent([EV_SET(process.pid, EVFILT_PROC, EV_ADD, NOTE_EXIT)])
    const image = structuredClone(kq.image()) as unknown as {
      knotes: { state: { start: number } }[]
    }
    image.knotes[0]!.state.start -= 1e7
    const copy = Kqueue.fromImage(image as unknown as KqueueImage)
    const [event] = copy.kevent([], 1, 0)
    assert.deepEqual([event?.ident, event?.fflags, event?.data], [process.pid, NOTE_EXIT, -1])
    copy.close()
  })
})

const isInvalid = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof KqueueError)
  assert.equal(error.code, 'EINVAL')
  assert.equal(error.syscall, 'fromImage')
  assert.match(error.reason ?? '', pattern)
  return true
}

describe('What is no image', () => {
  const image = (): Record<string, unknown> => {
    const kq = queue()
    kq.kevent([user(1), trigger(2), EV_SET(3, EVFILT_TIMER, EV_ADD, 0, 1000)])
    return kq.image() as unknown as Record<string, unknown>
  }
  const refused = (given: unknown, pattern: RegExp): void => {
    assert.throws(() => Kqueue.fromImage(given as KqueueImage), isInvalid(pattern))
  }

  it('is refused, with the field that is wrong and what would be right', () => {
    for (const given of [undefined, null, 1, 'image', []])
      refused(given, /an image must be an object/)
    refused({}, /^format must be 1, of this version of the package, not undefined$/)
    refused({ ...image(), format: 2 }, /^format must be 1, .* not 2$/)
    refused({ ...image(), pid: 1 }, /^pid must be \d+, of this process, not 1$/)
    refused({ ...image(), start: 0 }, /^start must be/)
    refused({ ...image(), epoch: 1 }, /^epoch must be a bigint/)
    refused({ ...image(), flags: 4 }, /^flags must be a mask of 0x70003/)
    refused({ ...image(), knotes: undefined }, /^knotes must be an array, not undefined$/)
    refused({ ...image(), knotes: [null] }, /^knotes\[0\] must be an object, not null$/)
    for (const [field, length] of [
      ['knotes', 2],
      ['knotes', 2 ** 32 - 1],
      ['queued', 2 ** 32 - 1],
    ] as const) {
      const holes = new RegExp(`^${field}\\[0\\] must be there: the array has a hole$`)
      refused({ ...image(), [field]: new Array(length) }, holes)
    }
    refused({ ...image(), queued: [3] }, /^queued\[0\] must be a whole number from 0 to 2, not 3$/)
    refused({ ...image(), queued: [0] }, /^queued\[0\] must be a knote that is active/)
    refused({ ...image(), queued: [1, 1] }, /^queued\[1\] must be another knote/)
    refused({ ...image(), knotes: () => 1 }, /plain data/)
  })

  it('is refused for what is wrong in a filter as well', () => {
    const given = image() as { knotes: Record<string, unknown>[] }
    const [first, , timer] = given.knotes
    refused(
      { ...given, knotes: [{ ...timer, state: { period: -1, time: null } }], queued: [] },
      /^knotes\[0\]\.state\.period must be a whole number/,
    )
    refused({ ...given, knotes: [first, first], queued: [] }, /^knotes\[1\] must be the only one/)
    refused({ ...given, knotes: [{ ...first, filter: -99 }], queued: [] }, /no filter -99 here/)
  })

  it('is that of another system', () => {
    const { system } = new SimKernel().init
    const simulated = system.kqueue()
    refused(simulated.image(), /^system must be 'linux', of this process, not 'sim'$/)
    assert.throws(
      () => system.Kqueue.fromImage(queue().image()),
      isInvalid(/^system must be 'sim'/),
    )
  })
})

/** Whole numbers from 0, the same from the same seed: mulberry32. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) % below
  }
}

const VALUES: readonly unknown[] = [
  ...[0, -1, 1, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 63), 2 ** 64, 0.5, Number.NaN, 1e308, -0],
  ...[Number.POSITIVE_INFINITY, undefined, null, true, false, '', 'x', 0n, -1n, 2n ** 70n],
  ...[[], [1], {}, { fd: 0 }, new Map(), new Date(Number.NaN), new Uint8Array(3)],
]

type Node = Record<string | number, unknown>

function isPlain(value: unknown): value is Node {
  return Array.isArray(value) || Object.prototype.toString.call(value) === '[object Object]'
}

/** Makes something in a tree of plain data something else. */
function mutate(root: Node, random: (below: number) => number): void {
  let node = root
  for (;;) {
    const keys = Object.keys(node)
    const key = keys[random(keys.length)]
    if (key === undefined) {
      if (Array.isArray(node)) node.push(VALUES[random(VALUES.length)])
      return
    }
    const value = node[key]
    if (isPlain(value) && random(8) > 0) {
      node = value
      continue
    }
    const what = random(6)
    if (what === 0) delete node[key]
    else if (what === 1 && Array.isArray(node))
      node.push(structuredClone(node[random(node.length)]))
    else if (what === 2 && Array.isArray(node)) node.length = random(node.length + 1)
    else if (what === 3 && typeof value === 'number') node[key] = value + random(5) - 2
    else node[key] = VALUES[random(VALUES.length)]
    return
  }
}

describe('A forged image', () => {
  it(`is taken or refused, ${MUTATIONS} times, and leaves nothing behind`, () => {
    const kq = queue()
    const [r, w] = pipe()
    const directory = openSync('/', 'r')
    kq.kevent([
      user(1),
      trigger(2),
      EV_SET(3, EVFILT_TIMER, EV_ADD, 0, 3_600_000),
      EV_SET(10, EVFILT_SIGNAL, EV_ADD),
      EV_SET(0, EVFILT_FS, EV_ADD),
      EV_SET(0, EVFILT_NETDEV, EV_ADD, NOTE_LINKUP),
      EV_SET(process.pid, EVFILT_PROC, EV_ADD, NOTE_EXIT),
      EV_SET(r, EVFILT_READ, EV_ADD),
      EV_SET(w, EVFILT_WRITE, EV_ADD | EV_CLEAR),
      EV_SET(directory, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE),
    ])
    const image = kq.image() as unknown as Node
    // What is made for the first copies stays.
    Kqueue.fromImage(image as unknown as KqueueImage).close()
    const before = open()
    const random = randomFrom(SEED)
    let taken = 0
    for (let i = 0; i < MUTATIONS; i++) {
      const forged = structuredClone(image)
      for (let n = 1 + random(3); n > 0; n--) mutate(forged, random)
      try {
        const copy = Kqueue.fromImage(forged as unknown as KqueueImage)
        taken++
        copy.kevent([], 16, 0)
        copy.knotes()
        copy.image()
        copy.close()
      } catch (error) {
        assert.ok(error instanceof KqueueError, `${i}: ${(error as Error).stack}`)
        assert.equal(error.syscall, 'fromImage', `${i}: ${error.message}`)
        assert.ok(error.reason, `${i}: ${error.message}`)
      }
    }
    assert.equal(open(), before)
    assert.ok(taken > 0 && taken < MUTATIONS, `${taken} taken`)
    // The queue itself goes on.
    const idents = kq.kevent([], 16, 0).map(({ ident }) => ident)
    // Others may have mounted something meanwhile.
    assert.deepEqual(idents.slice(0, 2), [2, w])
    closeSync(directory)
  })
})
