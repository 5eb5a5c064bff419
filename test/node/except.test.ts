/** EVFILT_EXCEPT on the system itself: the kinds of files that have out-of-band data. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import {
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_SET,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_WRITE,
  type Kqueue,
  NOTE_OOB,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { hasPacketMode } from '../native/system.js'
import { untilBlocking } from '../patience.js'
import { descriptors } from './processes.js'
import {
  cleanUp,
  clear,
  closeRaw,
  idents,
  keep,
  LONG,
  pending,
  pipe,
  queue,
  read,
  tcp,
  trigger,
  unixPair,
} from './queues.js'

const C = posix.constants
/** SO_SELECT_ERR_QUEUE of socket(7). */
const SELECT_ERR_QUEUE = 45

const watch = (fd: number, flags = 0): Change => EV_SET(fd, EVFILT_EXCEPT, EV_ADD | flags, NOTE_OOB)
const urge = (fd: number, text = '!'): number => posix.send(fd, text, C.MSG_OOB)

/** What comes is one event of out-of-band data. */
function urgent(kq: Kqueue, fd: number): void {
  const events = kq.kevent([], 8, LONG)
  assert.deepEqual(
    events.map(({ ident, filter, fflags, data }) => [ident, filter, fflags, data]),
    [[fd, EVFILT_EXCEPT, NOTE_OOB, 0]],
  )
}

/** Whether Unix sockets have out-of-band data here: Linux 5.15, if it is built so. */
function lacksUnix(): string | false {
  const [a, b] = posix.socketpair(C.AF_UNIX, C.SOCK_STREAM)
  try {
    urge(a)
    return false
  } catch (error) {
    return (error as Error).message
  } finally {
    for (const fd of [a, b]) posix.close(fd)
  }
}

cleanUp()

// The set for out-of-band data is made on first use and stays.
{
  const kq = queue()
  const [a, b] = posix.socketpair(C.AF_UNIX, C.SOCK_STREAM)
  kq.kevent([watch(a)])
  kq.close()
  for (const fd of [a, b]) posix.close(fd)
}

describe('Out-of-band data', () => {
  for (const host of ['127.0.0.1', '::1']) {
    it(`comes by TCP to ${host}`, (t) => {
      let pair: [number, number]
      try {
        pair = tcp(host)
      } catch (error) {
        t.skip((error as Error).message)
        return
      }
      const [client, server] = pair
      const kq = queue()
      kq.kevent([watch(server)])
      urge(client)
      urgent(kq, server)
      posix.recv(server, 1, C.MSG_OOB)
      assert.deepEqual(pending(kq), [])
    })
  }

  it('comes between Unix sockets', { skip: lacksUnix() }, () => {
    const kq = queue()
    const [a, b] = unixPair()
    kq.kevent([watch(b)])
    posix.write(a, 'ordinary')
    assert.deepEqual(pending(kq), [])
    urge(a)
    urgent(kq, b)
    posix.recv(b, 1, C.MSG_OOB)
    assert.deepEqual(pending(kq), [])
  })

  it('that is left among the other is over when it is read', () => {
    const kq = queue()
    const [client, server] = tcp()
    posix.setsockopt(server, C.SOL_SOCKET, C.SO_OOBINLINE, 1)
    kq.kevent([watch(server)])
    urge(client, 'ab')
    urgent(kq, server)
    assert.equal(posix.read(server).length, 1)
    urgent(kq, server)
    assert.equal(posix.read(server).length, 1)
    assert.deepEqual(pending(kq), [])
  })

  it('comes with EV_CLEAR once for each', () => {
    const kq = queue()
    const [client, server] = tcp()
    kq.kevent([watch(server, EV_CLEAR)])
    for (let i = 0; i < 3; i++) {
      urge(client)
      urgent(kq, server)
      assert.deepEqual(pending(kq), [])
    }
  })

  it('is no event for who reads or writes with EV_CLEAR, and the other way round', () => {
    const [except, others] = [queue(), queue()]
    const [client, server] = tcp()
    except.kevent([watch(server, EV_CLEAR)])
    others.kevent([
      EV_SET(server, EVFILT_READ, EV_ADD | EV_CLEAR),
      EV_SET(server, EVFILT_WRITE, EV_ADD | EV_CLEAR),
    ])
    assert.deepEqual(pending(others), [server], 'there is room to write')
    urge(client)
    urgent(except, server)
    assert.deepEqual(pending(others), [])
    posix.recv(server, 1, C.MSG_OOB)
    posix.write(client, 'x')
    assert.equal(others.kevent([], 8, LONG)[0]?.data, 1)
    assert.deepEqual(pending(except), [])
  })

  it('does not hide how much there is behind it', () => {
    const kq = queue()
    const [client, server] = tcp()
    kq.kevent([read(server)])
    urge(client, 'ab')
    posix.write(client, 'behind')
    untilBlocking(() => posix.fionread(server) >= 1, 'the byte arrives')
    assert.equal(kq.kevent([], 8, LONG)[0]?.data, 1)
    posix.read(server, 1)
    assert.equal(kq.kevent([], 8, LONG)[0]?.data, 6)
    assert.equal(posix.read(server).length, 6)
  })

  it('wakes who waits from the event loop', async () => {
    const kq = queue()
    const [client, server] = tcp()
    kq.kevent([watch(server)])
    const waiting = kq.wait()
    urge(client)
    assert.deepEqual(idents(await waiting), [server])
  })

  it('makes the descriptor of the queue readable', () => {
    const kq = queue()
    const [client, server] = tcp()
    kq.kevent([watch(server)])
    assert.equal(posix.poll(kq.fd, C.POLLIN), 0)
    urge(client)
    assert.equal(posix.poll(kq.fd, C.POLLIN, LONG), C.POLLIN)
    posix.recv(server, 1, C.MSG_OOB)
    assert.deepEqual(pending(kq), [])
    assert.equal(posix.poll(kq.fd, C.POLLIN), 0)
  })

  it('is not what a broken connection has, nor is its error taken', () => {
    const kq = queue()
    const [client, server] = tcp()
    kq.kevent([watch(server)])
    posix.setLinger(client, 0)
    closeRaw(client)
    assert.notEqual(posix.poll(server, C.POLLIN, LONG) & C.POLLERR, 0)
    assert.deepEqual(pending(kq), [])
    assert.throws(() => posix.read(server), { code: 'ECONNRESET' })
  })

  it('is not an error that is reported with priority', (t) => {
    const kq = queue()
    const socket = keep(posix.socket(C.AF_INET, C.SOCK_DGRAM | C.SOCK_NONBLOCK))
    try {
      posix.setsockopt(socket, C.SOL_SOCKET, SELECT_ERR_QUEUE, 1)
    } catch (error) {
      t.skip((error as Error).message)
      return
    }
    posix.setsockopt(socket, C.IPPROTO_IP, 11 /* IP_RECVERR */, 1)
    posix.bindInet(socket, '127.0.0.1', 0)
    kq.kevent([watch(socket)])
    // Nobody is there.
    const port = posix.getsocknamePort(socket) - 1
    posix.connectInet(socket, '127.0.0.1', port)
    posix.send(socket, 'x')
    assert.notEqual(posix.poll(socket, C.POLLPRI, LONG) & C.POLLPRI, 0)
    assert.deepEqual(pending(kq), [])
  })
})

