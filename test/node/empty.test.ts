/** EVFILT_EMPTY on the system itself: what is noticed without an edge, and how soon. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_EOF,
  EV_ONESHOT,
  EV_SET,
  EVFILT_EMPTY,
  EVFILT_READ,
  EVFILT_WRITE,
  type Kevent,
  kqueue,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { lacksBytesAcked } from '../native/system.js'
import { exited, spawn, untilBlocking } from '../patience.js'
import type { Cases as Scarce } from '../programs/scarce.js'
import type { Cases as Workers } from '../programs/workers.js'
import { casesOf, descriptors, ended, message, run, start } from './processes.js'
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
  tcp,
  trigger,
  unixPair,
} from './queues.js'

const C = posix.constants
const AF_NETLINK = 16

const watch = (fd: number, flags = 0): Change => EV_SET(fd, EVFILT_EMPTY, EV_ADD | flags)

/** A child that reads `bytes` from its descriptor 3 when it is told to, and then waits. */
function reader(fd: number, bytes: number) {
  const script = `read go; head -c ${bytes} <&3 >/dev/null; read go`
  return spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'inherit', fd] })
}

/** The room of a full socket or pipe, in bytes. */
function fill(fd: number): number {
  const chunk = new Uint8Array(65536)
  for (let written = 0; ; ) {
    try {
      written += posix.write(fd, chunk)
    } catch {
      return written
    }
  }
}

cleanUp()

const scarce = casesOf<Scarce>('scarce')
const workers = casesOf<Workers>('workers')

// The inotify instance for pipes is made on first use and stays.
{
  const kq = kqueue()
  const [r, w] = posix.pipe2(0)
  kq.kevent([watch(w)])
  kq.close()
  for (const fd of [r, w]) posix.close(fd)
}

describe('A buffer that another process empties', () => {
  const kinds: [string, () => [number, number]][] = [
    ['a pipe', pipe],
    ['a Unix socket', unixPair],
    ['a TCP socket', tcp],
  ]
  for (const [name, make] of kinds) {
    it(`wakes who waits for ${name}`, async () => {
      const [r, w] = make()
      posix.fcntl(r, C.F_SETFL, 0)
      const bytes = fill(w)
      const child = reader(r, bytes)
      const kq = queue()
      kq.kevent([watch(w, EV_CLEAR)])
      assert.deepEqual(kq.kevent([], 8, 20), [])
      const waiting = kq.wait()
      child.stdin!.write('\n')
      assert.deepEqual(idents(await waiting), [w])
      child.stdin!.end()
      await exited(child)
    })
  }

  it('wakes who blocks', () => {
    const [r, w] = pipe()
    posix.fcntl(r, C.F_SETFL, 0)
    posix.write(w, 'hello')
    spawn('sh', ['-c', 'sleep 0.1; head -c 5 <&3 >/dev/null; sleep 100'], {
      stdio: ['ignore', 'ignore', 'inherit', r],
    })
    const kq = queue()
    assert.deepEqual(idents(kq.kevent([watch(w)], 8, LONG)), [w])
  })

  it('makes the descriptor of the queue readable', async () => {
    const [r, w] = pipe()
    posix.write(w, 'x')
    const kq = queue()
    kq.kevent([watch(w)])
    assert.deepEqual(pending(kq), [])
    posix.read(r)
    assert.equal(posix.poll(kq.fd, C.POLLIN, LONG), C.POLLIN)
    assert.deepEqual(pending(kq), [w])
  })
})

describe('With EV_CLEAR', () => {
  it('a TCP socket is reported each time, though nothing tells of its acknowledgements', {
    skip: lacksBytesAcked,
  }, async () => {
    const [client, server] = tcp()
    const kq = queue()
    kq.kevent([watch(client, EV_CLEAR)])
    assert.deepEqual(pending(kq), [client])
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(kq.kevent([], 8, 10), [])
      posix.write(client, 'x')
      assert.deepEqual(idents(await kq.wait()), [client])
    }
    posix.read(server)
    assert.deepEqual(kq.kevent([], 8, 100), [])
  })

  it('reads of a pipe are no events for who waits to write', () => {
    const [r, w] = pipe()
    const kq = queue()
    posix.write(w, 'xy')
    kq.kevent([watch(w, EV_CLEAR), EV_SET(w, EVFILT_WRITE, EV_ADD | EV_CLEAR)])
    assert.deepEqual(
      kq.kevent([], 8, 0).map(({ filter }) => filter),
      [EVFILT_WRITE],
    )
    posix.read(r, 1)
    assert.deepEqual(kq.kevent([], 8, 10), [])
    posix.read(r, 1)
    assert.deepEqual(
      kq.kevent([], 8, LONG).map(({ filter }) => filter),
      [EVFILT_EMPTY],
    )
    assert.deepEqual(kq.kevent([], 8, 100), [])
  })
})

