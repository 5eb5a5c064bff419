/** Asynchronous I/O of the simulated kernel: EVFILT_AIO and EVFILT_LIO. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EV_SET,
  EVFILT_AIO,
  EVFILT_LIO,
  EVFILT_VNODE,
  KQUEUE_CPONFORK,
  NOTE_EXTEND,
  NOTE_WRITE,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
} from 'kqueue/sim'
import { fails, pending, read, unix, write } from './watch.js'

const EIO = 5
const EBADF = 9
const EINPROGRESS = 115
const ECANCELED = 125

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (buffer: Uint8Array) => new TextDecoder().decode(buffer)

function program(content = 'hello world') {
  const { kernel, p } = unix()
  write(p, '/f', content)
  const fd = p.open('/f', O_RDWR)
  return { kernel, p, fd, kq: p.kqueue(), aio: kernel.aio }
}

describe('A request', () => {
  it('to read is reported when it is done, and then the bytes are there', () => {
    const { p, fd, kq, kernel, aio } = program()
    const buffer = new Uint8Array(5)
    const request = aio.read(p, { fd, buffer, offset: 6, kq, udata: 'mine', delay: 3 })
    assert.deepEqual(
      [request.status, request.result, request.error],
      ['pending', null, EINPROGRESS],
    )
    assert.deepEqual(pending(p, kq), [])
    const events = p.kevent(kq, [], 8)
    assert.equal(kernel.now, 3_000_000n)
    assert.deepEqual(events, [
      {
        ident: request.id,
        filter: EVFILT_AIO,
        flags: EV_ONESHOT | EV_EOF,
        fflags: 0,
        data: 0,
        udata: 'mine',
      },
    ])
    assert.deepEqual([request.status, request.result, request.error], ['done', 5, 0])
    assert.equal(text(buffer), 'world')
    assert.deepEqual(pending(p, kq), [])
    fails('ENOENT', () => p.kevent(kq, [EV_SET(request.id, EVFILT_AIO, EV_DELETE)]))
  })

  it('to write notes what writing notes, and leaves the offset alone', () => {
    const { p, fd, kq, kernel, aio } = program('hello')
    p.kevent(kq, [EV_SET(fd, EVFILT_VNODE, EV_ADD | EV_ONESHOT, NOTE_WRITE | NOTE_EXTEND)])
    const content = bytes('!!')
    const request = aio.write(p, { fd, bytes: content, offset: 5 })
    content.fill(0)
    assert.equal(read(p, '/f'), 'hello')
    kernel.advance(1)
    assert.equal(request.result, 2)
    assert.equal(read(p, '/f'), 'hello!!')
    assert.equal(pending(p, kq)[0]?.fflags, NOTE_WRITE | NOTE_EXTEND)
    assert.equal(p.lseek(fd, 0, 1), 0)
  })

  it('is done in the order of its time, and of asking', () => {
    const { p, fd, kq, kernel, aio } = program()
    const ask = (delay: number) => aio.read(p, { fd, buffer: new Uint8Array(1), kq, delay }).id
    const [a, b, c, d] = [ask(2), ask(1), ask(2), ask(0.5)]
    kernel.advance(10)
    assert.deepEqual(
      pending(p, kq).map((event) => event.ident),
      [d, b, a, c],
    )
  })

  it('to sync waits for what was asked for before on the same file', () => {
    const { p, fd, kq, kernel, aio } = program()
    write(p, '/g')
    const other = p.open('/g', O_RDWR)
    aio.write(p, { fd, bytes: bytes('x'), delay: 10 })
    aio.write(p, { fd: other, bytes: bytes('x'), delay: 20 })
    const sync = aio.fsync(p, { fd, kq })
    kernel.advance(9)
    assert.equal(sync.status, 'pending')
    kernel.advance(1)
    assert.deepEqual([sync.status, sync.result], ['done', 0])
    assert.equal(pending(p, kq)[0]?.ident, sync.id)
  })

  it('that is cancelled is reported as such', () => {
    const { p, fd, kq, kernel, aio } = program()
    const request = aio.write(p, { fd, bytes: bytes('x'), kq })
    assert.equal(request.cancel(), true)
    assert.equal(request.cancel(), false)
    assert.deepEqual([request.status, request.result, request.error], ['cancelled', -1, ECANCELED])
    assert.equal(pending(p, kq)[0]?.data, ECANCELED)
    kernel.advance(10)
    assert.equal(read(p, '/f'), 'hello world')
    assert.deepEqual(pending(p, kq), [])
  })

  it('keeps its file open, whatever becomes of the descriptor', () => {
    const { p, fd, kq, kernel, aio } = program()
    const buffer = new Uint8Array(5)
    aio.read(p, { fd, buffer, kq })
    p.close(fd)
    p.unlink('/f')
    assert.equal(kernel.tree.mounts.root.files.size, 1)
    assert.equal(p.kevent(kq, [], 8).length, 1)
    assert.equal(text(buffer), 'hello')
    assert.equal(kernel.tree.mounts.root.files.size, 0)
  })

  it('fails in its event when the file is gone by then', () => {
    const { p, kq, kernel, aio } = program()
    p.mkdir('/m')
    kernel.mount('/m')
    const fd = p.open('/m/f', O_RDWR | O_CREAT)
    const request = aio.write(p, { fd, bytes: bytes('x'), kq })
    kernel.unmount('/m')
    assert.equal(p.kevent(kq, [], 1)[0]?.data, EIO)
    assert.deepEqual([request.status, request.result, request.error], ['done', -1, EIO])
  })

  it('outlives the queue that was to be told', () => {
    const { p, fd, kq, kernel, aio } = program()
    const request = aio.write(p, { fd, bytes: bytes('J'), kq })
    p.close(kq)
    kernel.advance(1)
    assert.equal(request.status, 'done')
    assert.equal(read(p, '/f'), 'Jello world')
  })

  it('is taken back when its process exits', () => {
    const { p, fd, kernel, aio } = program()
    const child = p.fork()
    const requests = [child, child.descriptors].map((process) =>
      aio.write(process, { fd, bytes: bytes('J') }),
    )
    const other = aio.read(p, { fd, buffer: new Uint8Array(1) })
    child.exit()
    assert.deepEqual(
      [...requests, other].map(({ status }) => status),
      ['cancelled', 'cancelled', 'pending'],
    )
    kernel.advance(1)
    assert.equal(other.status, 'done')
    assert.equal(read(p, '/f'), 'hello world')
  })

  it('refuses what cannot be', () => {
    const { p, fd, kq, aio } = program()
    const buffer = new Uint8Array(1)
    const r = p.open('/f', O_RDONLY)
    const w = p.open('/f', O_WRONLY)
    const [pipe] = p.pipe()
    fails('EBADF', () => aio.read(p, { fd: 99, buffer }))
    fails('EBADF', () => aio.read(p, { fd: w, buffer }))
    fails('EBADF', () => aio.write(p, { fd: r, bytes: buffer }))
    fails('EBADF', () => aio.read(p, { fd, buffer, kq: fd }))
    fails('EBADF', () => aio.read(p, { fd, buffer, kq: 99 }))
    fails('ENOTSUP', () => aio.read(p, { fd: pipe, buffer }))
    fails('ENOTSUP', () => aio.fsync(p, { fd: p.open('/', O_RDONLY) }))
    fails('EINVAL', () => aio.read(p, { fd, buffer, offset: -1 }))
    fails('EINVAL', () => aio.read(p, { fd, buffer, delay: -1 }))
    assert.equal(p.kevent(kq, [], 8, 100).length, 0)
  })

  it('with O_APPEND is written at the end', () => {
    const { p, kernel, aio } = program('abc')
    const fd = p.open('/f', O_WRONLY | O_APPEND)
    aio.write(p, { fd, bytes: bytes('d') })
    kernel.advance(1)
    assert.equal(read(p, '/f'), 'abcd')
  })
})

describe('EVFILT_AIO', () => {
  it('cannot be added by kevent, but disabled, enabled and deleted', () => {
    const { p, fd, kq, kernel, aio } = program()
    for (const filter of [EVFILT_AIO, EVFILT_LIO]) {
      fails('EPERM', () => p.kevent(kq, [EV_SET(1, filter, EV_ADD)]))
    }
    const buffer = new Uint8Array(1)
    const one = aio.read(p, { fd, buffer, kq })
    const two = aio.read(p, { fd, buffer, kq })
    p.kevent(kq, [EV_SET(one.id, EVFILT_AIO, EV_DISABLE), EV_SET(two.id, EVFILT_AIO, EV_DELETE)])
    kernel.advance(1)
    assert.deepEqual([one.status, two.status], ['done', 'done'])
    assert.deepEqual(pending(p, kq), [])
    p.kevent(kq, [EV_SET(one.id, EVFILT_AIO, EV_ENABLE)])
    assert.deepEqual(
      pending(p, kq).map(({ ident }) => ident),
      [one.id],
    )
  })

  it('is not copied on fork', () => {
    const { p, fd, kernel, aio } = program()
    const kq = p.kqueuex(KQUEUE_CPONFORK)
    aio.read(p, { fd, buffer: new Uint8Array(1), kq })
    const child = p.fork()
    kernel.advance(1)
    assert.equal(pending(p, kq).length, 1)
    assert.deepEqual(pending(child, kq), [])
  })

  it('counts for the limit of knotes', () => {
    const { p, fd, kq, kernel, aio } = program()
    kernel.sysctl.kq_knotemax = 0
    fails('ENOMEM', () => aio.read(p, { fd, buffer: new Uint8Array(1), kq }))
    fails('ENOMEM', () => aio.lio(p, [{ op: 'write', fd, bytes: bytes('x') }], { kq }))
    kernel.advance(10)
    assert.equal(read(p, '/f'), 'hello world')
  })
})

describe('A list', () => {
  it('is reported once, when all of it is over', () => {
    const { p, fd, kq, kernel, aio } = program()
    const buffer = new Uint8Array(5)
    const list = aio.lio(
      p,
      [
        { op: 'read', fd, buffer, delay: 2 },
        { op: 'write', fd, bytes: bytes('!'), offset: 11, delay: 5, kq },
      ],
      { kq, udata: 'all' },
    )
    kernel.advance(4)
    assert.deepEqual(pending(p, kq), [])
    assert.equal(list.complete, false)
    kernel.advance(1)
    assert.deepEqual(
      pending(p, kq).map(({ ident, filter, flags, data, udata }) => [
        ident,
        filter,
        flags,
        data,
        udata,
      ]),
      [
        [list.requests[1]!.id, EVFILT_AIO, EV_ONESHOT | EV_EOF, 0, list.requests[1]],
        [list.id, EVFILT_LIO, EV_ONESHOT, 0, 'all'],
      ],
    )
    assert.equal(text(buffer), 'hello')
    assert.equal(read(p, '/f'), 'hello world!')
    assert.deepEqual(pending(p, kq), [])
  })

  it('holds the errors of those that could not be asked for', () => {
    const { p, fd, kq, aio } = program()
    const list = aio.lio(
      p,
      [
        { op: 'write', fd: 99, bytes: bytes('x') },
        { op: 'write', fd, bytes: bytes('x') },
      ],
      { kq },
    )
    assert.deepEqual([list.requests[0]!.status, list.requests[0]!.error], ['done', EBADF])
    assert.equal(p.kevent(kq, [], 1)[0]?.ident, list.id)
    const hopeless = aio.lio(p, [{ op: 'write', fd: 99, bytes: bytes('x') }], { kq })
    assert.equal(pending(p, kq)[0]?.ident, hopeless.id)
  })

  it('is over when it is cancelled', () => {
    const { p, fd, kq, aio } = program()
    const entry = { op: 'write', fd, bytes: bytes('x') } as const
    const list = aio.lio(p, [entry, entry], { kq })
    list.cancel()
    assert.equal(pending(p, kq)[0]?.ident, list.id)
    assert.deepEqual(pending(p, kq), [])
    fails('EINVAL', () => aio.lio(p, [], { kq }))
    fails('EBADF', () => aio.lio(p, [entry], { kq: 99 }))
  })
})
