/** Pipes, fifos and other ways for bytes, of the simulated kernel. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_EOF,
  EV_SET,
  EVFILT_READ,
  EVFILT_WRITE,
  NOTE_LOWAT,
  O_RDONLY,
  O_WRONLY,
  PIPE_BUF,
  PIPE_SIZE,
  SimKernel,
} from 'kqueue/sim'

function pipe() {
  const p = new SimKernel().init
  const [r, w] = p.pipe()
  return { p, r, w, kq: p.kqueue() }
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe('a pipe', () => {
  it('gives back the bytes that went in, in order and however cut', () => {
    const { p, r, w } = pipe()
    let expected = ''
    let read = ''
    for (let i = 0; i < 500; i++) {
      const piece = `${i},`
      expected += piece
      p.write(w, piece)
      if (i % 3 === 0) read += text(p.read(r, 1 + (i % 11)))
    }
    assert.equal(read + text(p.read(r, PIPE_SIZE)), expected)
  })

  it('does not change when the writer changes its bytes', () => {
    const { p, r, w } = pipe()
    const bytes = Uint8Array.of(1, 2)
    p.write(w, bytes)
    bytes.fill(9)
    assert.deepEqual([...p.read(r, 9)], [1, 2])
  })

  it('takes up to PIPE_BUF bytes at once or not at all', () => {
    const { p, r, w } = pipe()
    p.write(w, new Uint8Array(PIPE_SIZE - 100))
    assert.throws(() => p.write(w, new Uint8Array(PIPE_BUF)), { code: 'EAGAIN' })
    assert.equal(p.write(w, new Uint8Array(100)), 100)
    assert.throws(() => p.write(w, new Uint8Array(1)), { code: 'EAGAIN' })
    p.read(r, 100)
    assert.equal(p.write(w, new Uint8Array(PIPE_BUF + 1)), 100)
    assert.equal(p.write(w, ''), 0)
  })

  it('can be read at one end and written at the other only', () => {
    const { p, r, w } = pipe()
    assert.throws(() => p.write(r, 'x'), { code: 'EBADF' })
    assert.throws(() => p.read(w, 1), { code: 'EBADF' })
    assert.throws(() => p.lseek(r, 0), { code: 'ESPIPE' })
    assert.throws(() => p.ftruncate(w, 0), { code: 'EINVAL' })
  })

  it('is empty, and then at its end', () => {
    const { p, r, w } = pipe()
    assert.throws(() => p.read(r, 1), { code: 'EAGAIN' })
    p.write(w, 'x')
    p.close(w)
    assert.equal(p.read(r, 0).length, 0)
    assert.equal(p.read(r, 9).length, 1)
    assert.equal(p.read(r, 9).length, 0)
  })

  it('is writable from PIPE_BUF bytes of room on, or from what NOTE_LOWAT says', () => {
    const { p, r, w, kq } = pipe()
    p.kevent(kq, [EV_SET(w, EVFILT_WRITE, EV_ADD)])
    p.write(w, new Uint8Array(PIPE_SIZE))
    p.read(r, PIPE_BUF - 1)
    assert.deepEqual(p.kevent(kq, [], 1, 0), [])
    p.kevent(kq, [EV_SET(w, EVFILT_WRITE, EV_ADD, NOTE_LOWAT, 10)])
    assert.equal(p.kevent(kq, [], 1, 0)[0]?.data, PIPE_BUF - 1)
    p.kevent(kq, [EV_SET(w, EVFILT_WRITE, EV_ADD, NOTE_LOWAT, 1000)])
    assert.deepEqual(p.kevent(kq, [], 1, 0), [])
    p.read(r, 1000 - PIPE_BUF + 1)
    assert.equal(p.kevent(kq, [], 1, 0)[0]?.data, 1000)
  })

  it('is readable from what NOTE_LOWAT says on, each knote its own', () => {
    const { p, r, w, kq } = pipe()
    const other = p.kqueue()
    p.kevent(kq, [EV_SET(r, EVFILT_READ, EV_ADD, NOTE_LOWAT, 3)])
    p.kevent(other, [EV_SET(r, EVFILT_READ, EV_ADD)])
    p.write(w, 'ab')
    assert.deepEqual(p.kevent(kq, [], 1, 0), [])
    assert.equal(p.kevent(other, [], 1, 0)[0]?.data, 2)
    p.write(w, 'c')
    assert.equal(p.kevent(kq, [], 1, 0)[0]?.data, 3)
  })

  it('that nobody reads is refused for writing with EPIPE', () => {
    const { p, r, w, kq } = pipe()
    p.close(r)
    assert.throws(() => p.kevent(kq, [EV_SET(w, EVFILT_WRITE, EV_ADD)]), { code: 'EPIPE' })
  })
})

describe('a fifo', () => {
  it('joins those who open it by name', () => {
    const p = new SimKernel().init
    p.mkfifo('/fifo')
    assert.throws(() => p.open('/fifo', O_WRONLY), { code: 'ENXIO' })
    const r = p.open('/fifo', O_RDONLY)
    const child = p.fork()
    const w = child.open('/fifo', O_WRONLY)
    child.write(w, 'hello')
    assert.equal(text(p.read(r, 9)), 'hello')
    assert.throws(() => p.read(r, 9), { code: 'EAGAIN' })
    child.exit()
    assert.equal(p.read(r, 9).length, 0)
    assert.throws(() => p.mkfifo('/fifo'), { code: 'EEXIST' })
    assert.equal(p.stat('/fifo').type, 'special')
  })

  it('forgets what was not read when nobody has it open', () => {
    const p = new SimKernel().init
    p.mkfifo('/fifo')
    const r = p.open('/fifo', O_RDONLY)
    const w = p.open('/fifo', O_WRONLY)
    p.write(w, 'old')
    p.close(w)
    p.close(r)
    const again = p.open('/fifo', O_RDONLY)
    const kq = p.kqueue()
    assert.deepEqual(p.kevent(kq, [EV_SET(again, EVFILT_READ, EV_ADD)], 1, 0), [])
    p.close(p.open('/fifo', O_WRONLY))
    assert.equal(p.kevent(kq, [], 1, 0)[0]?.flags, EV_EOF)
  })
})

describe('a terminal', () => {
  it('tells who reads it of a write that it refuses, at both ends', () => {
    const p = new SimKernel().init
    const [master, slave] = p.openpty()
    const kq = p.kqueue()
    for (const [from, to] of [
      [master, slave],
      [slave, master],
    ] as const) {
      p.write(from, new Uint8Array(PIPE_SIZE))
      p.kevent(kq, [EV_SET(to, EVFILT_READ, EV_ADD | EV_CLEAR)])
      assert.equal(p.kevent(kq, [], 1, 0)[0]?.data, PIPE_SIZE)
      assert.throws(() => p.write(from, 'x'), { code: 'EAGAIN' })
      assert.equal(p.kevent(kq, [], 1, 0)[0]?.data, PIPE_SIZE)
      assert.deepEqual(p.kevent(kq, [], 1, 0), [])
    }
  })
})

describe('an eventfd', () => {
  it('counts in 64 bits', () => {
    const p = new SimKernel().init
    const fd = p.eventfd(7)
    const number = (n: bigint) => new Uint8Array(new BigUint64Array([n]).buffer)
    const counter = () => new DataView(p.read(fd, 8).buffer).getBigUint64(0, true)
    assert.equal(counter(), 7n)
    assert.throws(counter, { code: 'EAGAIN' })
    p.write(fd, number(2n ** 64n - 3n))
    p.write(fd, number(1n))
    assert.throws(() => p.write(fd, number(1n)), { code: 'EAGAIN' })
    assert.throws(() => p.write(fd, number(2n ** 64n - 1n)), { code: 'EINVAL' })
    assert.equal(counter(), 2n ** 64n - 2n)
    assert.throws(() => p.read(fd, 7), { code: 'EINVAL' })
    assert.throws(() => p.write(fd, 'short'), { code: 'EINVAL' })
    for (const initial of [-1, 0.5, 2 ** 32]) {
      assert.throws(() => p.eventfd(initial), { code: 'EINVAL' })
    }
  })
})