describe('A pseudo-terminal', () => {
  it('tells its master in packet mode that its state has changed', {
    skip: !hasPacketMode() && 'this system does not tell a master',
  }, () => {
    const kq = queue()
    const [master, slave] = posix.openpty().map(keep) as [number, number]
    posix.fcntl(master, C.F_SETFL, C.O_RDWR | C.O_NONBLOCK)
    kq.kevent([watch(master)])
    const stty = (mode: string): void => {
      const { status } = spawnSync('stty', [mode], { stdio: [slave, 'ignore', 'inherit'] })
      assert.equal(status, 0)
    }
    stty('-ixon')
    assert.deepEqual(pending(kq), [], 'not without packet mode')
    posix.packetMode(master, true)
    stty('ixon')
    urgent(kq, master)
    assert.equal(posix.read(master).length, 1)
    assert.deepEqual(pending(kq), [])
    assert.throws(() => kq.kevent([watch(slave)]), { code: 'EINVAL' })
  })
})

describe('What is no socket', () => {
  it('is EINVAL, what is not open EBADF, and nothing is left', () => {
    const kq = queue()
    const file = keep(posix.open('/proc/self/exe'))
    const device = keep(posix.open('/dev/null'))
    const before = descriptors()
    for (const fd of [pipe()[0], file, device, queue().fd, kq.fd]) {
      assert.throws(() => kq.kevent([watch(fd)]), { code: 'EINVAL' })
    }
    for (const fd of [-1, 999_999, 2 ** 40]) {
      assert.throws(() => kq.kevent([watch(fd)]), { code: 'EBADF' })
    }
    assert.deepEqual(kq.knotes(), [])
    assert.equal(descriptors(), before + 3, 'the pipe and a queue')
  })
})

describe('A watched socket', () => {
  it('whose number is another by now is not reported', () => {
    const kq = queue()
    const [client, server] = tcp()
    const [otherClient, other] = tcp()
    kq.kevent([watch(server), clear(1)])
    urge(client)
    urgent(kq, server)
    posix.dup2(other, server)
    assert.deepEqual(pending(kq), [])
    urge(otherClient)
    kq.kevent([trigger(1)])
    assert.deepEqual(idents(kq.kevent([], 8, LONG)), [1])
    kq.kevent([watch(server)])
    urgent(kq, server)
  })

  it('that was closed while a duplicate lives is not reported, and does not spin', () => {
    const kq = queue()
    const [client, server] = tcp()
    kq.kevent([watch(server)])
    const duplicate = keep(posix.dup(server))
    closeRaw(server)
    for (let i = 0; i < 300; i++) urge(client)
    assert.deepEqual(kq.kevent([], 8, 20), [])
    assert.deepEqual(kq.knotes(), [])
    kq.kevent([watch(duplicate)])
    urgent(kq, duplicate)
  })

  it('can be added and deleted often, and watched by many queues', () => {
    const [client, server] = tcp()
    const queues = Array.from({ length: 10 }, () => queue())
    const before = descriptors()
    for (let i = 0; i < 100; i++) {
      for (const kq of queues) {
        kq.kevent([watch(server)])
        kq.kevent([EV_SET(server, EVFILT_EXCEPT, EV_DELETE)])
      }
    }
    for (const kq of queues) kq.kevent([watch(server)])
    urge(client)
    for (const kq of queues) urgent(kq, server)
    assert.ok(descriptors() <= before)
  })
})
