/** Every kind of source at once, and what becomes of the descriptors that they take. */
import { existsSync, readdirSync, readlinkSync, writeSync } from 'node:fs'
import {
  EV_ADD,
  EV_SET,
  EVFILT_FS,
  EVFILT_NETDEV,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  type Kqueue,
  type KqueueError,
  kqueue,
  NOTE_EXIT,
  NOTE_LINKUP,
  NOTE_WRITE,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { runCase, say } from './cases.js'

const link = (fd: number): string => readlinkSync(`/proc/self/fd/${fd}`)

const list = (): number[] =>
  readdirSync('/proc/self/fd')
    .filter((fd) => existsSync(`/proc/self/fd/${fd}`))
    .map(Number)

/** `internal` is what the package has opened. */
function useAll() {
  const [r, w] = posix.pipe2()
  const file = posix.open('/proc/self/exe')
  const before = new Set(list())
  const kq = kqueue()
  const nested = kqueue()
  kq.kevent([
    EV_SET(r, EVFILT_READ, EV_ADD),
    EV_SET(w, EVFILT_WRITE, EV_ADD),
    EV_SET(nested.fd, EVFILT_READ, EV_ADD),
    EV_SET(file, EVFILT_VNODE, EV_ADD, NOTE_WRITE),
    EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 1e6),
    EV_SET(process.ppid, EVFILT_PROC, EV_ADD, NOTE_EXIT),
    EV_SET(10, EVFILT_SIGNAL, EV_ADD),
    EV_SET(0, EVFILT_FS, EV_ADD),
    EV_SET(0, EVFILT_NETDEV, EV_ADD, NOTE_LINKUP),
  ])
  const internal = list().filter((fd) => !before.has(fd))
  return { internal, file, own: [file, r, w], queues: [kq, nested] as const }
}

/** What becomes of a descriptor of a queue that somebody waits for. */
export type Loss = 'gone' | 'a file' | 'a pipe'

function losing(how: Loss) {
  const file = posix.open('/proc/self/exe')
  const [pipe] = posix.pipe2()
  const before = new Set(list())
  const kq = kqueue()
  const internal = list().filter((fd) => !before.has(fd))
  const lose = {
    gone: posix.close,
    'a file': (fd: number) => posix.dup2(file, fd),
    'a pipe': (fd: number) => posix.dup2(pipe, fd),
  }[how]
  return { internal, lose, waiting: kq.wait() }
}

function closeAll(queues: readonly Kqueue[]): void {
  for (const kq of queues) {
    try {
      kq.close()
    } catch {}
  }
}

const cases = {
  /** In a worker: says the descriptor that has become a file, -1 when there are not so many. */
  'loses one'(which: number) {
    const { internal, file, own } = useAll()
    const fd = internal[which]
    if (fd !== undefined) posix.dup2(file, fd)
    for (const each of own) posix.close(each)
    say(fd ?? -1)
    setInterval(() => {}, 1e6)
  },

  'loses all'() {
    const { internal, file, own } = useAll()
    for (const fd of internal) posix.dup2(file, fd)
    for (const fd of own) posix.close(fd)
    say(internal)
  },

  /** Prints how many of the files are closed with the queues, and whether there were many. */
  'loses all and closes its queues'() {
    const { internal, file, queues } = useAll()
    const others = () => list().filter((fd) => link(fd) === process.execPath).length
    for (const fd of internal) posix.dup2(file, fd)
    const had = others()
    closeAll(queues)
    console.log(others() - had, had > 10)
  },

  /** Every descriptor becomes a pipe, whose bytes are no records; prints how many are left in it. */
  'loses all to a pipe'() {
    const { internal, queues } = useAll()
    const [r, w] = posix.pipe2(posix.constants.O_NONBLOCK)
    // Records whose length leads back to the record before.
    const bytes = Buffer.alloc(4096, Buffer.from(Int32Array.of(1, 2, 0, -16).buffer))
    writeSync(w, bytes)
    for (const fd of internal) posix.dup2(r, fd)
    for (const kq of queues) {
      try {
        kq.kevent([], 8, 0)
      } catch {}
    }
    closeAll(queues)
    console.log(posix.read(r, 2 * bytes.length).length)
  },

  /** Every descriptor becomes a socket; prints how much of what was sent to it is left in it. */
  'loses all to a socket'() {
    const { internal, queues } = useAll()
    const [ours, theirs] = posix.socketpair(posix.constants.AF_UNIX, posix.constants.SOCK_DGRAM)
    posix.write(theirs, 'for the program')
    for (const fd of internal) posix.dup2(ours, fd)
    for (const kq of queues) {
      try {
        kq.kevent([EV_SET(1, EVFILT_NETDEV, EV_ADD, NOTE_LINKUP)], 8, 0)
      } catch {}
    }
    closeAll(queues)
    console.log(posix.recv(ours, 100, posix.constants.MSG_DONTWAIT).length)
  },

  /** Prints what a wait is rejected with. */
  async 'waits, and loses all'(how: Loss) {
    const { internal, lose, waiting } = losing(how)
    for (const fd of internal) lose(fd)
    await waiting.catch(({ code, message }: KqueueError) => console.log(code, message))
  },

  /** Prints the descriptor, -1 when there are not so many. */
  'waits, and loses one'(how: Loss, which: number) {
    const { internal, lose, waiting } = losing(how)
    waiting.catch(() => {})
    const fd = internal[which]
    if (fd !== undefined) lose(fd)
    setImmediate(() =>
      setImmediate(() => {
        console.log(fd ?? -1)
        process.exit(0)
      }),
    )
  },

  /** Prints how many queues still have a descriptor. */
  'closes an eventfd inside'() {
    const { internal, queues } = useAll()
    const fds = queues.map(({ fd }) => fd)
    // The first two prove whose the descriptors are.
    const [, , inside] = internal.filter((fd) => link(fd) === 'anon_inode:[eventfd]')
    posix.close(inside!)
    closeAll(queues)
    console.log(fds.filter((fd) => list().includes(fd)).length)
  },
}

export type Cases = typeof cases
await runCase(cases)