describe('Every kind of socket', () => {
  for (const type of ['SOCK_STREAM', 'SOCK_DGRAM', 'SOCK_SEQPACKET'] as const) {
    it(`of a Unix pair, ${type}`, () => {
      const [a, b] = unixPair(C[type])
      const kq = queue()
      posix.write(a, 'x')
      kq.kevent([watch(a)])
      assert.deepEqual(pending(kq), [])
      posix.read(b)
      assert.deepEqual(idents(kq.kevent([], 8, LONG)), [a])
      closeRaw(b)
      assert.equal(kq.kevent([], 8, LONG)[0]!.flags & EV_EOF, type === 'SOCK_DGRAM' ? 0 : EV_EOF)
    })
  }

  it('that is reset says so with the error', () => {
    const [client, server] = tcp()
    const kq = queue()
    fill(client)
    kq.kevent([watch(client)])
    assert.deepEqual(pending(kq), [])
    closeRaw(server)
    const [event] = kq.kevent([], 8, LONG)
    assert.equal(event!.flags, EV_EOF)
    assert.ok(event!.fflags === 104 /* ECONNRESET */ || event!.fflags === 32 /* EPIPE */)
  })

  it('that does not tell is refused, and so is what is no socket', () => {
    const kq = queue()
    const netlink = keep(posix.socket(AF_NETLINK, C.SOCK_RAW))
    const file = keep(posix.open('/proc/self/exe'))
    const device = keep(posix.open('/dev/null'))
    const counter = keep(posix.eventfd())
    const [master, slave] = posix.openpty().map(keep) as [number, number]
    for (const fd of [netlink, file, device, counter, master, slave, kq.fd, queue().fd]) {
      assert.throws(() => kq.kevent([watch(fd)]), { code: 'EINVAL' })
    }
    for (const fd of [-1, 999_999, 2 ** 40]) {
      assert.throws(() => kq.kevent([watch(fd)]), { code: 'EBADF' })
    }
    assert.deepEqual(kq.knotes(), [])
  })
})

describe('Waiting for a buffer', () => {
  it('does not keep the processor busy', async () => {
    const [client] = tcp()
    fill(client)
    const kq = queue()
    kq.kevent([watch(client)])
    const before = process.cpuUsage()
    assert.deepEqual(await kq.wait({ timeout: 1000 }), [])
    const { user, system } = process.cpuUsage(before)
    assert.ok(user + system < 300_000, `${user + system} µs of a second`)
  })

  it('ends with the watch, and with the descriptor', () => {
    const kq = queue()
    const before = descriptors()
    const pairs = Array.from({ length: 50 }, () => pipe())
    for (const [, w] of pairs) {
      posix.write(w, 'x')
      kq.kevent([watch(w), EV_SET(w, EVFILT_WRITE, EV_ADD)])
    }
    for (const [, w] of pairs.slice(0, 25)) kq.kevent([EV_SET(w, EVFILT_EMPTY, EV_DELETE)])
    for (const [, w] of pairs) kq.kevent([EV_SET(w, EVFILT_WRITE, EV_DELETE)])
    for (const [r, w] of pairs) for (const fd of [r, w]) closeRaw(fd)
    // Found out by the clock, though nobody asks for these descriptors.
    const gone = () => kq.kevent([], 8, 10).length === 0 && kq.knotes().length === 0
    untilBlocking(gone, 'the closed descriptors are not watched')
    assert.ok(descriptors() <= before)
  })

  it('is not for another file under the same number', () => {
    const kq = queue()
    const [r, w] = pipe()
    posix.write(w, 'x')
    kq.kevent([watch(w), clear(1)])
    const [, other] = pipe()
    posix.dup2(other, w)
    posix.read(r)
    assert.deepEqual(kq.kevent([], 8, 100), [])
    kq.kevent([watch(w, EV_ONESHOT), trigger(1)])
    assert.deepEqual(idents(kq.kevent([], 8, LONG)).sort(), [1, w])
  })

  it('is told to each descriptor of a pipe, and each thread', async () => {
    const [r, w] = pipe()
    const duplicate = keep(posix.dup(w))
    posix.write(w, 'x')
    const kq = queue()
    kq.kevent([watch(w), watch(duplicate)])
    const worker = start(workers('looks, then blocks', [watch(w)]))
    assert.equal((await message<Kevent[]>(worker)).length, 0)
    posix.read(r)
    assert.equal((await message<Kevent[]>(worker)).length, 1)
    await ended(worker)
    assert.deepEqual(idents(kq.kevent([], 8, LONG)).sort(), [w, duplicate].sort())
  })

  it('leaves nothing in a worker that is terminated', async () => {
    const [, w] = pipe()
    posix.write(w, 'x')
    const before = descriptors()
    const worker = start(workers('blocks', [watch(w)]))
    await message(worker)
    await worker.terminate()
    await ended(worker)
    assert.ok(descriptors() <= before)
  })

  it('goes by the clock where inotify cannot be had', () => {
    const { stdout, stderr } = run(scarce('watches a pipe without inotify'), { files: 64 })
    assert.equal(stderr, '')
    assert.equal(stdout.trim(), '0 1 0 1 0')
  })
})

it('A pipe is watched for reading and draining side by side', () => {
  const kq = queue()
  const [r, w] = pipe()
  kq.kevent([EV_SET(r, EVFILT_READ, EV_ADD), watch(w)])
  assert.deepEqual(pending(kq), [w])
  posix.write(w, 'x')
  assert.deepEqual(pending(kq), [r])
  posix.read(r)
  assert.deepEqual(idents(kq.kevent([], 8, LONG)), [w])
})
