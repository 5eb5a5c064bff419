/** Sockets of the simulated kernel. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_EOF,
  EV_SET,
  EVFILT_READ,
  EVFILT_WRITE,
  SimKernel,
  type SimProcess,
} from 'kqueue/sim'

const ECONNRESET = 104
const ECONNREFUSED = 111

function unix(): SimProcess {
  const p = new SimKernel().init
  p.sigaction('SIGPIPE', 'ignore')
  return p
}

/** A client and a server over TCP. */
function tcp(p: SimProcess): [number, number] {
  const listener = p.listen()
  const client = p.connect(p.getsockname(listener)!)
  const server = p.accept(listener)
  p.close(listener)
  return [client, server]
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** What a descriptor reports now. */
function ready(p: SimProcess, fd: number, filter: number) {
  const kq = p.kqueue()
  const events = p.kevent(kq, [EV_SET(fd, filter, EV_ADD)], 1, 0)
  p.close(kq)
  return events[0]
}

describe('connections', () => {
  it('are made between ports and between names', () => {
    const p = unix()
    for (const address of [8080, '/run/server']) {
      const listener = p.listen(address)
      assert.equal(p.getsockname(listener), address)
      const client = p.connect(address)
      p.write(client, 'before it is accepted')
      const server = p.accept(listener)
      assert.equal(text(p.read(server, 64)), 'before it is accepted')
      p.write(server, 'answer')
      assert.equal(text(p.read(client, 64)), 'answer')
      assert.throws(() => p.accept(listener), { code: 'EAGAIN' })
    }
  })

  it('join processes', () => {
    const p = unix()
    const listener = p.listen(80)
    const child = p.fork()
    const client = child.connect(80)
    const server = p.accept(listener)
    child.write(client, 'hello')
    assert.equal(text(p.read(server, 9)), 'hello')
    child.exit()
    assert.equal(p.read(server, 9).length, 0)
  })

  it('are refused where nobody listens, and leave no descriptor', () => {
    const p = unix()
    for (const address of [8080, 'nobody']) {
      assert.throws(() => p.connect(address), { code: 'ECONNREFUSED', syscall: 'connect' })
    }
    assert.equal(p.kqueue(), 0)
    p.close(p.listen(8080))
    assert.throws(() => p.connect(8080), { code: 'ECONNREFUSED' })
    assert.equal(p.getsockname(p.listen(8080)), 8080)
  })

  it('are refused when the backlog is full', () => {
    const p = unix()
    const listener = p.listen(80, 2)
    p.connect(80)
    p.connect(80)
    assert.throws(() => p.connect(80), { code: 'ECONNREFUSED' })
    assert.equal(ready(p, listener, EVFILT_READ)?.data, 2)
    p.accept(listener)
    p.connect(80)
  })

  it('that wait are reset when nobody listens any more', () => {
    const p = unix()
    const listener = p.listen(80)
    const client = p.connect(80)
    p.close(listener)
    assert.throws(() => p.read(client, 1), { code: 'ECONNRESET' })
  })

  it('that are begun stand a moment later', () => {
    const p = unix()
    const listener = p.listen(80)
    const fd = p.socket('tcp')
    p.connect(80, { socket: fd, started: true })
    assert.throws(() => p.connect(80, { socket: fd }), { code: 'EALREADY' })
    assert.throws(() => p.write(fd, 'x'), { code: 'ENOTCONN' })
    assert.equal(ready(p, fd, EVFILT_WRITE)?.flags, 0)
    assert.equal(ready(p, listener, EVFILT_READ)?.data, 1)
    assert.throws(() => p.connect(80, { socket: fd }), { code: 'EISCONN' })
  })

  it('that are begun and refused tell the error once', () => {
    const p = unix()
    const fd = p.connect(80, { started: true })
    assert.equal(ready(p, fd, EVFILT_READ)?.fflags, ECONNREFUSED)
    assert.throws(() => p.read(fd, 1), { code: 'ECONNREFUSED' })
    assert.equal(p.read(fd, 1).length, 0)
  })

  it('that are begun and closed come to nothing', () => {
    const p = unix()
    const listener = p.listen(80)
    p.close(p.connect(80, { started: true }))
    p.kernel.advance(1)
    assert.equal(ready(p, listener, EVFILT_READ), undefined)
    assert.equal(p.kernel.callouts.size, 0)
  })
})

describe('the end of a connection', () => {
  it('over TCP lets the other go on until it is told', () => {
    const p = unix()
    const [client, server] = tcp(p)
    p.close(server)
    assert.equal(ready(p, client, EVFILT_READ)?.flags, EV_EOF)
    assert.equal(ready(p, client, EVFILT_WRITE)?.flags, 0)
    assert.equal(p.write(client, 'to nobody'), 9)
    const { flags, fflags } = ready(p, client, EVFILT_WRITE)!
    assert.deepEqual([flags, fflags], [EV_EOF, ECONNRESET])
    assert.throws(() => p.write(client, 'x'), { code: 'ECONNRESET' })
    assert.throws(() => p.write(client, 'x'), { code: 'EPIPE' })
  })

  it('over TCP with bytes that were not read is a reset', () => {
    const p = unix()
    const [client, server] = tcp(p)
    p.write(client, 'never read')
    p.close(server)
    assert.throws(() => p.read(client, 1), { code: 'ECONNRESET' })
    assert.equal(p.read(client, 1).length, 0)
  })

  it('between Unix sockets is the end of both directions', () => {
    const p = unix()
    const [a, b] = p.socketpair()
    p.write(b, 'last words')
    p.close(b)
    assert.throws(() => p.write(a, 'x'), { code: 'EPIPE' })
    assert.equal(text(p.read(a, 64)), 'last words')
    assert.equal(p.read(a, 64).length, 0)
  })

  it('in one direction leaves the other', () => {
    for (const make of [tcp, (p: SimProcess) => p.socketpair()]) {
      const p = unix()
      const [a, b] = make(p)
      p.shutdown(a, 'write')
      assert.throws(() => p.write(a, 'x'), { code: 'EPIPE' })
      assert.equal(p.read(b, 1).length, 0)
      p.write(b, 'still')
      assert.equal(text(p.read(a, 9)), 'still')
    }
  })

  it('that is nobody is ENOTCONN', () => {
    const p = unix()
    const fd = p.socket('tcp')
    assert.throws(() => p.shutdown(fd, 'both'), { code: 'ENOTCONN' })
    assert.throws(() => p.read(fd, 1), { code: 'ENOTCONN' })
    assert.throws(() => p.shutdown(fd, 'up' as 'both'), { code: 'EINVAL' })
  })
})

describe('out-of-band data', () => {
  it('is one byte beside the others', () => {
    const p = unix()
    const [client, server] = tcp(p)
    assert.equal(p.send(client, 'abc', { oob: true }), 3)
    p.write(client, 'de')
    assert.equal(text(p.recv(server, 64)), 'ab')
    assert.equal(text(p.recv(server, 1, { oob: true })), 'c')
    assert.throws(() => p.recv(server, 1, { oob: true }), { code: 'EINVAL' })
    assert.equal(text(p.recv(server, 64)), 'de')
  })

  it('is for TCP only', () => {
    const p = unix()
    const [a, b] = p.socketpair()
    assert.throws(() => p.send(a, 'x', { oob: true }), { code: 'ENOTSUP' })
    assert.throws(() => p.recv(b, 1, { oob: true }), { code: 'ENOTSUP' })
    const [, w] = p.pipe()
    assert.throws(() => p.send(w, 'x'), { code: 'ENOTSOCK' })
  })
})

describe('datagrams', () => {
  it('keep their bounds, and may be empty or cut off', () => {
    const p = unix()
    const [a, b] = p.socketpair('dgram')
    for (const datagram of ['one', '', 'three']) p.write(a, datagram)
    assert.equal(ready(p, b, EVFILT_READ)?.data, 8)
    assert.deepEqual(
      [text(p.read(b, 2)), text(p.read(b, 9)), text(p.read(b, 9))],
      ['on', '', 'three'],
    )
    assert.throws(() => p.read(b, 9), { code: 'EAGAIN' })
    assert.throws(() => p.write(a, new Uint8Array(10_000)), { code: 'EMSGSIZE' })
  })

  it('between Unix sockets make the sender wait, by UDP are lost', () => {
    const p = unix()
    const [a, b] = p.socketpair('dgram')
    const chunk = new Uint8Array(8192)
    for (let i = 0; i < 8; i++) p.write(a, chunk)
    assert.throws(() => p.write(a, 'x'), { code: 'EAGAIN' })
    assert.equal(ready(p, a, EVFILT_WRITE), undefined)
    p.read(b, 1)
    p.read(b, 1)
    assert.equal(ready(p, a, EVFILT_WRITE)?.data, 16_384)
    p.close(b)
    assert.throws(() => p.write(a, 'x'), { code: 'ECONNREFUSED' })
    const [from, to] = [p.socket('udp'), p.socket('udp')]
    p.bind(to, 53)
    assert.throws(() => p.write(from, 'x'), { code: 'EDESTADDRREQ' })
    p.connect(53, { socket: from })
    for (let i = 0; i < 9; i++) assert.equal(p.write(from, chunk), 8192)
    assert.equal(ready(p, to, EVFILT_READ)?.data, 65_536)
    p.close(to)
    assert.equal(p.write(from, 'x'), 1)
  })
})

describe('addresses', () => {
  it('are given to one socket at a time', () => {
    const p = unix()
    const fd = p.listen(80)
    assert.throws(() => p.listen(80), { code: 'EADDRINUSE' })
    p.bind(p.socket('udp'), 80)
    p.close(fd)
    p.listen(80)
    assert.throws(() => p.bind(p.listen(), 81), { code: 'EINVAL' })
  })

  it('that cannot be are refused, and leave no descriptor', () => {
    const p = unix()
    for (const address of [-1, 1.5, 65_536, '']) {
      assert.throws(() => p.listen(address), { code: 'EINVAL' })
    }
    assert.throws(() => p.socket('raw' as 'tcp'), { code: 'EINVAL' })
    assert.throws(() => p.socketpair('raw' as 'dgram'), { code: 'EINVAL' })
    assert.equal(p.kqueue(), 0)
  })
})
