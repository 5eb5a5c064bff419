/** EVFILT_NETDEV on the system itself, in a network namespace of the tests. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { afterEach, beforeEach, describe, it } from 'node:test'
import {
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_EOF,
  EV_ONESHOT,
  EV_SET,
  EVFILT_NETDEV,
  if_indextoname,
  if_nametoindex,
  type Kevent,
  type Kqueue,
  NOTE_LINKDOWN,
  NOTE_LINKINV,
  NOTE_LINKUP,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { BOUNDED, exited, spawn, untilBlocking } from '../patience.js'
import type { Cases } from '../programs/workers.js'
import { command, inNamespaces } from './namespaces.js'
import { casesOf, descriptors, ended, message, start } from './processes.js'
import { cleanUp, keep, LONG, queue } from './queues.js'
import { itLeavesNoDescriptors, notes, silent } from './two-descriptors.js'

const workers = casesOf<Cases>('workers')

const UP = NOTE_LINKUP
const DOWN = NOTE_LINKDOWN
const AF_NETLINK = 16
const RTM_DELLINK = 17
const ALL = UP | DOWN | NOTE_LINKINV

const ip = (line: string): string => command('ip', ...line.split(' '))

const watch = (index: number, flags = EV_CLEAR): Change =>
  EV_SET(index, EVFILT_NETDEV, EV_ADD | flags, ALL)

/** A queue that watches an interface, or all of them. */
function watching(name?: string): Kqueue {
  const kq = queue()
  kq.kevent([watch(name === undefined ? 0 : if_nametoindex(name))])
  return kq
}

