/**
 * Linux refuses one call of the start of a child, whichever: no child is started, the error says
 * why and nothing is left behind; or the copies come about without that call, and have all that
 * happens. The copies are made by another kernel of this thread, from what a child would get.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { deserialize } from 'node:v8'
import {
  EV_ADD,
  EV_CLEAR,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_FS,
  EVFILT_NETDEV,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_USER,
  EVFILT_VNODE,
  type Kevent,
  KQUEUE_CPONFORK,
  KqueueError,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_LINKUP,
  NOTE_OOB,
  NOTE_TRACKERR,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from 'kqueue'
import { EventArray } from 'kqueue/core'
import type { ForkOptions } from '../../dist/api/system.js'
import type { Cargo, Handed } from '../../dist/linux/fork/handed.js'
import type { Entry } from '../../dist/linux/fork/places.js'
import type { LinuxQueue } from '../../dist/linux/queue.js'
import * as posix from '../native/posix.js'
import { lacksForks } from '../native/system.js'
import { LONG } from '../patience.js'
import { directory } from './files.js'
import { INHERITOR, Inheritor, keepChild } from './inheritors.js'
import { eachFailure, nameOf, pick, Try } from './injection.js'
import { isRoot } from './puppets.js'

const built = (path: string): Promise<unknown> =>
  import(new URL(`../../../dist/linux/fork/${path}.js`, import.meta.url).href)
const { LinuxFork } = (await built('fork')) as typeof import('../../dist/linux/fork/fork.js')
const { Arrival, inherited } = (await built(
  'arrival',
)) as typeof import('../../dist/linux/fork/arrival.js')

const C = posix.constants
const { EMFILE } = constants.errno

/** What can fail of what is made for a child, and for what is left to do without it. */
const MAKING = pick([
  'connectorHandOver',
  'epollCreate',
  'epollAdd',
  'eventfdCreate',
  'inotifyCreate',
  'inotifyAdd',
  'inotifyRead',
  'mountsOpen',
  'linkOpen',
  'imageCreate',
])

/** A kernel with a queue that watches something of each source. */
class Scene extends Try {
  readonly copied = this.anotherQueue(this.kernel, KQUEUE_CPONFORK)
  readonly fork = new LinuxFork(this.kernel)
  readonly #fds: number[] = []
  readonly r: number
  readonly w: number
  readonly drains: number
  readonly read: number
  readonly file: number

  constructor() {
    super(MAKING)
    ;[this.r, this.w] = this.#keep(posix.pipe2(C.O_CLOEXEC | C.O_NONBLOCK))
    ;[this.read, this.drains] = this.#keep(posix.pipe2(C.O_CLOEXEC | C.O_NONBLOCK))
    const [urgent] = this.#keep(posix.socketpair(C.AF_UNIX, C.SOCK_STREAM | C.SOCK_CLOEXEC))
    this.file = posix.open(join(directory(), 'file'), C.O_CREAT | C.O_RDWR | C.O_CLOEXEC)
    this.#fds.push(this.file)
    posix.write(this.drains, 'x')
    const changes = [
      EV_SET(this.r, EVFILT_READ, EV_ADD | EV_CLEAR),
      EV_SET(this.drains, EVFILT_EMPTY, EV_ADD | EV_CLEAR),
      EV_SET(urgent, EVFILT_EXCEPT, EV_ADD | EV_CLEAR, NOTE_OOB),
      EV_SET(this.file, EVFILT_VNODE, EV_ADD | EV_CLEAR, NOTE_WRITE),
      EV_SET(process.pid, EVFILT_PROC, EV_ADD, NOTE_EXIT),
      EV_SET(1, EVFILT_FS, EV_ADD),
      EV_SET(0, EVFILT_NETDEV, EV_ADD | EV_CLEAR, NOTE_LINKUP),
      EV_SET(1, EVFILT_USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER),
    ]
    for (const change of changes) this.copied.register({ ...EV_SET(0, 0, 0), ...change })
  }

  #keep<Pair extends readonly [number, number]>(pair: Pair): Pair {
    this.#fds.push(...pair)
    return pair
  }

  /** What happens to it while a child starts. */
  happen(): void {
    posix.write(this.w, 'x')
    posix.read(this.read)
    posix.write(this.file, 'x')
  }

  override dispose(): void {
    this.copied.close()
    for (const fd of this.#fds) posix.close(fd)
    super.dispose()
  }
}

/** What a child finds, as its own, in this process. */
function cargoOf({ stdio, env }: ForkOptions): Cargo {
  const [, number] = env.KQUEUE_FORK!.split(',')
  const entries = stdio as readonly unknown[]
  const given = deserialize(readFileSync(`/proc/self/fd/${entries[Number(number)]}`)) as Cargo
  /** A duplicate of what has a number in the child. */
  const own = (of: number): number => (of === -1 ? -1 : posix.dup(entries[of] as number))
  const { sets, inotify, pipes, mounts, links, processes } = given.handed
  const handed: Handed = {
    sets: new Map([...sets].map(([side, set]) => [side, { ...set, fd: own(set.fd) }])),
    inotify: own(inotify),
    pipes: own(pipes),
    mounts: mounts && { ...mounts, fd: own(mounts.fd), witness: own(mounts.witness) },
    links: links && { ...links, fd: own(links.fd) },
    processes: {
      connector: own(processes.connector),
      held: processes.held.map((each) => ({ ...each, fd: own(each.fd) })),
    },
  }
  const queues = given.queues.map((queue) => ({ ...queue, fd: own(queue.fd) }))
  const [ticket, done] = [own(given.ticket), own(given.done)]
  return { ...given, queues, ticket, done, handed }
}

