/**
 * Any value for any argument: a right answer, or an error that says something,
 * and the queue works afterwards.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type Change,
  EV_ADD,
  EV_SET,
  EVFILT_USER,
  EventList,
  type Kevent,
  kfilter_register,
  kfilter_unregister,
  kqueue,
  kqueue_add_filteropts,
  kqueue_del_filteropts,
  readable,
  type Timeout,
  ticks,
  userEvent,
  type WaitOptions,
  writable,
} from 'kqueue'
import { assertWorks, cleanUp, fired, pending, queue, trigger, user } from './queues.js'

cleanUp()

/** Numbers at the edges of all that numbers are turned into. */
const number = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    0,
    -0,
    1,
    -1,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.MAX_VALUE,
    Number.MIN_VALUE,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
    ...[15, 16, 31, 32, 52, 53, 63, 64].flatMap((n) => [2 ** n - 1, 2 ** n, -(2 ** n), 1 - 2 ** n]),
  ),
)

const strange = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    '',
    '0',
    '-1',
    'x',
    1n,
    -1n,
    2n ** 64n,
    Symbol('s'),
    Symbol.iterator,
    [],
    [1],
    {},
    () => 1,
    new Date(0),
    /x/,
    new Map(),
    new Int32Array(4),
    Object.create(null),
    Object(5),
    globalThis,
  ),
  fc.constantFrom('valueOf', 'toString', Symbol.toPrimitive).map((key) => ({
    [key]: () => {
      throw new Error('thrown by a conversion')
    },
  })),
  fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true }),
)

const any = fc.oneof(number, strange)

/** Runs what may fail; it must fail with an error that says something. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch (error) {
    assertSays(error)
    return undefined
  }
}

function assertSays(error: unknown): void {
  assert.ok(error instanceof Error, `thrown: ${typeof error}`)
  assert.ok(error.message.length > 0, 'the error says something')
  if ('errno' in error) {
    assert.ok(Number.isInteger(error.errno), error.message)
    assert.match(String((error as NodeJS.ErrnoException).code), /^E[A-Z]+$/)
  }
}

function assertEvents(events: unknown): void {
  assert.ok(Array.isArray(events))
  for (const event of events as Kevent[]) {
    assert.deepEqual(Object.keys(event).sort(), [
      'data',
      'fflags',
      'filter',
      'flags',
      'ident',
      'udata',
    ])
    const { ident, filter, flags, fflags, data } = event
    for (const value of [ident, filter, flags, fflags, data]) assert.ok(Number.isInteger(value))
    assert.ok(flags >= 0 && flags <= 0xffff && fflags >= 0 && fflags <= 0xffffffff)
  }
}

/** A queue in which something is always pending, so that no call blocks. */
function ready() {
  const kq = kqueue()
  kq.kevent([user(99)])
  kq.kevent([trigger(99)])
  return kq
}

function withQueue(use: (kq: ReturnType<typeof ready>) => void): void {
  const kq = ready()
  try {
    use(kq)
    assertWorks(kq)
  } finally {
    kq.close()
  }
}

const change = fc.oneof(
  any,
  fc.record({ ident: any, filter: any, flags: any, fflags: any, data: any, udata: any }),
  fc.record(
    {
      ident: fc.oneof(fc.integer({ min: -2, max: 40 }), number),
      filter: fc.constantFrom(-1, -2, -7, -11, 0, -100),
      flags: fc.oneof(fc.nat({ max: 0xffff }), fc.constantFrom(1, 2, 0x41, 0x101, 0x91)),
      fflags: fc.oneof(fc.nat({ max: 0x1f }), number),
      data: fc.oneof(fc.integer({ min: -5, max: 5 }), number),
      udata: any,
    },
    { requiredKeys: [] },
  ),
)
const changelist = fc.oneof(any, fc.array(change, { maxLength: 6 }))

