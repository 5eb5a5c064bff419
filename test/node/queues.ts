/** What the tests of the public API share: queues and pipes that end with their test. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { after, afterEach, before } from 'node:test'
import { Worker } from 'node:worker_threads'
import {
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_ONESHOT,
  EV_SET,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  type Kevent,
  type Kqueue,
  kqueue,
  NOTE_TRIGGER,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { LONG, whenOver } from '../patience.js'
import { links } from '../programs/descriptors.js'
import { descriptors } from './processes.js'

export { LONG }

const { AF_INET, AF_INET6, AF_UNIX, F_SETFL, O_CLOEXEC, O_NONBLOCK } = posix.constants
const { SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } = posix.constants

const open = new Set<number>()

/** A queue that is closed after the test, and with it whatever waits for its events. */
export function queue(): Kqueue {
  const kq = kqueue()
  whenOver(() => kq.close())
  return kq
}

/** A descriptor that is closed after the test. */
export function keep(fd: number): number {
  open.add(fd)
  return fd
}

/** A pipe that is closed after the test. */
export function pipe(): [number, number] {
  const [r, w] = posix.pipe2(O_CLOEXEC | O_NONBLOCK)
  return [keep(r), keep(w)]
}

/** A connection by TCP whose ends are closed after the test: who connected, who accepted. */
export function tcp(host = '127.0.0.1'): [number, number] {
  const domain = host.includes(':') ? AF_INET6 : AF_INET
  const listener = posix.socket(domain, SOCK_STREAM | SOCK_CLOEXEC)
  posix.bindInet(listener, host, 0)
  posix.listen(listener)
  const client = keep(posix.socket(domain, SOCK_STREAM | SOCK_CLOEXEC))
  posix.connectInet(client, host, posix.getsocknamePort(listener))
  posix.fcntl(client, F_SETFL, O_NONBLOCK)
  const server = keep(posix.accept(listener, SOCK_NONBLOCK | SOCK_CLOEXEC))
  posix.close(listener)
  return [client, server]
}

/** A pair of Unix sockets that are closed after the test. */
export function unixPair(type = SOCK_STREAM): [number, number] {
  const [a, b] = posix.socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC)
  return [keep(a), keep(b)]
}

/** Closes a descriptor by a call that the package does not hear of. */
export function closeRaw(fd: number): void {
  open.delete(fd)
  posix.close(fd)
}

export const user = (ident: number, flags = 0): Change => EV_SET(ident, EVFILT_USER, EV_ADD | flags)
export const once = (ident: number): Change => user(ident, EV_ONESHOT)
export const clear = (ident: number): Change => user(ident, EV_CLEAR)
/** A user event that is triggered as it is added, once. */
export const fired = (ident: number): Change =>
  EV_SET(ident, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER)
export const trigger = (ident: number): Change => EV_SET(ident, EVFILT_USER, 0, NOTE_TRIGGER)
export const read = (fd: number, flags = 0): Change => EV_SET(fd, EVFILT_READ, EV_ADD | flags)
/** A timer that expires once in `ms`. */
export const timer = (ident: number, ms: number): Change =>
  EV_SET(ident, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, ms)

export const idents = (events: readonly Kevent[]): number[] => events.map(({ ident }) => ident)
/** The idents of what is pending now. */
export const pending = (kq: Kqueue): number[] => idents(kq.kevent([], 64, 0))

/** A queue does what it should. */
export function assertWorks(kq: Kqueue): void {
  const ident = 2 ** 53 - 1
  const [event] = kq.kevent([fired(ident)], 1, 0)
  const events = event?.ident === ident ? [event] : kq.kevent([], 2 ** 20, 0)
  assert.ok(idents(events).includes(ident), 'a triggered event is reported')
}

const sleeping = new Int32Array(new SharedArrayBuffer(4))

/** Gives other threads and processes time without turning the event loop. */
export function pause(ms: number): void {
  Atomics.wait(sleeping, 0, 0, ms)
}

/** What a runtime that is not Node.js opens for a first child, worker, signal and message, and keeps. */
async function primeRuntime(): Promise<void> {
  if (!('bun' in process.versions || 'deno' in process.versions)) return
  spawnSync('true')
  process.stderr.write('')
  const child = spawn('true', { stdio: 'pipe' })
  await new Promise((resolve) => child.once('close', resolve))
  const worker = new Worker('', { eval: true })
  await new Promise((resolve) => worker.once('exit', resolve))
  const listener = (): void => {}
  process.on('SIGURG', listener)
  await new Promise((resolve) => setTimeout(resolve, 1))
  process.off('SIGURG', listener)
}

/**
 * After each test closes what it left; after the file compares the descriptors of
 * the process with those before.
 */
export function cleanUp(): void {
  let start = 0
  let known: ReadonlySet<string>
  before(async () => {
    await primeRuntime()
    // What is opened on first use and kept for the life of the thread.
    const kq = kqueue()
    const [r, w] = posix.pipe2(0)
    const file = posix.open('/proc/self/exe')
    kq.kevent([read(r)])
    await kq.wait({ timeout: 1 })
    // What the event loop hears in its next turn, when nobody waits, has it stop to watch.
    posix.write(w, 'x')
    for (const _ of [1, 2]) await new Promise((resolve) => setImmediate(resolve))
    kq.kevent([read(file)])
    kq.close()
    for (const fd of [r, w, file]) posix.close(fd)
    // Takes in what inotify says of the file that is not watched any more.
    const last = kqueue()
    last.kevent([], 1, 0)
    last.close()
    start = descriptors()
    known = new Set(Object.values(links()))
  })
  afterEach(() => {
    for (const fd of open) posix.close(fd)
    open.clear()
  })
  after(async () => {
    // What Deno opens for itself comes and goes.
    if ('deno' in process.versions) return
    // Handles of libuv are closed in a later turn, and pipes of a child when it has ended.
    const deadline = performance.now() + LONG
    while (descriptors() !== start && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    const others = Object.entries(links()).filter(([, link]) => !known.has(link))
    const what = `descriptors that are open in the end; new kinds are ${others.join(' ')}`
    assert.equal(descriptors(), start, what)
  })
}
