/**
 * The copy of a World in a child (test/scenarios/linux-fork.ts): forked DIRECTORY INHERITANCE.
 * It reads orders from a fifo in the directory, which has its pid as name, and answers each
 * with a line on its standard output, at first with its pid when its queues stand.
 */
import { constants } from 'node:os'
import { join } from 'node:path'
import { inheritedKqueues, type Kqueue, kqueue } from 'kqueue'
import * as posix from '../native/posix.js'
import {
  type Answer,
  type Inheritance,
  line,
  type Order,
  type Orders,
  startFork,
  unline,
} from '../scenarios/linux-fork.js'

const C = posix.constants
const STDOUT = 1
/** Nobody is left behind by a test that fails. */
const MS_TO_LIVE = 120_000

posix.alarm(MS_TO_LIVE)
const given = JSON.parse(process.argv[3]!) as Inheritance
for (const name of given.ignored) posix.sigaction(constants.signals[name], 'ignore')
const queues = new Map<number, Kqueue>(inheritedKqueues())
/** What the copy has. Other numbers are Node.js's, and none of a World. */
const descriptors = new Set(given.descriptors)

function fail(code: string, why: string): never {
  throw Object.assign(new Error(why), { code })
}

function at(fd: number): Kqueue {
  return queues.get(fd) ?? fail('EBADF', `there is no queue ${fd}`)
}

function keep(fd: number): number {
  descriptors.add(fd)
  return fd
}

const orders: Orders = {
  fork: () => startFork({ ...given, descriptors: [...descriptors] }, STDOUT).pid!,
  exit: (status) => process.exit(status),
  read: (fd, n) => posix.read(fd, n),
  write: (fd, data) => posix.write(fd, data),
  accept: (listener) => keep(posix.accept(listener, C.SOCK_NONBLOCK | C.SOCK_CLOEXEC)),
  close(fd) {
    if (queues.has(fd)) orders.closeQueue(fd)
    else if (descriptors.delete(fd)) posix.close(fd)
    else fail('EBADF', `${fd} is not open`)
  },
  kqueue() {
    const kq = kqueue()
    queues.set(kq.fd, kq)
    return kq.fd
  },
  kevent: (kq, changes, nevents, timeout) => at(kq).kevent(changes, nevents, timeout),
  closeQueue: (kq) => at(kq).close(),
}

function answer(what: Answer): void {
  posix.write(STDOUT, line(what))
}

function obey(order: Order): void {
  const [name, ...rest] = order
  try {
    const value = (orders[name] as (...rest: unknown[]) => unknown)(...rest)
    // The child of a child answers itself.
    if (name !== 'fork') answer({ value })
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    answer({ code, why: message })
  }
}

/** What comes next; signals may come in between. */
function read(fifo: number): Uint8Array {
  for (;;) {
    try {
      return posix.read(fifo)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINTR') throw error
    }
  }
}

const path = join(given.directory, String(process.pid))
posix.mkfifo(path)
// Open for both, or it would end when a writer goes.
const fifo = posix.open(path, C.O_RDWR | C.O_CLOEXEC)
answer({ value: process.pid })
for (let text = ''; ; ) {
  text += new TextDecoder().decode(read(fifo))
  const lines = text.split('\n')
  text = lines.pop()!
  for (const each of lines) obey(unline(each) as Order)
}