inNamespaces(import.meta.url, () => {
  cleanUp()
  /** `ka` and `kb` are the ends of one cable, switched on. */
  beforeEach(() => {
    ip('link add ka type veth peer name kb')
    ip('link set kb up')
    ip('link set ka up')
  })
  afterEach(() => {
    spawnSync('ip', ['link', 'delete', 'kb'])
  })

  describe('A link', () => {
    it('is down when it is switched off, and when the other end is', () => {
      const kq = watching('ka')
      for (const end of ['ka', 'kb']) {
        ip(`link set ${end} down`)
        assert.equal(notes(kq), DOWN)
        ip(`link set ${end} up`)
        assert.equal(notes(kq), UP)
      }
      silent(kq)
    })

    it('of the loopback interface is up when that is switched on', () => {
      const kq = watching('lo')
      ip('link set lo up')
      assert.equal(notes(kq), UP)
      ip('link set lo down')
      assert.equal(notes(kq), DOWN)
    })

    it('is not reported for what else happens to the interface', () => {
      const kq = watching('ka')
      ip('link set ka mtu 1400')
      ip('link set ka alias nobody')
      ip('address add 10.0.0.1/24 dev ka')
      ip('link set ka promisc on')
      silent(kq)
    })

    it('is that of the interface, under whatever name', () => {
      const index = if_nametoindex('ka')
      const kq = watching('ka')
      ip('link set ka name other')
      silent(kq)
      assert.equal(if_indextoname(index), 'other')
      ip('link add ka type veth peer name kc')
      ip('link set other down')
      assert.equal(notes(kq), DOWN)
      ip('link delete kc')
    })

    it('goes on when the interface joins a bridge and leaves it', () => {
      ip('link add bridge0 type bridge')
      ip('link set bridge0 up')
      const kq = watching('ka')
      ip('link set ka master bridge0')
      ip('link set ka nomaster')
      ip('link delete bridge0')
      silent(kq)
      ip('link set ka down')
      assert.equal(notes(kq), DOWN)
    })

    it('ends with the interface', () => {
      const kq = watching('ka')
      const index = if_nametoindex('ka')
      ip('link set ka down')
      ip('link delete ka')
      const [event] = kq.kevent([], 8, LONG)
      assert.equal(event?.fflags, DOWN | NOTE_LINKINV)
      assert.equal(event?.flags, EV_EOF | EV_ONESHOT | EV_CLEAR)
      assert.deepEqual(kq.knotes(), [])
      assert.throws(() => kq.kevent([watch(index)]), { code: 'ENXIO' })
    })

    it('ends when the interface moves to another namespace', () => {
      const kq = watching('ka')
      const child = spawn('unshare', ['-n', 'sleep', '100'], { stdio: 'ignore' })
      // Until it has one of its own, the interface cannot go there.
      const moved = () => command('readlink', `/proc/${child.pid}/ns/net`) !== own()
      untilBlocking(moved, 'the child has a namespace of its own')
      ip(`link set ka netns ${child.pid}`)
      const [event] = kq.kevent([], 8, LONG)
      assert.ok(event!.fflags & NOTE_LINKINV)
      assert.ok(event!.flags & EV_EOF)
    })

    it('is what the kernel says and nobody else', () => {
      const kq = watching('ka')
      const socket = keep(posix.socket(AF_NETLINK, posix.constants.SOCK_RAW))
      const ports = ownPorts()
      assert.equal(ports.length, 2)
      for (const port of ports) {
        posix.sendtoNetlink(socket, linkMessage(RTM_DELLINK, if_nametoindex('ka')), port)
      }
      silent(kq)
      ip('link set ka down')
      assert.equal(notes(kq), DOWN)
    })

    it('wakes who waits from the event loop', async () => {
      const kq = watching('ka')
      const waiting = kq.wait()
      const child = spawn('ip', ['link', 'set', 'ka', 'down'], { stdio: 'ignore' })
      assert.equal((await waiting)[0]!.fflags, DOWN)
      await exited(child)
    })

    it('is told to each queue and thread', async () => {
      const kq = watching('ka')
      const change = EV_SET(if_nametoindex('ka'), EVFILT_NETDEV, EV_ADD, NOTE_LINKDOWN)
      const worker = start(workers('blocks', [change]))
      await message(worker)
      ip('link set ka down')
      assert.equal((await message<Kevent[]>(worker))[0]?.fflags, DOWN)
      assert.equal(notes(kq), DOWN)
      await ended(worker)
    })
  })

  describe('All interfaces', () => {
    it('are those that there are, and those that come', () => {
      const kq = watching()
      ip('link set lo up')
      assert.equal(notes(kq), UP)
      ip('link add kc type veth peer name kd')
      assert.equal(notes(kq), DOWN)
      ip('link set kd up')
      silent(kq)
      ip('link set kc up')
      assert.equal(notes(kq), UP)
      ip('link delete kc')
      // The two ends go one after the other, and one without the other is down.
      while ((notes(kq) & NOTE_LINKINV) === 0);
      ip('link set lo down')
      while ((notes(kq) & DOWN) === 0);
    })
  })

  describe('When more happens than the kernel keeps', () => {
    /** So many messages that some are dropped. */
    function flood(): void {
      const lines = Array.from({ length: 4000 }, (_, i) => `link set lo mtu ${1500 + (i % 2)}\n`)
      const { status, stderr } = spawnSync('ip', ['-batch', '-'], {
        input: lines.join(''),
        ...BOUNDED,
      })
      assert.equal(status, 0, String(stderr))
    }

    it('what is different is reported', () => {
      const kq = watching('ka')
      flood()
      ip('link set ka down')
      flood()
      assert.equal(notes(kq), DOWN)
      silent(kq)
    })

    it('an interface that is gone is reported', () => {
      const kq = watching('ka')
      flood()
      ip('link delete ka')
      assert.ok(kq.kevent([], 8, LONG)[0]!.flags & EV_EOF)
    })

    it('what may have happened in between is reported', () => {
      const kq = watching('ka')
      const loopback = watching('lo')
      flood()
      ip('link set ka down')
      ip('link set ka up')
      assert.equal(notes(kq), UP | DOWN)
      silent(kq)
      // Nothing has: it is down all the time.
      assert.equal(notes(loopback), UP | DOWN)
      ip('link set ka down')
      assert.equal(notes(kq), DOWN)
      silent(loopback)
    })
  })

  describe('Descriptors', () => {
    it('are two a thread, from the first event to the last', () => {
      const [kq, other] = [queue(), queue()]
      const before = descriptors()
      kq.kevent([watch(0), watch(if_nametoindex('ka'))])
      other.kevent([watch(if_nametoindex('ka'))])
      assert.equal(descriptors(), before + 2)
      kq.kevent([EV_SET(0, EVFILT_NETDEV, EV_DELETE)])
      kq.close()
      assert.equal(descriptors(), before + 1)
      ip('link delete ka')
      other.kevent([], 1, LONG)
      assert.equal(descriptors(), before - 1)
    })

    it('are not left by a refused one', () => {
      const kq = queue()
      const before = descriptors()
      for (const index of [-1, 999_999, 2 ** 31, 2 ** 40]) {
        assert.throws(() => kq.kevent([watch(index)]), { code: 'ENXIO' })
      }
      assert.ok(descriptors() <= before)
    })

    itLeavesNoDescriptors(0, EVFILT_NETDEV)
  })

  describe('Names', () => {
    it('are those of the system', () => {
      const index = if_nametoindex('ka')
      assert.match(ip('-o link show ka'), new RegExp(`^${index}: ka@`))
      assert.equal(if_indextoname(index), 'ka')
    })

    it('that there are not are ENXIO, and what is no name a TypeError', () => {
      for (const name of ['', 'nobody', 'ka\0', 'a-name-that-is-too-long-by-far', '../ka']) {
        assert.throws(() => if_nametoindex(name), { code: 'ENXIO' })
      }
      for (const index of [0, -1, 1.5, Number.NaN, 2 ** 40, 999_999]) {
        assert.throws(() => if_indextoname(index), { code: 'ENXIO' })
      }
      const wrong = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }
      assert.throws(() => if_nametoindex(1 as never), wrong)
      assert.throws(() => if_indextoname('a' as never), wrong)
    })
  })
})

/** struct nlmsghdr and struct ifinfomsg of rtnetlink(7). */
function linkMessage(type: number, index: number): Uint8Array {
  const words = new Uint32Array(8)
  words[0] = words.byteLength
  words[1] = type
  words[5] = index
  return new Uint8Array(words.buffer)
}

/** The netlink ports of this process for routing. */
function ownPorts(): number[] {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  })
  const lines = readFileSync('/proc/net/netlink', 'latin1').trim().split('\n').slice(1)
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter((field) => field[1] === '0' && links.includes(`socket:[${field[9]}]`))
    .map((field) => Number(field[2]))
}

function own(): string {
  return command('readlink', '/proc/self/ns/net')
}
