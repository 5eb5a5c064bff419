/** EVFILT_NETDEV: the link of a network interface goes up and down, by its index. */
import { EV_CLEAR, EVFILT_NETDEV, NOTE_LINKDOWN, NOTE_LINKUP } from 'kqueue/core'
import { add, chapter, expectError, expectEvents, expectNothing, next } from './scenario.js'

const BOTH = NOTE_LINKUP | NOTE_LINKDOWN

const scenario = chapter('EVFILT_NETDEV', { filters: [EVFILT_NETDEV] })

scenario('a link that goes down and up is reported', { needs: ['network'] }, (w) => {
  const { ifindex, link } = w.network!
  const q = w.kqueue()
  link('up')
  q.kevent([add(ifindex, EVFILT_NETDEV, EV_CLEAR, { fflags: BOTH })])
  expectNothing(q)
  link('down')
  expectEvents([next(q)], { ident: ifindex, fflags: NOTE_LINKDOWN, data: 0 })
  link('up')
  expectEvents([next(q)], { ident: ifindex, fflags: NOTE_LINKUP, data: 0 })
  expectNothing(q)
})

scenario('only what was asked for is reported', { needs: ['network'] }, (w) => {
  const { ifindex, link } = w.network!
  const q = w.kqueue()
  link('up')
  q.kevent([add(ifindex, EVFILT_NETDEV, EV_CLEAR, { fflags: NOTE_LINKUP })])
  link('down')
  expectNothing(q, 5)
  link('up')
  expectEvents([next(q)], { ident: ifindex, fflags: NOTE_LINKUP })
})

scenario('an interface that there is not is ENXIO', (w) => {
  const q = w.kqueue()
  expectError('ENXIO', () => q.kevent([add(123456, EVFILT_NETDEV, 0, { fflags: BOTH })]))
})
