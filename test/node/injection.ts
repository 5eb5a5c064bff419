/**
 * Failures of the addon's calls, one at a time: the k-th call that an operation makes
 * answers an errno instead of doing what it does, on a kernel of its own for each try.
 *
 *     itSurvives({ name: 'a pipe that is read', scene: () => ({ change, happen, end }) })
 *
 * counts the calls that the operation makes when all goes well, and tries it again with each
 * of them failing. It succeeds without the call, or fails with the documented error and
 * leaves nothing behind; the next try succeeds and its event comes.
 */
import assert from 'node:assert/strict'
import type { EventEmitter } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { it } from 'node:test'
import { getSystemErrorMap } from 'node:util'
import { type Change, EV_DELETE, EV_ERROR, EV_SET, type Kevent, KqueueError } from 'kqueue'
import { EventArray } from 'kqueue/core'
import type { Native } from '../../dist/linux/hub/native.js'
import type { HandedSets } from '../../dist/linux/hub/sets.js'
import type { LinuxKernel } from '../../dist/linux/kernel.js'
import type { LinuxQueue } from '../../dist/linux/queue.js'

const built = (path: string): Promise<unknown> =>
  import(new URL(`../../../dist/${path}`, import.meta.url).href)
const load = (await built('linux/hub/load.js')) as typeof import('../../dist/linux/hub/load.js')
const kernels = (await built('linux/kernel.js')) as {
  LinuxKernel: { new (handed?: HandedSets): LinuxKernel }
}
const queues = (await built('linux/queue.js')) as typeof import('../../dist/linux/queue.js')

/** Kernels listen to it. */
const emitter: EventEmitter = process
const ABOUT_LISTENERS = ['newListener', 'removeListener'] as const

type Call = (...args: unknown[]) => unknown

/** The addon's calls, which every kernel of this thread makes through this object. */
const calls = load.usable() as unknown as Record<string, Call>
const original: Record<string, Call> = Object.fromEntries(
  Object.entries<Call>(Object.getPrototypeOf(calls)).filter(
    ([, call]) => typeof call === 'function',
  ),
)

const { EACCES, EAFNOSUPPORT, EAGAIN, EBADF, ECONNREFUSED, EINVAL, ELOOP, EMFILE, ENFILE } =
  constants.errno
const { ENOBUFS, ENOENT, ENOMEM, ENOMSG, ENOSPC, ENOSYS, ENOTSUP, EPERM, EPROTONOSUPPORT } =
  constants.errno

const NO_DESCRIPTOR = [EMFILE, ENFILE, ENOMEM, EPERM, ENOSYS]
const NO_SOCKET = [...NO_DESCRIPTOR, EACCES, ENOBUFS, EAFNOSUPPORT, EPROTONOSUPPORT]

/** `loopStart`, which went well, when libuv is about to poll. */
type Fallible = keyof Native | 'loopPoll'
type Failures = { readonly [name in Fallible]?: readonly number[] }

/** What each call may fail with; those that are not here cannot fail. */
const FAILURES: Failures = {
  epollCreate: NO_DESCRIPTOR,
  epollAdd: [ENOSPC, ENOMEM],
  epollAdopt: [ENOSPC, ENOMEM],
  epollAddIrregular: [ENOSPC, ENOMEM],
  epollModify: [ENOENT, ENOMEM],
  epollDelete: [ENOENT, EBADF],
  epollDisown: [ENOENT, EBADF],
  queueCreate: NO_DESCRIPTOR,
  queueClose: [EBADF],
  timerfdCreate: NO_DESCRIPTOR,
  eventfdCreate: NO_DESCRIPTOR,
  inotifyCreate: NO_DESCRIPTOR,
  inotifyAdd: [ENOSPC, ENOMEM, EACCES, ENOENT, EBADF, EPERM, ENOSYS],
  inotifyRemove: [EINVAL],
  inotifyRead: [ENOMEM],
  fileStat: [EBADF, EPERM],
  fileOffset: [EPERM],
  fileSystem: [EPERM, ENOSYS],
  outputKind: [EBADF, EPERM],
  outputQueued: [EBADF],
  directoryBarrier: [EPERM],
  imageCreate: [...NO_DESCRIPTOR, ENOSPC],
  pidfdOpen: NO_DESCRIPTOR,
  pidfdDuplicate: [EMFILE, EBADF],
  pidfdState: [ENOMEM],
  pidfdStatus: [EPERM],
  pidfdTellsReap: [EMFILE, ENFILE, EPERM],
  connectorOpen: [...NO_SOCKET, EAGAIN, ENOMSG, ECONNREFUSED],
  connectorClose: [EBADF],
  connectorHandOver: [EMFILE, ENFILE, ENOBUFS, EPERM],
  mountsOpen: [EMFILE, ENFILE, ENOMEM, EPERM, EACCES, ENOENT],
  mountsChanged: [ENOMEM],
  linkOpen: NO_SOCKET,
  linkAsk: [ENOBUFS, ENOMEM, EPERM],
  linkRead: [ENOBUFS, ENOMEM],
  loopWatch: [ENOMEM],
  loopStart: [ENOSPC, ENOMEM, EBADF, EINVAL, EPERM, ELOOP],
  aioOpen: [EMFILE, ENFILE, ENOMEM, EPERM],
  aioSubmit: [EMFILE, ENOMEM, EAGAIN],
  signalOpen: [EMFILE, ENFILE, ENOMEM, EPERM, ENOSYS],
  signalWatch: [EINVAL, EPERM],
  signalUnwatch: [EINVAL],
  close: [EBADF],
}

