/**
 * Programs of the public API, written once: each takes its calls from a system and runs on
 * Linux and, on virtual time, on the simulated kernel.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as real from 'kqueue'
import { SimKernel } from 'kqueue/sim'
import { linux } from '../scenarios/linux.js'
import { sim } from '../scenarios/sim.js'
import type { Awaiting, World } from '../scenarios/world.js'

const {
  EV_ADD,
  EV_CLEAR,
  EV_ONESHOT,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  NOTE_FFOR,
  NOTE_TRIGGER,
  NOTE_WRITE,
} = real

type Program = (world: World & Awaiting) => Promise<void>

function onBoth(title: string, program: Program): void {
  for (const kind of [linux, sim]) it(`${title}, on ${kind.name}`, () => kind.start!(program))
}

async function take<T>(events: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = []
  for await (const event of events) if (taken.push(event) === count) break
  return taken
}

describe('A system', () => {
  it('has the same exports as the package', () => {
    const { system } = new SimKernel().init
    assert.deepEqual(Object.keys(system).sort(), Object.keys(real).sort())
  })

  it('is the same object whenever it is asked for, and each process has its own', () => {
    const { init } = new SimKernel()
    assert.equal(init.system, init.system)
    assert.notEqual(init.system, init.fork().system)
  })

  it('has queues of the one class, and refuses those of another', () => {
    const { system } = new SimKernel().init
    const [simulated, own] = [system.kqueue(), real.kqueue()]
    assert.ok(simulated instanceof real.Kqueue && own instanceof real.Kqueue)
    const read = { fd: 0, buffer: new Uint8Array(1) }
    assert.throws(() => real.aio_read({ ...read, kq: simulated }), TypeError)
    simulated.close()
    own.close()
  })
})

describe('The calls', () => {
  onBoth('kevent applies changes, hands out events, and blocks', async ({ calls }) => {
    const kq = calls.kqueue()
    assert.deepEqual(kq.kevent(null, 4, 0), [])
    assert.deepEqual(kq.kevent([EV_SET(1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5)]), [])
    const [event] = kq.kevent(null, 4)
    assert.deepEqual([event!.ident, event!.data], [1, 1])
    assert.throws(() => kq.kevent([EV_SET(1, EVFILT_TIMER, 0)]), { code: 'ENOENT' })
    const list = new calls.EventList(2)
    assert.equal(kq.keventInto([EV_SET(2, EVFILT_USER, EV_ADD, NOTE_TRIGGER)], list, 0), 1)
    assert.equal(list.ident[0], 2)
    kq.close()
    assert.throws(() => kq.kevent(), { code: 'EBADF' })
  })

  onBoth('kqueuex and kqueue1 check their flags', async ({ calls }) => {
    calls.kqueuex(calls.KQUEUE_CLOEXEC | calls.KQUEUE_CPONFORK).close()
    calls.kqueue1(0).close()
    for (const flags of [-1, 1.5, 0x40, 2 ** 40]) {
      assert.throws(() => calls.kqueuex(flags), { code: 'EINVAL', syscall: 'kqueuex' })
      assert.throws(() => calls.kqueue1(flags), { code: 'EINVAL', syscall: 'kqueue1' })
    }
    assert.throws(() => calls.kqueuex('0' as never), { code: 'ERR_INVALID_ARG_TYPE' })
  })

  onBoth('wait gives each event to one, and who came first is served first', async (world) => {
    const kq = world.calls.kqueue()
    const both = Promise.all([kq.wait({ nevents: 1 }), kq.wait({ nevents: 1 })])
    kq.kevent([1, 2].map((ident) => EV_SET(ident, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER)))
    assert.deepEqual(
      (await both).map(([event]) => event!.ident),
      [1, 2],
    )
    assert.deepEqual(await kq.wait({ timeout: 1 }), [])
    kq.close()
  })

  onBoth('wait ends with the reason of its signal, and loses nothing', async ({ calls }) => {
    const kq = calls.kqueue()
    const end = new AbortController()
    const waiting = kq.wait({ signal: end.signal })
    end.abort(new Error('enough'))
    await assert.rejects(waiting, { message: 'enough' })
    await assert.rejects(kq.wait({ signal: end.signal }), { message: 'enough' })
    kq.kevent([EV_SET(7, EVFILT_USER, EV_ADD, NOTE_TRIGGER)])
    assert.equal((await kq.wait())[0]!.ident, 7)
    kq.close()
  })

  onBoth('a queue that is closed ends who waits and who iterates', async ({ calls }) => {
    const kq = calls.kqueue()
    const waiting = kq.wait()
    const iterating = (async () => {
      for await (const event of kq) assert.fail(`an event: ${event.ident}`)
    })()
    kq.close()
    await assert.rejects(waiting, { code: 'EBADF' })
    await iterating
    kq.close()
    kq[Symbol.dispose]()
    assert.throws(() => kq.knotes(), { code: 'EBADF' })
    assert.throws(() => kq.fd, { code: 'EBADF' })
  })

  onBoth('iteration takes one event after the other', async ({ calls }) => {
    const kq = calls.kqueue()
    kq.kevent([3, 1, 2].map((i) => EV_SET(i, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER)))
    assert.deepEqual(
      (await take(kq, 3)).map(({ ident }) => ident),
      [3, 1, 2],
    )
    kq.close()
  })

  onBoth('knotes tells what is registered', async (world) => {
    const kq = world.calls.kqueue()
    const [r] = world.pipe()
    kq.kevent([EV_SET(r, EVFILT_READ, EV_ADD | real.EV_DISABLE)])
    const [knote] = kq.ref().unref().knotes()
    assert.deepEqual([knote!.ident, knote!.filter, knote!.disabled], [r, EVFILT_READ, true])
    world.close(r)
    assert.deepEqual(kq.knotes(), [])
    kq.close()
  })
})

describe('The conveniences', () => {
  onBoth('readable and writable answer once', async (world) => {
    const { readable, writable } = world.calls
    const [r, w] = world.pipe()
    const reading = readable(r)
    assert.equal((await writable(w)).eof, false)
    world.write(w, 'five!')
    assert.deepEqual(await reading, { bytes: 5, eof: false })
    world.close(w)
    assert.deepEqual(await readable(r), { bytes: 5, eof: true })
    await assert.rejects(readable(9999), { code: 'EBADF' })
    await assert.rejects(
      readable(r, { signal: AbortSignal.abort('no') }),
      (reason) => reason === 'no',
    )
  })

  onBoth('ticks come without drift', async (world) => {
    const { calls } = world
    const start = world.now()
    let seen = 0
    for await (const { expirations } of calls.ticks(10)) {
      seen += expirations
      if (seen >= 3) break
    }
    assert.ok(world.now() - start >= 30 - 1e-3)
    await assert.rejects(calls.ticks(0).next(), { code: 'EINVAL' })
  })

  onBoth('userEvent gathers its flags', async ({ calls }) => {
    const kq = calls.kqueue()
    const event = calls.userEvent(kq, 5)
    event.trigger(NOTE_FFOR | 1)
    event.trigger(NOTE_FFOR | 2)
    const [seen] = await kq.wait()
    assert.deepEqual([seen!.ident, seen!.fflags], [5, 3])
    event.close()
    assert.throws(() => event.trigger(), { code: 'ENOENT' })
    kq.close()
  })

  onBoth('vnodeEvents names what changes in a directory', async (world) => {
    world.tree.mkdir('inbox')
    const events = world.calls.vnodeEvents(world.path('inbox'))
    const first = events.next()
    world.close(world.open('inbox/letter', 'w'))
    const { notes, names } = (await first).value as real.VnodeEvent
    assert.ok(notes & NOTE_WRITE)
    assert.deepEqual(names, ['letter'])
    world.rename('inbox/letter', 'inbox/bill')
    const renamed = (await events.next()).value as real.VnodeEvent
    assert.deepEqual(renamed.names.sort(), ['bill', 'letter'])
    await events.return()
    await assert.rejects(world.calls.vnodeEvents(world.path('none')).next(), { code: 'ENOENT' })
  })

  onBoth('vnodeEvents follows what is behind a descriptor', async (world) => {
    const fd = world.open('file', 'w')
    const events = world.calls.vnodeEvents(fd, NOTE_WRITE)
    const first = events.next()
    world.write(fd, 'x')
    assert.deepEqual((await first).value, { notes: NOTE_WRITE | real.NOTE_EXTEND, names: [] })
    await events.return()
  })

  onBoth('processExit tells the status of any process', async ({ calls, processes }) => {
    const child = processes.spawn()
    const exit = calls.processExit(child.pid)
    child.exit(7)
    assert.deepEqual(await exit, { pid: child.pid, status: 0x700, code: 7, signal: null })
    const killed = processes.spawn()
    processes.kill(killed.pid, 'SIGTERM')
    const { code, signal } = await calls.processExit(killed.pid)
    assert.deepEqual([code, signal], [null, 'SIGTERM'])
    await assert.rejects(calls.processExit(0x7ffffff0), { code: 'ESRCH' })
  })

  onBoth('asynchronous I/O ends with an event', async (world) => {
    const { aio_write, aio_read, aio_return, lio_listio, kqueue } = world.calls
    const kq = kqueue()
    const fd = world.open('data', 'rw')
    const bytes = new TextEncoder().encode('hello')
    const write = aio_write({ fd, bytes, kq })
    const [event] = await kq.wait()
    assert.equal(event!.udata, write)
    assert.equal(aio_return(write), 5)
    assert.throws(() => aio_return(write), { code: 'EINVAL' })
    const buffer = new Uint8Array(8)
    const list = lio_listio([{ op: 'read', fd, buffer, offset: 1 }], { kq })
    assert.equal((await kq.wait())[0]!.ident, list.id)
    assert.equal(new TextDecoder().decode(buffer.subarray(0, 4)), 'ello')
    assert.throws(() => aio_read({ fd: 9999, buffer }), { code: 'EBADF' })
    kq.close()
  })
})

describe('A tree of processes', () => {
  const MAY = 'told of forks'
  const program: Program = async ({ calls, processes }) => {
    const root = processes.spawn()
    const tree = calls.processTree(root.pid)
    const first = tree.next()
    const child = root.fork()
    const grandchild = child.fork()
    grandchild.exit(3)
    child.exit(2)
    root.exit(1)
    const seen = [(await first).value as real.ProcessEvent]
    for await (const event of tree) seen.push(event)
    const told = seen.map((event) => (event.type === 'exit' ? event.code : event.type))
    assert.deepEqual(told, ['fork', 'fork', 3, 2, 1])
    assert.ok(seen.every(({ time }, i) => i === 0 || time >= seen[i - 1]!.time))
  }
  it(`is followed to its end, on ${sim.name}`, () => sim.start!(program))
  it(`is followed to its end, on ${linux.name}`, { skip: process.getuid?.() !== 0 && MAY }, () =>
    linux.start!(program),
  )
})

describe('Virtual time', () => {
  it('lets a program wait for an hour in no time, beside others that take their turns', async () => {
    const kernel = new SimKernel()
    const [r, w] = kernel.init.pipe()
    const order: string[] = []
    kernel.spawn(async ({ system }) => {
      const { bytes, eof } = await system.readable(r)
      order.push(`${bytes} bytes, eof ${eof} at ${kernel.now}`)
    })
    kernel.spawn(async (p) => {
      for await (const { expirations } of p.system.ticks(3_600_000)) {
        order.push(`${expirations} hour`)
        break
      }
      p.write(w, 'late')
    })
    await kernel.run()
    assert.deepEqual(order, ['1 hour', '4 bytes, eof false at 3600000000000'])
  })

  it('ends a blocking kevent that nothing can end with EDEADLK', () => {
    const kq = new SimKernel().init.system.kqueue()
    assert.throws(() => kq.kevent(null, 1), { code: 'EDEADLK' })
    const flags = EV_ADD | EV_ONESHOT
    assert.equal(kq.kevent([EV_SET(1, EVFILT_TIMER, flags, 0, 86_400_000)], 1).length, 1)
  })

  it('reports what a signal does not interrupt', async () => {
    const kernel = new SimKernel()
    let seen: real.Kevent[] | undefined
    const sleeper = kernel.spawn(async (p) => {
      p.sigaction('SIGUSR1', () => {})
      seen = await p.system.kqueue().wait({ timeout: 50 })
    })
    kernel.spawn(async (p) => {
      await p.system.ticks(10).next()
      p.kill(sleeper.pid, 'SIGUSR1')
    })
    await kernel.run()
    assert.deepEqual(seen, [])
    assert.equal(kernel.now, 50_000_000n)
  })
})