/** The copy of the queue that a child would have. */
function arriveFrom(one: Scene, options: ForkOptions): { copy: LinuxQueue; handed: Handed } {
  const cargo = cargoOf(options)
  const arrival = new Arrival(one.kernel.native, cargo, true)
  const kernel = one.anotherKernel(arrival.sets)
  arrival.settle(kernel)
  return { copy: inherited.get(cargo.queues[0]!.fd)!, handed: cargo.handed }
}

/** `count` events, and whatever comes with them; what still holds comes at each look. */
function take(kq: LinuxQueue, count: number): Kevent[] {
  const sink = new EventArray()
  for (const begin = performance.now(); performance.now() - begin < LONG; ) {
    if (sink.events.length >= count) break
    kq.collect(sink, 64, 10)
  }
  kq.collect(sink, 64, 0)
  const levels = new Set<number>()
  return sink.events.filter(({ ident, filter }) => {
    if (filter !== EVFILT_READ) return true
    return !levels.has(ident) && levels.add(ident)
  })
}

/** The copy has all that happens, and says so where it cannot know. */
function assertWhole(one: Scene, options: ForkOptions): void {
  one.happen()
  const { copy, handed } = arriveFrom(one, options)
  const events = take(copy, 4)
  const has = (ident: number, filter: number): boolean =>
    events.some((each) => each.ident === ident && each.filter === filter)
  const { r, drains, file } = one
  assert.ok(has(1, EVFILT_USER), 'what was pending')
  assert.ok(has(r, EVFILT_READ), 'what can be read')
  assert.ok(has(drains, EVFILT_EMPTY), 'what has drained')
  assert.ok(has(file, EVFILT_VNODE), 'what was written')
  assert.equal(events.length, 4, JSON.stringify(events))
  copy.close()
  // What a thread keeps to its end.
  const { sets, inotify, pipes } = handed
  for (const fd of [...sets.values()].map(({ fd }) => fd)) one.kernel.native.close(fd)
  for (const fd of [inotify, pipes]) if (fd !== -1) one.kernel.native.close(fd)
}

/** Whether it is not one for a new set: to be refused would say that a descriptor was closed. */
const asksWhatIsOpen = (calls: readonly string[], at: number): boolean =>
  at < calls.indexOf('epollCreate') || at > calls.lastIndexOf('epollCreate') + 1

describe('When a call of Linux fails, copies for a child', () => {
  it('are whole, or the error is thrown and nothing is left', () => {
    let made: string[] = []
    return eachFailure((at, errno) => {
      if (made[at] === 'epollAdd' && asksWhatIsOpen(made, at)) return []
      const one = new Scene()
      try {
        const before = one.state()
        const tried = one.inject(at, errno, () => one.fork.options({ stdio: [] }))
        const { calls, error } = tried
        if (at === -1) assert.deepEqual(new Set(calls), new Set(Object.keys(MAKING).slice(1)))
        if (error !== undefined) {
          assert.ok(error instanceof KqueueError, String((error as Error).stack))
          assert.deepEqual([error.code, error.syscall], [nameOf(errno), 'fork'])
          assert.ok(error.reason, 'the error has a reason')
          assert.deepEqual(one.state(), before)
        }
        const options = tried.result ?? one.fork.options({ stdio: [] })
        assertWhole(one, options)
        options.close()
        if (at === -1) made = calls
        return calls
      } finally {
        one.dispose()
      }
    }, MAKING)
  })

  it('that cannot be made start no child', () => {
    const one = new Scene()
    try {
      const before = one.state()
      const children = (): string =>
        readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1')
      const had = children()
      const { calls } = one.inject(-1, 0, () => one.fork.options(undefined).close())
      for (const name of ['epollCreate', 'eventfdCreate', 'imageCreate']) {
        const at = calls.indexOf(name)
        assert.ok(at >= 0, name)
        const { error } = one.inject(at, EMFILE, () => one.fork.start(INHERITOR, [], undefined))
        assert.deepEqual([(error as KqueueError).code, children()], ['EMFILE', had])
        assert.deepEqual(one.state(), before)
      }
    } finally {
      one.dispose()
    }
  })

  const skip = lacksForks || (!isRoot && 'to hear of forks takes CAP_NET_ADMIN on older kernels')
  it('say that forks may be missing when they cannot be told', { skip }, async () => {
    const one = new Scene()
    try {
      const { pid } = process
      const asked = (NOTE_EXIT | NOTE_FORK) >>> 0
      one.copied.register({ ...EV_SET(pid, EVFILT_PROC, EV_ADD, asked) })
      const options = { stdio: ['pipe', 'inherit', 'inherit', 'ipc'] as Entry[] }
      const { calls } = one.inject(-1, 0, () => one.fork.options(options).close())
      const { result } = one.inject(calls.indexOf('connectorHandOver'), EMFILE, () =>
        one.fork.start(INHERITOR, ['wait'], options),
      )
      const child = new Inheritor(keepChild(result!)).begin()
      const fd = one.copied.expose()
      const told = (await child.events(fd)).filter(({ filter }) => filter === EVFILT_PROC)
      assert.deepEqual(
        told.map(({ ident, fflags }) => [ident, fflags]),
        [[pid, NOTE_TRACKERR]],
      )
      assert.deepEqual(await child.events(fd), [])
      await child.end()
    } finally {
      one.dispose()
    }
  })
})
