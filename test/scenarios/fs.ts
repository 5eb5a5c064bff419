/**
 * EVFILT_FS: file systems are mounted and unmounted; and what unmounting does to
 * files that are open. See kqueue(2), "EVFILT_FS", and NOTE_REVOKE.
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_FS,
  EVFILT_READ,
  EVFILT_VNODE,
  NOTE_REVOKE,
  VQ_MOUNT,
  VQ_UNMOUNT,
} from 'kqueue/core'
import {
  add,
  change,
  chapter,
  expectEvents,
  expectGone,
  expectNothing,
  next,
  wait,
} from './scenario.js'
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

scenario('without fflags everything is reported', (w) => {
  const q = watched(w, 0)
  w.mounts!.mount('mountpoint')
  expectEvents([next(q)], { fflags: VQ_MOUNT })
  w.mounts!.unmount('mountpoint')
  expectEvents([next(q)], { fflags: VQ_UNMOUNT })
})

scenario('what happens before anybody looks is gathered', (w) => {
  const q = watched(w, VQ_MOUNT | VQ_UNMOUNT)
  w.mounts!.mount('mountpoint')
  w.mounts!.unmount('mountpoint')
  expectEvents([next(q)], { fflags: VQ_MOUNT | VQ_UNMOUNT })
  expectNothing(q)
})

scenario('what happened before it was added is not reported', (w) => {
  const first = watched(w, 0)
  w.mounts!.mount('mountpoint')
  const second = w.kqueue()
  second.kevent([add(1, EVFILT_FS, 0, { fflags: VQ_MOUNT })])
  expectNothing(second)
  expectEvents([next(first)], { fflags: VQ_MOUNT })
})

scenario('each queue is told', (w) => {
  const first = watched(w, VQ_MOUNT)
  const second = w.kqueue()
  second.kevent([add(7, EVFILT_FS, 0, { fflags: VQ_UNMOUNT })])
  w.mounts!.mount('mountpoint')
  w.mounts!.unmount('mountpoint')
  expectEvents([next(first)], { ident: 1, fflags: VQ_MOUNT })
  expectEvents([next(second)], { ident: 7, fflags: VQ_UNMOUNT })
})

scenario('what happens while it is disabled is reported when it is enabled', (w) => {
  const q = watched(w, VQ_MOUNT)
  q.kevent([change(1, EVFILT_FS, EV_DISABLE, { fflags: VQ_MOUNT })])
  w.mounts!.mount('mountpoint')
  expectNothing(q)
  q.kevent([change(1, EVFILT_FS, EV_ENABLE, { fflags: VQ_MOUNT })])
  expectEvents([next(q)], { fflags: VQ_MOUNT })
})

scenario('a one-shot watch of mounts is gone after its event', (w) => {
  const q = w.kqueue()
  w.tree!.mkdir('mountpoint')
  q.kevent([add(1, EVFILT_FS, EV_ONESHOT)])
  w.mounts!.mount('mountpoint')
  expectEvents([next(q)], { fflags: VQ_MOUNT })
  expectGone(q, 1, EVFILT_FS)
})

scenario(
  'unmounting ends the watches of files that are open in it',
  { filters: [EVFILT_VNODE, EVFILT_READ], needs: ['file', 'revoke'] },
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
