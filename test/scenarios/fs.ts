/**
 * EVFILT_FS: file systems are mounted and unmounted; and what unmounting does to
 * files that are open. See kqueue(2), "EVFILT_FS", and NOTE_REVOKE.
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_FS,
  EVFILT_READ,
  EVFILT_VNODE,
  NOTE_REVOKE,
  VQ_MOUNT,
  VQ_UNMOUNT,
} from 'kqueue/core'
import { add, chapter, expectEvents, expectNothing, next, wait } from './scenario.js'
import type { World } from './world.js'

const scenario = chapter('EVFILT_FS', { filters: [EVFILT_FS], needs: ['tree', 'mount'] })

function watched(w: World, fflags: number) {
  w.tree!.mkdir('mountpoint')
  const q = w.kqueue()
  q.kevent([add(1, EVFILT_FS, 0, { fflags })])
  return q
}

scenario('a mount is VQ_MOUNT and an unmount VQ_UNMOUNT', (w) => {
  const q = watched(w, VQ_MOUNT | VQ_UNMOUNT)
  expectNothing(q)
  w.mounts!.mount('mountpoint')
  expectEvents([next(q)], { ident: 1, filter: EVFILT_FS, fflags: VQ_MOUNT, data: 0 })
  w.mounts!.unmount('mountpoint')
  expectEvents([next(q)], { ident: 1, filter: EVFILT_FS, fflags: VQ_UNMOUNT, data: 0 })
})

scenario('EV_CLEAR is always set', (w) => {
  const q = watched(w, VQ_MOUNT)
  w.mounts!.mount('mountpoint')
  assert.ok(next(q).flags & EV_CLEAR)
  expectNothing(q)
  w.mounts!.unmount('mountpoint')
})

scenario('only what was asked for is reported', (w) => {
  const q = watched(w, VQ_UNMOUNT)
  w.mounts!.mount('mountpoint')
  expectNothing(q)
  w.mounts!.unmount('mountpoint')
  expectEvents([next(q)], { fflags: VQ_UNMOUNT })
})

scenario(
  'unmounting ends the watches of files that are open in it',
  { filters: [EVFILT_VNODE, EVFILT_READ], needs: ['file'] },
  (w) => {
    w.tree!.mkdir('mountpoint')
    w.mounts!.mount('mountpoint')
    const fd = w.open('mountpoint/file', 'rw')
    const q = w.kqueue()
    q.kevent([add(fd, EVFILT_READ), add(fd, EVFILT_VNODE, EV_CLEAR, { fflags: NOTE_REVOKE })])
    expectNothing(q)
    w.mounts!.unmount('mountpoint')
    const events = wait(q).sort((a, b) => b.filter - a.filter)
    expectEvents(
      events,
      { ident: fd, filter: EVFILT_READ, flags: EV_EOF | EV_ONESHOT },
      { ident: fd, filter: EVFILT_VNODE, flags: EV_EOF | EV_CLEAR, fflags: NOTE_REVOKE },
    )
  },
)
