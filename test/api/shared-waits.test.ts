/** Several who wait for one level-triggered event, on Linux and on the simulated kernel. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EV_ADD, EV_SET, EVFILT_READ, EVFILT_USER, type Kevent, NOTE_TRIGGER } from 'kqueue'
import { within } from '../patience.js'
import { linux } from '../scenarios/linux.js'
import { sim } from '../scenarios/sim.js'
import type { Awaiting, World } from '../scenarios/world.js'

const user = EV_SET(1, EVFILT_USER, EV_ADD)
const trigger = EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER)

const idents = (events: readonly Kevent[]): number[] => events.map(({ ident }) => ident)

function onBoth(title: string, program: (world: World & Awaiting) => Promise<void>): void {
  for (const kind of [linux, sim]) {
    it(`${title}, on ${kind.name}`, () => within(kind.start!(program), 'the events'))
  }
}

describe('Who waits while another is told of an event', () => {
  onBoth(
    'is told when it happens again, whether it was looked at meanwhile or not',
    async (world) => {
      const kq = world.calls.kqueue()
      const [r, w] = world.pipe()
      kq.kevent([EV_SET(r, EVFILT_READ, EV_ADD)])
      const first = kq.wait()
      const second = kq.wait()
      world.write(w, 'x')
      assert.deepEqual(idents(await first), [r])
      world.read(r, 1)
      world.write(w, 'xyz')
      assert.deepEqual(
        (await second).map(({ data }) => data),
        [3],
      )
      kq.close()
    },
  )

  onBoth('is told when it happens again in a queue that is watched', async ({ calls }) => {
    const inner = calls.kqueue()
    inner.kevent([user])
    const outer = calls.kqueue()
    outer.kevent([EV_SET(inner.fd, EVFILT_READ, EV_ADD)])
    const first = outer.wait()
    const second = outer.wait()
    inner.kevent([trigger])
    assert.deepEqual(idents(await first), [inner.fd])
    inner.kevent([trigger])
    assert.deepEqual(idents(await second), [inner.fd])
    outer.close()
    inner.close()
  })

  onBoth('has its turn when that one comes for more of it', async ({ calls }) => {
    const kq = calls.kqueue()
    kq.kevent([user])
    const first = kq.wait()
    const second = kq.wait()
    kq.kevent([trigger])
    assert.deepEqual(idents(await first), [1])
    const third = kq.wait()
    assert.deepEqual(idents(await second), [1])
    const fourth = kq.wait({ timeout: 1000 })
    assert.deepEqual(idents(await third), [1])
    kq.kevent([trigger])
    assert.deepEqual(idents(await fourth), [1])
    kq.close()
  })

  onBoth('has its turn before an iteration that goes on', async ({ calls }) => {
    const kq = calls.kqueue()
    kq.kevent([user])
    const events = kq.events()
    const first = events.next()
    const order: string[] = []
    const wait = kq.wait().then(() => order.push('wait'))
    kq.kevent([trigger])
    await first
    const next = events.next().then(() => order.push('next'))
    await wait
    kq.kevent([trigger])
    await next
    assert.deepEqual(order, ['wait', 'next'])
    kq.close()
  })
})
