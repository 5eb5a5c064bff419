/** EVFILT_NETDEV: the link of a network interface goes up and down, by its index. */
import { EV_CLEAR, EV_ONESHOT, EVFILT_NETDEV, NOTE_LINKDOWN, NOTE_LINKUP } from 'kqueue/core'
import {
  add,
  chapter,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  next,
} from './scenario.js'

const BOTH = NOTE_LINKUP | NOTE_LINKDOWN

const scenario = chapter('EVFILT_NETDEV', { filters: [EVFILT_NETDEV] })

scenario('a link that goes down and up is reported', { needs: ['network'] }, (w) => {
  const { ifindex } = w.network!
  const q = w.kqueue()
  w.network!.link('up')
  q.kevent([add(ifindex, EVFILT_NETDEV, EV_CLEAR, { fflags: BOTH })])
  expectNothing(q)
  w.network!.link('down')
  expectEvents([next(q)], { ident: ifindex, fflags: NOTE_LINKDOWN, data: 0 })
  w.network!.link('up')
  expectEvents([next(q)], { ident: ifindex, fflags: NOTE_LINKUP, data: 0 })
  expectNothing(q)
})

scenario('only what was asked for is reported', { needs: ['network'] }, (w) => {
  const { ifindex } = w.network!
  const q = w.kqueue()
  w.network!.link('up')
  q.kevent([add(ifindex, EVFILT_NETDEV, EV_CLEAR, { fflags: NOTE_LINKUP })])
  w.network!.link('down')
  expectNothing(q, 5)
  w.network!.link('up')
  expectEvents([next(q)], { ident: ifindex, fflags: NOTE_LINKUP })
})

scenario('what happens before anybody looks is gathered', { needs: ['network'] }, (w) => {
  const { ifindex } = w.network!
  const q = w.kqueue()
  w.network!.link('up')
  q.kevent([add(ifindex, EVFILT_NETDEV, EV_CLEAR, { fflags: BOTH })])
  w.network!.link('down')
  w.network!.link('up')
  expectEvents([next(q)], { ident: ifindex, fflags: BOTH })
  expectNothing(q)
})

scenario('without EV_CLEAR what has happened stays', { needs: ['network'] }, (w) => {
  const { ifindex } = w.network!
  const q = w.kqueue()
  w.network!.link('up')
  q.kevent([add(ifindex, EVFILT_NETDEV, 0, { fflags: BOTH })])
  w.network!.link('down')
  expectEvents([next(q)], { fflags: NOTE_LINKDOWN })
  expectEvents([next(q)], { fflags: NOTE_LINKDOWN })
  w.network!.link('up')
  expectEvents([next(q)], { fflags: BOTH })
})

scenario('what happened before it was added is not reported', { needs: ['network'] }, (w) => {
  const { ifindex } = w.network!
  const [first, second] = [w.kqueue(), w.kqueue()]
  w.network!.link('up')
  first.kevent([add(ifindex, EVFILT_NETDEV, EV_CLEAR, { fflags: BOTH })])
  w.network!.link('down')
  second.kevent([add(ifindex, EVFILT_NETDEV, EV_CLEAR, { fflags: BOTH })])
  expectNothing(second)
  expectEvents([next(first)], { fflags: NOTE_LINKDOWN })
})

scenario('a one-shot watch of a link is gone after its event', { needs: ['network'] }, (w) => {
  const { ifindex } = w.network!
  const q = w.kqueue()
  w.network!.link('up')
  q.kevent([add(ifindex, EVFILT_NETDEV, EV_ONESHOT, { fflags: BOTH })])
  w.network!.link('down')
  expectEvents([next(q)], { ident: ifindex, fflags: NOTE_LINKDOWN })
  expectGone(q, ifindex, EVFILT_NETDEV)
})

scenario('0 stands for all interfaces', { needs: ['network'] }, (w) => {
  const q = w.kqueue()
  w.network!.link('up')
  q.kevent([add(0, EVFILT_NETDEV, EV_CLEAR, { fflags: BOTH })])
  expectNothing(q)
  w.network!.link('down')
  let seen = 0
  // Others may come and go at the same time.
  while ((seen & NOTE_LINKDOWN) === 0) seen |= next(q).fflags
})

scenario('an interface that there is not is ENXIO', (w) => {
  const q = w.kqueue()
  expectError('ENXIO', () => q.kevent([add(123456, EVFILT_NETDEV, 0, { fflags: BOTH })]))
})
