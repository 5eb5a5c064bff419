/**
 * Copies on fork and for workers in namespaces of their own, where mounts and links can be made:
 * EVFILT_FS, EVFILT_NETDEV, and a queue with events of every filter.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_EOF,
  EV_SET,
  EVFILT_FS,
  EVFILT_NETDEV,
  if_nametoindex,
  type Kevent,
  type KnoteInfo,
  type Kqueue,
  NOTE_LINKDOWN,
  NOTE_LINKINV,
  NOTE_LINKUP,
  VQ_MOUNT,
  VQ_UNMOUNT,
} from 'kqueue'
import { hasStart } from '../native/system.js'
import { whenOver } from '../patience.js'
import type { Cases } from '../programs/images.js'
import { EveryFilter, ip, mounting } from './every-filter.js'
import { copied, type Inheritor, openWhatStays, plain, same, start, warmUp } from './inheritors.js'
import { inNamespaces } from './namespaces.js'
import { casesOf, ended, message, start as startWorker } from './processes.js'
import { cleanUpPuppets } from './puppets.js'
import { cleanUp, LONG } from './queues.js'

await warmUp()

const images = casesOf<Cases>('images')
const fflags = (events: readonly Kevent[]): number[] => events.map((event) => event.fflags)

inNamespaces(import.meta.url, () => {
  openWhatStays()
  cleanUp()
  cleanUpPuppets()

  describe('EVFILT_FS in a child', () => {
    it('has what is pending, what happens while it starts, and what happens then', async () => {
      const kq = copied()
      const { mount, unmount } = mounting()
      kq.kevent([EV_SET(1, EVFILT_FS, EV_ADD)])
      mount()
      const child = start()
      unmount()
      child.begin()
      assert.deepEqual(fflags(await same(child, kq)), [VQ_MOUNT | VQ_UNMOUNT])
      mount()
      assert.deepEqual(fflags(await same(child, kq)), [VQ_MOUNT])
      unmount()
      assert.deepEqual(fflags(await same(child, kq)), [VQ_UNMOUNT])
      await child.end()
    })

    it('has nothing of what was handed out before', async () => {
      const kq = copied()
      const { mount, unmount } = mounting()
      kq.kevent([EV_SET(1, EVFILT_FS, EV_ADD)])
      mount()
      assert.deepEqual(fflags(kq.kevent([], 8, LONG)), [VQ_MOUNT])
      const child = start().begin()
      assert.deepEqual(await child.events(kq.fd), [])
      unmount()
      assert.deepEqual(fflags(await same(child, kq)), [VQ_UNMOUNT])
      await child.end()
    })
  })

  describe('EVFILT_NETDEV in a child', () => {
    const ALL = NOTE_LINKUP | NOTE_LINKDOWN | NOTE_LINKINV
    const watched = (index: number) => EV_SET(index, EVFILT_NETDEV, EV_ADD | EV_CLEAR, ALL)
    function cable(): void {
      ip('link add ka type veth peer name kb')
      ip('link set kb up')
      ip('link set ka up')
      whenOver(() => {
        try {
          ip('link delete kb')
        } catch {
          // The test has.
        }
      })
    }

    it('has what is pending, what happens while it starts, and what happens then', async () => {
      cable()
      const kq = copied()
      kq.kevent([watched(if_nametoindex('ka'))])
      ip('link set ka down')
      const child = start()
      ip('link set ka up')
      child.begin()
      assert.deepEqual(fflags(await same(child, kq)), [NOTE_LINKDOWN | NOTE_LINKUP])
      ip('link set ka down')
      assert.deepEqual(fflags(await same(child, kq)), [NOTE_LINKDOWN])
      await child.end()
    })

    it('has nothing of what was handed out before', async () => {
      cable()
      const kq = copied()
      kq.kevent([watched(if_nametoindex('ka'))])
      ip('link set ka down')
      assert.deepEqual(fflags(kq.kevent([], 8, LONG)), [NOTE_LINKDOWN])
      const child = start().begin()
      assert.deepEqual(await child.events(kq.fd), [])
      await child.end()
    })

    it('tells of an interface that is taken away while it starts', async () => {
      cable()
      const kq = copied()
      kq.kevent([watched(if_nametoindex('ka'))])
      const child = start()
      ip('link delete ka')
      child.begin()
      const [event] = await same(child, kq)
      assert.ok(event!.fflags & NOTE_LINKINV && event!.flags & EV_EOF)
      assert.deepEqual(await child.knotes(kq.fd), [])
      await child.end()
    })
  })

  describe('A queue with events of every filter', () => {
    /** What is registered; what there is to report is asked when it is handed out. */
    const states = (knotes: readonly KnoteInfo[]): unknown =>
      knotes.map(({ data: _data, fflags: _fflags, ...state }) => state)

    /** Events of all links, which happen with those of one. */
    const ALL_LINKS = 1

    /** All but the order: what happens at a time is not told in one order. */
    const sorted = (events: readonly Kevent[]): string =>
      events
        .map((each) => JSON.stringify(each))
        .sort()
        .join('\n')

    /** Both have the same `count` events before long. */
    async function sameSoon(child: Inheritor, kq: Kqueue, count: number): Promise<void> {
      const [theirs, ours]: [Kevent[], Kevent[]] = [[], []]
      const begin = performance.now()
      while (Math.min(theirs.length, ours.length) < count && performance.now() - begin < LONG) {
        theirs.push(...(await child.events(kq.fd)))
        ours.push(...kq.kevent([], 1024, 0))
      }
      assert.equal(sorted(theirs), sorted(ours))
      assert.deepEqual([await child.events(kq.fd), kq.kevent([], 1024, 0)], [[], []])
    }

    it('is the same in a child: the same events, in the same order, once', async () => {
      const every = new EveryFilter(true)
      const { kq } = every
      const child = start().begin()
      assert.deepEqual(states(await child.knotes(kq.fd)), states(plain(kq.knotes())))
      const events = await child.events(kq.fd)
      const ours = kq.kevent([], 1024, 0)
      assert.deepEqual(events, plain(ours))
      assert.deepEqual(new Set(ours.map(({ filter }) => filter)), every.filters)
      assert.deepEqual([await child.events(kq.fd), kq.kevent([], 1024, 0)], [[], []])
      assert.deepEqual(states(await child.knotes(kq.fd)), states(plain(kq.knotes())))

      const enabled = await child.change(kq.fd, ...every.enabling)
      assert.deepEqual(enabled, plain(kq.kevent(every.enabling, 1024, 0)))
      assert.equal(enabled.length, every.enabling.length)

      await sameSoon(child, kq, every.happen() + ALL_LINKS)
      await child.end()
    })

    it('is the same in a worker', {
      skip: !hasStart() && 'each thread is told another start',
    }, async () => {
      const every = new EveryFilter(false)
      const { kq } = every
      const worker = startWorker(images('takes all', kq.image(), every.enabling))
      const knotes = kq.knotes()
      const ours = [kq.kevent([], 1024, 0), kq.kevent([], 1024, 0)]
      const enabled = kq.kevent(every.enabling, 1024, 0)
      const [theirs, ...told] = await message<[KnoteInfo[], ...Kevent[][]]>(worker)
      assert.deepEqual(states(theirs), states(knotes))
      assert.deepEqual(told, [...ours, enabled])
      await ended(worker)
      assert.deepEqual(new Set(ours[0]!.map(({ filter }) => filter)), every.filters)
      assert.equal(enabled.length, every.enabling.length)
    })
  })
})
