/** Network interfaces of the simulated kernel, and EVFILT_NETDEV. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_EOF,
  EV_ONESHOT,
  EV_SET,
  EVFILT_NETDEV,
  KQUEUE_CPONFORK,
  NOTE_LINKDOWN,
  NOTE_LINKINV,
  NOTE_LINKUP,
} from 'kqueue/sim'
import { fails, pending, unix } from './watch.js'

const ALL = NOTE_LINKUP | NOTE_LINKDOWN | NOTE_LINKINV

function watched(ifindex: number, flags = EV_CLEAR, notes = ALL) {
  const { kernel, p } = unix()
  const kq = p.kqueue()
  p.kevent(kq, [EV_SET(ifindex, EVFILT_NETDEV, EV_ADD | flags, notes)])
  const seen = () => pending(p, kq).map(({ ident, fflags, data }) => [ident, fflags, data])
  return { kernel, p, kq, seen }
}

describe('EVFILT_NETDEV', () => {
  it('reports links that go up and down, by index', () => {
    const { kernel, seen } = watched(2)
    assert.deepEqual(seen(), [])
    kernel.link(2, 'up')
    assert.deepEqual(seen(), [[2, NOTE_LINKUP, 0]])
    kernel.link(1, 'up')
    assert.deepEqual(seen(), [])
    kernel.link(2, 'down')
    assert.deepEqual(seen(), [[2, NOTE_LINKDOWN, 0]])
    assert.deepEqual(seen(), [])
  })

  it('reports changes only', () => {
    const { kernel, seen } = watched(1)
    kernel.link(1, 'down')
    assert.deepEqual(seen(), [[1, NOTE_LINKDOWN, 0]])
    kernel.link(1, 'down')
    assert.deepEqual(seen(), [])
    assert.equal(kernel.net.state(1), 'down')
  })

  it('gathers what happened, of what was asked for', () => {
    const { kernel, seen } = watched(2, EV_CLEAR, NOTE_LINKUP | NOTE_LINKINV)
    kernel.link(2, 'down')
    assert.deepEqual(seen(), [])
    kernel.link(2, 'up')
    kernel.net.link(2, 'unknown')
    assert.deepEqual(seen(), [[2, NOTE_LINKUP | NOTE_LINKINV, 0]])
  })

  it('stays without EV_CLEAR', () => {
    const { kernel, seen } = watched(2, 0)
    kernel.link(2, 'up')
    assert.deepEqual(seen(), seen())
    kernel.link(2, 'down')
    assert.deepEqual(seen(), [[2, NOTE_LINKUP | NOTE_LINKDOWN, 0]])
  })

  it('refuses an index that there is not with ENXIO', () => {
    const { kernel, p, kq } = watched(1)
    fails('ENXIO', () => p.kevent(kq, [EV_SET(3, EVFILT_NETDEV, EV_ADD, ALL)]))
    fails('ENXIO', () => p.kevent(kq, [EV_SET(-1, EVFILT_NETDEV, EV_ADD, ALL)]))
    fails('ENXIO', () => kernel.link(3, 'up'))
  })

  it('reports all interfaces under 0, also new ones, and goes on when one goes', () => {
    const { kernel, seen } = watched(0)
    kernel.link(2, 'up')
    assert.deepEqual(seen(), [[0, NOTE_LINKUP, 0]])
    const wlan = kernel.net.add('wlan0')
    assert.deepEqual(seen(), [[0, NOTE_LINKINV, 0]])
    kernel.link(wlan, 'down')
    kernel.net.remove(2)
    assert.deepEqual(seen(), [[0, NOTE_LINKDOWN | NOTE_LINKINV, 0]])
    kernel.link(1, 'up')
    assert.deepEqual(seen(), [[0, NOTE_LINKUP, 0]])
  })

  it('ends when the interface goes', () => {
    const { kernel, p, kq } = watched(2)
    kernel.net.remove(2)
    const [event] = pending(p, kq)
    assert.equal(event?.fflags, NOTE_LINKINV)
    assert.equal(event?.flags, EV_EOF | EV_ONESHOT | EV_CLEAR)
    assert.deepEqual(pending(p, kq), [])
    // Another one under the same index is another one.
    assert.equal(kernel.net.add('wlan0'), 2)
    kernel.link(2, 'up')
    assert.deepEqual(pending(p, kq), [])
  })

  it('is copied on fork', () => {
    const { kernel, p } = unix()
    const kq = p.kqueuex(KQUEUE_CPONFORK)
    p.kevent(kq, [EV_SET(2, EVFILT_NETDEV, EV_ADD | EV_CLEAR, ALL)])
    const child = p.fork()
    kernel.link(2, 'up')
    for (const each of [p, child]) assert.equal(pending(each, kq)[0]?.fflags, NOTE_LINKUP)
  })
})

describe('Interfaces', () => {
  it('are lo and eth0, and what is added', () => {
    const { net } = unix().kernel
    assert.deepEqual([net.index('lo'), net.index('eth0'), net.index('x')], [1, 2, 0])
    assert.equal(net.add('wlan0'), 3)
    fails('EEXIST', () => net.add('lo'))
    fails('EINVAL', () => net.add(''))
    fails('EINVAL', () => net.add('a-name-too-long-'))
    fails('EINVAL', () => net.link(1, 'sideways' as 'up'))
  })
})