/** Of some calls what they may fail with. */
export const pick = (names: readonly Fallible[]): Failures =>
  Object.fromEntries(names.map((name) => [name, FAILURES[name]]))

/** The same for who waits: a change is there, or not, whatever is asked for afterwards. */
export const WAITING: Failures = {
  ...FAILURES,
  pollWait: [EBADF, EINVAL],
  loopPoll: [ENOSPC, ENOMEM, EBADF, EPERM, ELOOP],
}

/** The same for an epoll instance that is replaced: the old one serves where there is no new. */
export const RENEWING: Failures = {
  epollCreate: NO_DESCRIPTOR,
  loopWatch: WAITING.loopWatch!,
  loopStart: WAITING.loopStart!,
  loopPoll: WAITING.loopPoll!,
}

/** These end something: it has ended, whatever they answer. */
const ENDING: ReadonlySet<string> = new Set([
  'close',
  'connectorClose',
  'epollDelete',
  'epollDisown',
  'inotifyRemove',
  'queueClose',
  'signalUnwatch',
])

/** What is answered for it where that is another errno. */
const MEANING: { readonly [name in keyof Native]?: ReadonlyMap<number, number> } = {
  connectorOpen: new Map([
    [ENOMSG, EPERM],
    [ECONNREFUSED, EPERM],
    [EPROTONOSUPPORT, ENOTSUP],
  ]),
}

/** Descriptors of a kernel, which lives as long as its thread. */
const MAKERS: ReadonlySet<string> = new Set([
  'epollCreate',
  'eventfdCreate',
  'inotifyCreate',
  'timerfdCreate',
])

export const nameOf = (errno: number): string =>
  getSystemErrorMap().get(-errno)?.[0] ?? String(errno)

/** What came of an action while a call failed. */
interface Outcome<T> {
  /** The calls that it made and that can fail, in order. */
  calls: string[]
  result?: T
  error?: unknown
}

const LONG = 10_000

/** A kernel for one try. */
export class Try {
  readonly kernel: LinuxKernel
  readonly kq: LinuxQueue
  readonly #made = new Set<number>()
  /** What is to be called of the watches in the event loop, and those that run, and keep it. */
  readonly #callbacks = new Map<unknown, Call>()
  readonly #running = new Set<unknown>()
  readonly #keeping = new Set<unknown>()
  readonly #listeners = ABOUT_LISTENERS.map((name) => emitter.listeners(name))
  /** The calls of what is under way; null for nothing. */
  #calls: string[] | null = null
  #at = -1
  #errno = 0

  constructor(readonly failures = FAILURES) {
    for (const name of Object.keys(original)) calls[name] = (...args) => this.#call(name, args)
    this.kernel = new kernels.LinuxKernel()
    this.kq = new queues.LinuxQueue(this.kernel)
  }

  anotherKernel(handed?: HandedSets): LinuxKernel {
    return new kernels.LinuxKernel(handed)
  }

  anotherQueue(kernel = this.kernel, flags = 0): LinuxQueue {
    return new queues.LinuxQueue(kernel, flags)
  }

