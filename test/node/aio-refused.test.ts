/** Asynchronous I/O that is refused from the start. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import {
  AIO_ALLDONE,
  aio_cancel,
  aio_error,
  aio_fsync,
  aio_read,
  aio_return,
  aio_write,
  lio_listio,
  sysctl,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { collect, file, opened, path } from './aio-files.js'
import { cleanUp, pipe, queue } from './queues.js'

cleanUp()

const bytes = (text: string) => new TextEncoder().encode(text)

describe('Asynchronous I/O refuses', () => {
  const buffer = new Uint8Array(1)

  it('descriptors that are none, or not open for it', () => {
    const kq = queue()
    const name = path('x')
    for (const fd of [-1, 9999, 2 ** 40, 1.5, Number.NaN]) {
      assert.throws(() => aio_read({ fd, buffer, kq }), { code: 'EBADF', syscall: 'aio_read' })
      assert.throws(() => aio_cancel(fd), { code: 'EBADF', syscall: 'aio_cancel' })
    }
    assert.throws(() => aio_read({ fd: opened(name, 'a'), buffer, kq }), { code: 'EBADF' })
    assert.throws(() => aio_write({ fd: opened(name, 'r'), bytes: buffer, kq }), {
      code: 'EBADF',
      syscall: 'aio_write',
    })
    const nowhere = opened(name, posix.constants.O_PATH)
    assert.throws(() => aio_fsync({ fd: nowhere, kq }), { code: 'EBADF', syscall: 'aio_fsync' })
    assert.deepEqual(kq.knotes(), [])
  })

  it('what I/O may never end with', () => {
    const kq = queue()
    const [r, w] = pipe()
    const nothing = opened('/dev/null')
    for (const ask of [
      () => aio_read({ fd: r, buffer, kq }),
      () => aio_write({ fd: w, bytes: buffer, kq }),
      () => aio_fsync({ fd: r, kq }),
      () => aio_read({ fd: nothing, buffer, kq }),
      () => aio_read({ fd: kq.fd, buffer, kq }),
    ]) {
      assert.throws(ask, { code: 'ENOTSUP' })
    }
    assert.deepEqual(kq.knotes(), [])
  })

  it('offsets that are none', () => {
    const kq = queue()
    const fd = file()
    for (const offset of [-1, 1.5, Number.NaN, 2 ** 53]) {
      assert.throws(() => aio_read({ fd, buffer, offset, kq }), { code: 'EINVAL' })
      assert.throws(() => aio_write({ fd, bytes: buffer, offset, kq }), { code: 'EINVAL' })
    }
    const far = aio_read({ fd, buffer, offset: 2 ** 53 - 1, kq })
    collect(kq, 1)
    assert.deepEqual([far.result, far.error], [0, 0])
    assert.throws(() => aio_fsync({ fd, op: 7, kq }), { code: 'EINVAL' })
  })

  it('what there is no room for in the queue, and does nothing', () => {
    const kq = queue()
    const name = path('x')
    const write = { op: 'write', fd: opened(name), bytes: bytes('y') } as const
    const { kq_knotemax } = sysctl
    sysctl.kq_knotemax = 0
    try {
      assert.throws(() => aio_write({ ...write, kq }), { code: 'ENOMEM', syscall: 'aio_write' })
      assert.throws(() => lio_listio([write], { kq }), { code: 'ENOMEM', syscall: 'lio_listio' })
      const { requests } = lio_listio([{ ...write, kq }])
      assert.equal(requests[0]!.error, 12)
    } finally {
      sysctl.kq_knotemax = kq_knotemax
    }
    assert.deepEqual(kq.kevent([], 1, 20), [])
    assert.equal(readFileSync(name, 'latin1'), 'x')
  })

  it('values of a wrong type, with a TypeError', () => {
    const fd = file()
    const kq = queue()
    for (const wrong of [
      () => aio_read(null as never),
      () => aio_read({ buffer, kq } as never),
      () => aio_read({ fd: '3', buffer } as never),
      () => aio_read({ fd, buffer: 'text' } as never),
      () => aio_read({ fd, buffer: new ArrayBuffer(8) } as never),
      () => aio_read({ fd, buffer: new Proxy(buffer, {}) }),
      () => aio_read({ fd, buffer, offset: 1n } as never),
      () => aio_read({ fd, buffer, kq: kq.fd } as never),
      () => aio_write({ fd, buffer } as never),
      () => aio_fsync({ fd, op: '1' } as never),
      () => aio_error({} as never),
      () => aio_return(3 as never),
      () => aio_cancel('3' as never),
      () => aio_cancel(fd, {} as never),
    ]) {
      assert.throws(wrong, { code: 'ERR_INVALID_ARG_TYPE' })
    }
    assert.deepEqual(kq.knotes(), [])
    assert.equal(aio_cancel(fd), AIO_ALLDONE)
  })
})
