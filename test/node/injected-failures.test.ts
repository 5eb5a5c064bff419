/**
 * Linux refuses one call, whichever: what was asked for fails as it is documented or comes
 * about without that call, nothing is left behind, and the next try succeeds.
 */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_EXCEPT,
  EVFILT_PROC,
  EVFILT_PROCDESC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_DELETE,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_OOB,
  NOTE_REAP,
  NOTE_TRACK,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { lacksForks } from '../native/system.js'
import { itFailsWhole, itSurvives, type Scene } from './injection.js'
import { cleanUpPuppets, isRoot, type Puppet, puppet, reap } from './puppets.js'

const C = posix.constants
const directory = fs.mkdtempSync(join(tmpdir(), 'kqueue-injected-'))
after(() => fs.rmSync(directory, { recursive: true }))

let names = 0
const fresh = (): string => join(directory, String(++names))

const ending = (...fds: number[]) => ({
  end: () => {
    for (const fd of fds) posix.close(fd)
  },
})

function pipeScene(filter: number, happen: (r: number, w: number) => void): Scene {
  const [r, w] = posix.pipe2(C.O_CLOEXEC | C.O_NONBLOCK)
  const ident = filter === EVFILT_READ ? r : w
  return { change: EV_SET(ident, filter, EV_ADD), happen: () => happen(r, w), ...ending(r, w) }
}

describe('When a call of Linux fails, a descriptor', () => {
  itSurvives({
    name: 'that is read',
    scene: () => pipeScene(EVFILT_READ, (_r, w) => posix.write(w, 'x')),
  })

  itSurvives({ name: 'that is written', scene: () => pipeScene(EVFILT_WRITE, () => {}) })

  itSurvives({
    name: 'that is a pipe and drains',
    scene() {
      const scene = pipeScene(EVFILT_EMPTY, (r) => posix.read(r))
      posix.write(scene.change.ident, 'x')
      return scene
    },
  })

  itSurvives({
    name: 'that is a socket and drains',
    scene() {
      const [a, b] = posix.socketpair(C.AF_UNIX, C.SOCK_STREAM | C.SOCK_CLOEXEC)
      posix.write(a, 'x')
      return {
        change: EV_SET(a, EVFILT_EMPTY, EV_ADD),
        happen: () => posix.read(b),
        ...ending(a, b),
      }
    },
  })

  itSurvives({
    name: 'that has out-of-band data',
    scene() {
      const [client, server] = connection()
      return {
        change: EV_SET(server, EVFILT_EXCEPT, EV_ADD, NOTE_OOB),
        happen: () => posix.send(client, '!', C.MSG_OOB),
        ...ending(client, server),
      }
    },
  })

  itSurvives({
    name: 'that is a queue',
    scene(one) {
      const inner = one.anotherQueue()
      const trigger = { ...EV_SET(1, EVFILT_USER, EV_ADD, NOTE_TRIGGER) }
      return {
        change: EV_SET(inner.fd, EVFILT_READ, EV_ADD),
        happen: () => inner.register(trigger),
        end: () => inner.close(),
      }
    },
  })
})

function connection(): [number, number] {
  const listener = posix.socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_CLOEXEC)
  posix.bindInet(listener, '127.0.0.1', 0)
  posix.listen(listener)
  const client = posix.socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_CLOEXEC)
  posix.connectInet(client, '127.0.0.1', posix.getsocknamePort(listener))
  const server = posix.accept(listener, C.SOCK_CLOEXEC)
  posix.close(listener)
  return [client, server]
}

describe('When a call of Linux fails, a file', () => {
  function fileScene(filter: number, notes: number, happen: (path: string) => void): Scene {
    const path = fresh()
    fs.writeFileSync(path, '')
    const fd = posix.open(path, C.O_RDONLY | C.O_CLOEXEC)
    const end = (): void => void posix.close(fd)
    return { change: EV_SET(fd, filter, EV_ADD, notes), happen: () => happen(path), end }
  }
  const append = (path: string): void => fs.appendFileSync(path, 'x')

  itSurvives({ name: 'that is read', scene: () => fileScene(EVFILT_READ, 0, append) })
  itSurvives({ name: 'that is written', scene: () => fileScene(EVFILT_WRITE, 0, () => {}) })
  itSurvives({
    name: 'that is watched',
    scene: () => fileScene(EVFILT_VNODE, NOTE_WRITE, append),
  })
  itSurvives({
    name: 'that is watched for more than before',
    scene() {
      const scene = fileScene(EVFILT_VNODE, NOTE_WRITE, append)
      return { ...scene, before: [{ ...scene.change, fflags: NOTE_DELETE }] }
    },
  })

  function directoryScene(notes: number, happen: (path: string) => void): Scene {
    const path = fresh()
    fs.mkdirSync(path)
    const fd = posix.open(path, C.O_RDONLY | C.O_CLOEXEC)
    const end = (): void => void posix.close(fd)
    return { change: EV_SET(fd, EVFILT_VNODE, EV_ADD, notes), happen: () => happen(path), end }
  }
  const remove = (path: string): void => fs.rmdirSync(path)

  itSurvives({
    name: 'that is a directory with entries',
    scene: () => directoryScene(NOTE_WRITE, (path) => fs.writeFileSync(join(path, 'entry'), '')),
  })
  itSurvives({
    name: 'that is a directory to be removed',
    scene: () => directoryScene(NOTE_DELETE, remove),
  })
  itSurvives({
    name: 'that is a directory, watched for its removal as well',
    scene() {
      const scene = directoryScene(NOTE_DELETE, remove)
      return { ...scene, before: [{ ...scene.change, fflags: NOTE_WRITE }] }
    },
  })
})