  /** Counts a call that can fail, and answers whether it does. */
  #fails(name: string): boolean {
    const counted = this.#calls !== null && this.failures[name as Fallible] !== undefined
    return counted && this.#calls!.push(name) - 1 === this.#at
  }

  #call(name: string, args: unknown[]): unknown {
    if (this.#fails(name)) {
      if (ENDING.has(name)) this.#pass(name, args)
      return -this.#errno
    }
    if (name !== 'loopStart' || !this.#fails('loopPoll')) return this.#pass(name, args)
    setImmediate(this.#callbacks.get(args[0])!, -this.#errno)
    return 0
  }

  #pass(name: string, args: unknown[]): unknown {
    const answer = original[name]!(...args)
    if (MAKERS.has(name) && (answer as number) >= 0) this.#made.add(answer as number)
    if (name === 'close') this.#made.delete(args[0] as number)
    if (name.startsWith('loop')) this.#follow(name, args, answer)
    return answer
  }

  /** What the event loop watches. */
  #follow(name: string, args: unknown[], answer: unknown): void {
    const [watch, callback] = args
    if (name === 'loopWatch') {
      this.#callbacks.set(answer, callback as Call)
      this.#keeping.add(answer)
    } else if (name === 'loopStart' && answer === 0) this.#running.add(watch)
    else if (name === 'loopStop') this.#running.delete(watch)
    else if (name === 'loopRef') this.#keeping.add(watch)
    else if (name === 'loopUnref') this.#keeping.delete(watch)
  }

  /** Does something while the call `at` of it fails. */
  inject<T>(at: number, errno: number, action: () => T): Outcome<T> {
    const made = this.#begin(at, errno)
    try {
      return { calls: made, result: action() }
    } catch (error) {
      return { calls: made, error }
    } finally {
      this.#calls = null
    }
  }

  /** The same of what ends later. */
  async injectLong<T>(at: number, errno: number, action: () => Promise<T>): Promise<Outcome<T>> {
    const made = this.#begin(at, errno)
    try {
      return { calls: made, result: await action() }
    } catch (error) {
      return { calls: made, error }
    } finally {
      this.#calls = null
    }
  }

  #begin(at: number, errno: number): string[] {
    this.#at = at
    this.#errno = errno
    this.#calls = []
    return this.#calls
  }

  kevent(changes: readonly Change[], max: number, ms = 0, kq = this.kq): Kevent[] {
    const sink = new EventArray()
    const whole = changes.map((change) => ({ ...EV_SET(0, 0, 0), ...change }))
    const errors = kq.change(whole, whole.length, sink, max)
    if (errors === 0 && max > 0) kq.collect(sink, max, ms * 1e6)
    return sink.events
  }

  assertComes({ ident, filter }: Change): void {
    const events = this.kevent([], 8, LONG)
    const found = events.some((event) => event.ident === ident && event.filter === filter)
    assert.ok(found, `its event comes, not ${JSON.stringify(events)}`)
  }

  /** What the process and the kernel have by now. */
  state() {
    const { kernel, kq } = this
    return {
      descriptors: openDescriptors(),
      watches: watches(),
      knotes: [...kq.knotes()].map(({ ident, filter }) => [ident, filter]),
      read: kernel.readSet.size,
      write: kernel.writeSet.size,
      seekers: kernel.vnodes.seekers.size,
      unseen: kernel.vnodes.unseen.size,
      callouts: kernel.callouts.size,
      timers: kernel.timers,
      loop: [...this.#running].map((watch) =>
        this.#keeping.has(watch) ? 'kept alive' : 'watching',
      ),
    }
  }

  dispose(): void {
    this.kq.close()
    for (const fd of this.#made) original.close!(fd)
    Object.assign(calls, original)
    for (const [i, name] of ABOUT_LISTENERS.entries()) {
      for (const listener of emitter.listeners(name) as (() => void)[]) {
        if (!this.#listeners[i]!.includes(listener)) emitter.off(name, listener)
      }
    }
  }
}

function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const link = readlinkSync(`/proc/self/fd/${fd}`)
      return link.startsWith('/proc/') ? [] : [`${fd} ${link}`]
    } catch {
      return []
    }
  })
}

/** What inotify instances watch. */
function watches(): string[] {
  return openDescriptors().flatMap((line) => {
    if (!line.endsWith('anon_inode:inotify')) return []
    return readFileSync(`/proc/self/fdinfo/${line.split(' ')[0]}`, 'latin1')
      .split('\n')
      .filter((field) => field.startsWith('inotify '))
      .map((field) => field.replace(/wd:\w+ /, ''))
  })
}

/** What an operation works on. */
export interface Scene {
  /** Changes that have been applied before. */
  before?: readonly Change[]
  /** The change that is tried. */
  change: Change
  /** Makes its event happen. */
  happen(): unknown
  end?(): unknown
}

export interface Operation {
  name: string
  skip?: string | false
  scene(attempt: Try): Scene
}

