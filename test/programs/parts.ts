/** The parts of the package that are read when they are called for first. */
import assert from 'node:assert/strict'
import {
  type AioRequest,
  aio_error,
  EV_ADD,
  EV_SET,
  EVFILT_PROC,
  EVFILT_VNODE,
  getmntinfo,
  type Kqueue,
  NOTE_EXIT,
  NOTE_WRITE,
} from 'kqueue'
import * as posix from '../native/posix.js'

/** Has all be read that Linux has, for who will have no descriptor left to do it, or may not. */
export function readParts(kq: Kqueue): void {
  const [r, w] = posix.pipe2()
  const noFile = EV_SET(r, EVFILT_VNODE, EV_ADD, NOTE_WRITE)
  const nobody = EV_SET(0x7fffffff, EVFILT_PROC, EV_ADD, NOTE_EXIT)
  assert.throws(() => kq.kevent([noFile]), { code: 'EINVAL' })
  assert.throws(() => kq.kevent([nobody]), { code: 'ESRCH' })
  assert.throws(() => aio_error({} as AioRequest), TypeError)
  assert.ok(getmntinfo().length > 0)
  posix.close(r)
  posix.close(w)
}
