/** Waits that a filter of the program ends while it is asked, on Linux and on the simulated kernel. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DISABLE,
  EV_SET,
  EVFILT_USER,
  type Kevent,
  NOTE_TRIGGER,
} from 'kqueue'
import { linux } from '../scenarios/linux.js'
import { sim } from '../scenarios/sim.js'
import type { Awaiting, World } from '../scenarios/world.js'

const FILTER = -2000
const ENDED = 'ended'

const idents = (events: readonly Kevent[]): number[] => events.map(({ ident }) => ident)

/** How a wait has ended: the idents of its events, or its reason. */
function outcome(wait: Promise<Kevent[]>): Promise<unknown> {
  return wait.then(idents, (reason) => (reason instanceof Error ? reason.message : reason))
}

/**
 * A queue whose event 1 aborts when it is asked for the first time, once there is something to
 * hand out; event 2, which comes behind it, is one that clears.
 */
function aborting({ calls }: Awaiting, holds: boolean) {
  const kq = calls.kqueue()
  const controller = new AbortController()
  const list = new calls.Knlist()
  let armed = false
  calls.kqueue_add_filteropts(FILTER, {
    isFd: false,
    attach(kn) {
      list.add(kn)
      return 0
    },
    detach: (kn) => list.remove(kn),
    event(_kn, hint) {
      if (hint !== 0) return true
      if (!armed) return false
      armed = false
      controller.abort(ENDED)
      return holds
    },
  })
  kq.kevent([EV_SET(1, FILTER, EV_ADD | EV_CLEAR), EV_SET(2, EVFILT_USER, EV_ADD | EV_CLEAR)])
  const begin = (): void => {
    armed = true
    list.note(1)
    kq.kevent([EV_SET(2, EVFILT_USER, 0, NOTE_TRIGGER)])
  }
  const end = (): void => {
    kq.close()
    calls.kqueue_del_filteropts(FILTER)
  }
  return { kq, begin, end, signal: controller.signal }
}

function onBoth(title: string, program: (world: World & Awaiting) => Promise<void>): void {
  for (const kind of [linux, sim]) it(`${title}, on ${kind.name}`, () => kind.start!(program))
}

describe('A filter that aborts waits while it is asked', () => {
  onBoth('leaves to others what another wait would have had', async (world) => {
    const { kq, begin, end, signal } = aborting(world, true)
    const first = outcome(kq.wait({ nevents: 1 }))
    const second = outcome(kq.wait({ nevents: 1, signal }))
    begin()
    assert.deepEqual(await Promise.all([first, second]), [[1], ENDED])
    assert.deepEqual(idents(kq.kevent([], 8, 0)), [2])
    end()
  })

  onBoth('does not take from a wait what it has been handed already', async (world) => {
    const { kq, begin, end, signal } = aborting(world, true)
    const wait = outcome(kq.wait({ nevents: 1, signal }))
    begin()
    assert.deepEqual(await wait, [1])
    assert.deepEqual(idents(kq.kevent([], 8, 0)), [2])
    end()
  })

  onBoth('ends one for which there is nothing', async (world) => {
    const { kq, begin, end, signal } = aborting(world, false)
    kq.kevent([EV_SET(2, EVFILT_USER, EV_DISABLE)])
    const wait = outcome(kq.wait({ nevents: 1, signal }))
    begin()
    assert.deepEqual(await wait, ENDED)
    end()
  })
})