/** Tries one operation with one failure. */
function attempt({ scene: make }: Operation, at: number, errno: number, room: number): string[] {
  const one = new Try()
  const scene = make(one)
  try {
    if (scene.before) one.kevent(scene.before, 0)
    const before = one.state()
    const { calls, result, error } = one.inject(at, errno, () => one.kevent([scene.change], room))
    const failed = calls[at] as keyof Native | undefined
    const answer = room > 0 ? result?.find(({ flags }) => flags & EV_ERROR) : undefined
    if (failed === undefined) assert.deepEqual([error, answer], [undefined, undefined])
    const meaning = (failed && MEANING[failed]?.get(errno)) ?? errno
    if (answer !== undefined) {
      assert.equal(nameOf(answer.data), nameOf(meaning))
      assert.equal(answer.ident, scene.change.ident)
    }
    if (error !== undefined) {
      assert.ok(error instanceof KqueueError, String((error as Error).stack))
      assert.equal(room, 0, 'where there is room nothing is thrown')
      assert.equal(error.code, nameOf(meaning))
      assert.equal(error.syscall, 'kevent')
      assert.equal(error.index, 0)
      assert.ok(error.reason, 'the error has a reason')
    }
    if (answer !== undefined || error !== undefined) {
      assert.deepEqual(one.state(), before)
    }
    const { ident, filter } = scene.change
    if (failed === 'fileStat') one.kernel.sweep()
    if (one.kq.find(ident, filter) === undefined || answer !== undefined || error !== undefined) {
      // Either it was refused, or the descriptor seems to have been closed since.
      assert.ok(answer ?? error ?? failed === 'fileStat', 'it is there unless it was refused')
      one.kevent([scene.change], 0)
    }
    scene.happen()
    one.assertComes(scene.change)
    return calls
  } finally {
    scene.end?.()
    one.dispose()
  }
}

/** Removes what was added, while each call of the removal fails in turn. */
function removal({ scene: make }: Operation, at: number, errno: number): string[] {
  const one = new Try()
  const scene = make(one)
  try {
    const { ident, filter } = scene.change
    const remove = (): void => void one.kevent([EV_SET(ident, filter, EV_DELETE)], 0)
    one.kevent([scene.change], 0)
    remove()
    const before = one.state()
    one.kevent([scene.change], 0)
    const { calls, error } = one.inject(at, errno, remove)
    if (error !== undefined) {
      // What proves that a number still is the file says that it is another.
      assert.ok(calls[at] === 'epollAdd' || calls[at] === 'fileStat', String(error))
      assert.equal((error as KqueueError).code, 'ENOENT')
    }
    assert.deepEqual(one.state(), before)
    one.kevent([scene.change], 0)
    scene.happen()
    one.assertComes(scene.change)
    return calls
  } finally {
    scene.end?.()
    one.dispose()
  }
}

/** Each call that is made, failing with each errno that it may have. */
export async function eachFailure(
  run: (at: number, errno: number) => string[] | Promise<string[]>,
  failures = FAILURES,
): Promise<void> {
  const made = await run(-1, 0)
  for (const [at, name] of made.entries()) {
    for (const errno of failures[name as Fallible]!) {
      try {
        await run(at, errno)
      } catch (error) {
        const what = `${name}, call ${at + 1} of ${made.join(' ')}, fails with ${nameOf(errno)}`
        throw new Error(`when ${what}: ${(error as Error).message}`, { cause: error })
      }
    }
  }
}

/** The tests of one operation. */
export function itSurvives(operation: Operation): void {
  const { name, skip = false } = operation
  it(`${name} is added, or answered with an error and not there`, { skip }, () =>
    eachFailure((at, errno) => attempt(operation, at, errno, 1)),
  )
  it(`${name} is added, or the error is thrown and it is not there`, { skip }, () =>
    eachFailure((at, errno) => attempt(operation, at, errno, 0)),
  )
  it(`${name} is removed whatever fails`, { skip }, () =>
    eachFailure((at, errno) => removal(operation, at, errno)),
  )
}

/** Something that fails as a whole. */
export interface Whole<T> {
  name: string
  syscall: string
  perform(one: Try): T
  /** Shows that it works, and ends it. */
  use(one: Try, result: T): void
}

/** Does it while one call fails; then does it again. */
function attemptWhole<T>({ syscall, perform, use }: Whole<T>, at: number, errno: number): string[] {
  const one = new Try()
  try {
    const before = one.state()
    const { calls, result, error } = one.inject(at, errno, () => perform(one))
    if (error !== undefined) {
      assert.ok(error instanceof KqueueError, String((error as Error).stack))
      assert.deepEqual([error.code, error.syscall], [nameOf(errno), syscall])
      assert.ok(error.reason, 'the error has a reason')
      assert.deepEqual(one.state(), before)
    }
    use(one, error === undefined ? result! : perform(one))
    return calls
  } finally {
    one.dispose()
  }
}

/** The test of what fails as a whole. */
export function itFailsWhole<T>(whole: Whole<T>): void {
  it(`${whole.name} works, or the error is thrown and nothing is left`, () =>
    eachFailure((at, errno) => attemptWhole(whole, at, errno)))
}