describe('Any value', () => {
  it('may be given to kevent', () => {
    fc.assert(
      fc.property(changelist, any, any, (changes, nevents, timeout) => {
        withQueue((kq) => {
          const call = () =>
            kq.kevent(changes as Change[], nevents as number, timeout as Timeout | undefined)
          const events = attempt(call)
          if (events !== undefined) assertEvents(events)
        })
      }),
      { numRuns: 1500 },
    )
  })

  it('may be a field of a change', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), fc.nat({ max: 10 }), (changes, nevents) => {
        withQueue((kq) => {
          const events = attempt(() => kq.kevent(changes as Change[], nevents, 0))
          if (events !== undefined) assertEvents(events)
          attempt(() => kq.knotes())
        })
      }),
      { numRuns: 3000 },
    )
  })

  it('may be given to EV_SET, and what comes of it to kevent', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 7 }), (values) => {
        withQueue((kq) => {
          const events = attempt(() => {
            const kev = Reflect.apply(EV_SET, undefined, values) as Kevent
            return kq.kevent([kev], 8, 0)
          })
          if (events !== undefined) assertEvents(events)
        })
      }),
      { numRuns: 1000 },
    )
  })

  it('may be given to keventInto and EventList', () => {
    fc.assert(
      fc.property(changelist, any, any, (changes, capacity, timeout) => {
        withQueue((kq) => {
          const small = typeof capacity === 'number' && capacity > 1000 ? 1000 : capacity
          const list = attempt(() => new EventList(small as number))
          const n = attempt(() =>
            kq.keventInto(changes as Change[], list as EventList, timeout as Timeout),
          )
          if (n === undefined) return
          assert.equal(list!.length, n)
          assertEvents([...list!])
          attempt(() => list!.at(capacity as number))
          attempt(() => kq.keventInto([], capacity as EventList, 0))
        })
      }),
      { numRuns: 1000 },
    )
  })

  it('may be given to wait', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(any, fc.record({ changelist, nevents: any, timeout: any, signal: any })),
        async (options) => {
          const kq = ready()
          try {
            await kq.wait(options as WaitOptions).then(assertEvents, assertSays)
            assertWorks(kq)
          } finally {
            kq.close()
          }
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('may be given to events', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(any, fc.record({ nevents: any, signal: any }, { requiredKeys: [] })),
        async (options) => {
          const kq = ready()
          try {
            const events = attempt(() => kq.events(options as object))
            if (events !== undefined) {
              await events.next().then(({ value }) => assertEvents([value]), assertSays)
              await events.return!()
            }
            assertWorks(kq)
          } finally {
            kq.close()
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('may be given to readable, writable and ticks', async () => {
    const aborted = { signal: AbortSignal.abort() }
    await fc.assert(
      fc.asyncProperty(any, strange, async (value, options) => {
        await readable(value as number, aborted).catch(assertSays)
        await writable(value as number, aborted).catch(assertSays)
        await readable(-1, options as object).catch(assertSays)
        const all = ticks(value as number, aborted)
        await all.next().catch(assertSays)
        await all.return()
      }),
      { numRuns: 300 },
    )
  })

  it('may be given to userEvent', () => {
    fc.assert(
      fc.property(any, any, (ident, fflags) => {
        withQueue((kq) => {
          const event = attempt(() => userEvent(kq, ident as number))
          attempt(() => event?.trigger(fflags as number))
          attempt(() => event?.close())
        })
      }),
      { numRuns: 500 },
    )
  })

  it('may be given as a filter, its number or its name', () => {
    fc.assert(
      fc.property(any, any, (number, ops) => {
        attempt(() => {
          kqueue_add_filteropts(number as number, ops as never)
          kqueue_del_filteropts(number as number)
        })
        if (attempt(() => kfilter_register(number as string, ops as never))) {
          kfilter_unregister(number as string)
        }
        attempt(() => kqueue_del_filteropts(number as number))
        attempt(() => kfilter_unregister(number as string))
      }),
      { numRuns: 500 },
    )
    assertWorks(queue())
  })
})

describe('nevents', () => {
  it('may be as large as whole numbers are', () => {
    const kq = queue()
    for (const nevents of [2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1]) {
      kq.kevent([fired(1), fired(2)])
      assert.equal(kq.kevent([], nevents, 0).length, 2)
    }
  })

  it('that cannot be is EINVAL, and of another type a TypeError', () => {
    const kq = queue()
    for (const nevents of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => kq.kevent([], nevents), { code: 'EINVAL', message: /nevents/ })
    }
    for (const nevents of ['1', null, {}, 1n, true]) {
      assert.throws(() => kq.kevent([], nevents as number), {
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_TYPE',
        message: /nevents/,
      })
    }
  })
})

describe('udata', () => {
  it('of every kind comes back as it was given', () => {
    const kq = queue()
    const kinds: unknown[] = [
      undefined,
      null,
      0,
      -0,
      Number.NaN,
      '',
      'text',
      1n,
      true,
      Symbol('s'),
      {},
      Object.freeze([]),
      () => {},
      new Proxy({}, { get: () => assert.fail('udata is not looked into') }),
      kq,
      new WeakRef({}),
    ]
    const list = new EventList(kinds.length)
    const changes = kinds.map((udata, i) => EV_SET(i, EVFILT_USER, EV_ADD, 0x01000000, 0, udata))
    const events = kq.kevent(changes, kinds.length, 0)
    kq.keventInto([], list, 0)
    for (const [i, udata] of kinds.entries()) {
      assert.ok(Object.is(events[i]!.udata, udata))
      assert.ok(Object.is(list.udata[i], udata))
    }
    assert.equal(pending(kq).length, kinds.length)
  })
})