describe('When a call of Linux fails, a process', () => {
  cleanUpPuppets()
  const forks = lacksForks || (!isRoot && 'to hear of forks takes CAP_NET_ADMIN on older kernels')

  function processScene(notes: number, happen: (child: Puppet) => void): Scene {
    const child = puppet()
    return {
      change: EV_SET(child.pid, EVFILT_PROC, EV_ADD, notes >>> 0),
      happen: () => happen(child),
      end() {
        posix.kill(child.pid, C.SIGKILL)
        while (reap(child.pid) === null) posix.sleepNs(1e6)
      },
    }
  }
  const exit = (child: Puppet): void => child.exit(0)

  itSurvives({ name: 'that exits', scene: () => processScene(NOTE_EXIT, exit) })
  itSurvives({ name: 'that is reaped', scene: () => processScene(NOTE_EXIT | NOTE_REAP, exit) })
  const fork = (child: Puppet): void => {
    posix.kill(child.fork().pid, C.SIGKILL)
  }
  itSurvives({ name: 'that forks', skip: forks, scene: () => processScene(NOTE_FORK, fork) })
  itSurvives({
    name: 'that is followed',
    skip: forks,
    scene: () => processScene(NOTE_FORK | NOTE_TRACK, fork),
  })
  itSurvives({
    name: 'that is watched for forks as well',
    skip: forks,
    scene() {
      const scene = processScene(NOTE_EXIT | NOTE_FORK, fork)
      return { ...scene, before: [{ ...scene.change, fflags: NOTE_EXIT }] }
    },
  })
  itSurvives({
    name: 'that the program has a pidfd of',
    scene() {
      const { change, happen, end } = processScene(NOTE_EXIT, exit)
      const pidfd = posix.pidfdOpen(change.ident)
      return {
        change: EV_SET(pidfd, EVFILT_PROCDESC, EV_ADD, NOTE_EXIT),
        happen,
        end() {
          posix.close(pidfd)
          end!()
        },
      }
    },
  })
})

describe('When a call of Linux fails,', () => {
  itSurvives({
    name: 'a signal',
    scene: () => ({
      change: EV_SET(C.SIGUSR2, EVFILT_SIGNAL, EV_ADD),
      happen: () => posix.raise(C.SIGUSR2),
    }),
  })
  itSurvives({
    name: 'a timer',
    scene: () => ({ change: EV_SET(1, EVFILT_TIMER, EV_ADD | EV_CLEAR, 0, 1), happen() {} }),
  })

  itFailsWhole({
    name: 'the first queue of a thread',
    syscall: 'kqueue',
    perform: (one) => one.anotherKernel(),
    use(one, kernel) {
      const kq = one.anotherQueue(kernel)
      assert.ok(posix.fcntl(kq.fd, C.F_GETFD) >= 0)
      kq.close()
    },
  })

  itFailsWhole({
    name: 'another queue',
    syscall: 'kqueue',
    perform: (one) => one.anotherQueue(),
    use: (_one, kq) => kq.close(),
  })

  itFailsWhole({
    name: 'the descriptor of a queue that the program asks for',
    syscall: 'kqueue',
    perform: (one) => one.kq.expose(),
    use(one) {
      const { fd } = one.kq
      one.kevent([EV_SET(1, EVFILT_USER, EV_ADD)], 0)
      assert.equal(posix.poll(fd, C.POLLIN), 0)
      one.kevent([EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER)], 0)
      assert.equal(posix.poll(fd, C.POLLIN), C.POLLIN)
    },
  })

  itFailsWhole({
    name: 'asynchronous I/O',
    syscall: 'aio_read',
    perform({ kernel, kq }) {
      const view = new Uint8Array(4)
      const job = { operation: 'read', fd: 0, offset: 0, view, syscall: 'aio_read' } as const
      const fd = posix.open(process.execPath, C.O_RDONLY | C.O_CLOEXEC)
      try {
        return kernel.aio('aio_read').submit({ ...job, fd }, { queue: kq, udata: undefined })
      } finally {
        // What has been asked for keeps the file.
        posix.close(fd)
      }
    },
    use(one, request) {
      const [event] = one.kevent([], 1, 10_000)
      assert.deepEqual([event?.ident, request.result], [request.id, 4])
    },
  })
})
