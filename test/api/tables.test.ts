/** What there is now: mounts, interfaces and processes, on Linux and on the simulated kernel. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { if_nameindex, kinfo_getallproc, kinfo_getproc, type MountInfo } from 'kqueue'
import { exited, spawn } from '../patience.js'
import { linux } from '../scenarios/linux.js'
import { sim } from '../scenarios/sim.js'
import type { Awaiting, Capability, World } from '../scenarios/world.js'

type Program = (world: World & Awaiting) => Promise<void>

function onBoth(title: string, program: Program, needs?: Capability): void {
  for (const kind of [linux, sim]) {
    const skip = needs !== undefined && !kind.has(needs) && `no ${needs}`
    it(`${title}, on ${kind.name}`, { skip }, () => kind.start!(program))
  }
}

describe('getmntinfo', () => {
  const mountedAt = (world: Awaiting, name: string): MountInfo[] => {
    const place = join('/', world.path(name))
    return world.calls.getmntinfo().filter(({ path }) => path === place)
  }

  onBoth(
    'tells what is mounted and where',
    async (world) => {
      world.tree!.mkdir('a')
      assert.ok(world.calls.getmntinfo().some(({ path }) => path === '/'))
      assert.deepEqual(mountedAt(world, 'a'), [])
      world.mounts!.mount('a')
      const [mount] = mountedAt(world, 'a')
      assert.ok(mount !== undefined && mount.type !== '' && mount.source !== '')
      world.mounts!.unmount('a')
      assert.deepEqual(mountedAt(world, 'a'), [])
    },
    'mount',
  )

  onBoth(
    'gives each a number of its own, in the order in which they were mounted',
    async (world) => {
      world.tree!.mkdir('a')
      world.tree!.mkdir('b')
      world.mounts!.mount('a')
      const [first] = mountedAt(world, 'a')
      world.mounts!.mount('b')
      const [second] = mountedAt(world, 'b')
      const ids = world.calls.getmntinfo().map(({ id }) => id)
      assert.equal(new Set(ids).size, ids.length)
      assert.ok(ids.indexOf(first!.id) < ids.indexOf(second!.id))
      assert.ok(ids.includes(first!.id))
    },
    'mount',
  )

  onBoth(
    'has names of any characters',
    async (world) => {
      const name = 'a b\t\\040ü#'
      world.tree!.mkdir(name)
      world.mounts!.mount(name)
      assert.equal(mountedAt(world, name).length, 1)
    },
    'mount',
  )
})

describe('if_nameindex', () => {
  onBoth(
    'tells an interface with its name and its link',
    async ({ calls, network }) => {
      const { ifindex } = network!
      const own = () => calls.if_nameindex().find(({ index }) => index === ifindex)
      assert.deepEqual(own(), { index: ifindex, name: calls.if_indextoname(ifindex), up: false })
      network!.link('up')
      assert.equal(own()?.up, true)
      network!.link('down')
      assert.equal(own()?.up, false)
    },
    'network',
  )

  onBoth('agrees with if_nametoindex', async ({ calls }) => {
    for (const { name, index } of calls.if_nameindex()) {
      assert.equal(calls.if_nametoindex(name), index)
    }
  })

  it('is the table of the system', () => {
    assert.ok(if_nameindex().some(({ name }) => name === 'lo'))
  })
})

describe('kinfo_getproc', () => {
  onBoth('tells a process from its birth until it was waited for', async (world) => {
    const { calls, processes } = world
    const child = processes.spawn()
    const born = calls.kinfo_getproc(child.pid)
    assert.deepEqual([born.pid, born.ppid, born.zombie], [child.pid, processes.pid, false])
    const exit = calls.processExit(child.pid)
    child.exit(3)
    await exit
    assert.deepEqual(calls.kinfo_getproc(child.pid), { ...born, zombie: true, tpgid: -1 })
    assert.equal(processes.waitpid(child.pid), 0x300)
    assert.throws(() => calls.kinfo_getproc(child.pid), {
      code: 'ESRCH',
      syscall: 'kinfo_getproc',
    })
  })

  onBoth('tells who was born later', async (world) => {
    const { calls, processes } = world
    const first = processes.spawn()
    // A tick of the clock in which Linux counts.
    world.sleep(20)
    const second = processes.spawn()
    const [a, b] = [first, second].map(({ pid }) => calls.kinfo_getproc(pid))
    assert.ok(a!.start < b!.start, `${a!.start} ${b!.start}`)
    assert.equal(calls.kinfo_getproc(first.pid).start, a!.start)
  })

  onBoth(
    'is ESRCH for what is no process, and a TypeError for what is no number',
    async (world) => {
      const { kinfo_getproc } = world.calls
      for (const pid of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, 0x7ffffff0]) {
        assert.throws(() => kinfo_getproc(pid), { code: 'ESRCH' }, `${pid}`)
      }
      for (const pid of ['1', 1n, undefined, null]) {
        assert.throws(() => kinfo_getproc(pid as never), { code: 'ERR_INVALID_ARG_TYPE' })
      }
    },
  )

  it('is ESRCH for a thread, which Linux numbers as it does processes', () => {
    const threads = readdirSync('/proc/self/task').map(Number)
    const others = threads.filter((thread) => thread !== process.pid)
    assert.ok(others.length > 0)
    for (const thread of others) assert.throws(() => kinfo_getproc(thread), { code: 'ESRCH' })
    assert.ok(!kinfo_getallproc().some(({ pid }) => others.includes(pid)))
  })

  it('tells group and session', async () => {
    const own = kinfo_getproc(process.pid)
    const here = spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore'] })
    const apart = spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    const { pgid, sid } = kinfo_getproc(here.pid!)
    assert.deepEqual([pgid, sid], [own.pgid, own.sid])
    const leader = kinfo_getproc(apart.pid!)
    assert.deepEqual([leader.pgid, leader.sid, leader.tpgid], [apart.pid, apart.pid, -1])
    for (const child of [here, apart]) child.stdin!.end()
    await Promise.all([here, apart].map(exited))
  })
})

describe('kinfo_getallproc', () => {
  onBoth('has each process once, zombies too', async ({ calls, processes }) => {
    const child = processes.spawn()
    const grandchild = child.fork()
    const dead = processes.spawn()
    const exit = calls.processExit(dead.pid)
    dead.exit(0)
    await exit
    const all = calls.kinfo_getallproc()
    const pids = all.map(({ pid }) => pid)
    assert.equal(new Set(pids).size, pids.length)
    for (const { pid } of [processes, child, grandchild, dead]) {
      assert.deepEqual(
        all.find((info) => info.pid === pid),
        calls.kinfo_getproc(pid),
      )
    }
    assert.equal(calls.kinfo_getproc(grandchild.pid).ppid, child.pid)
    assert.equal(calls.kinfo_getproc(dead.pid).zombie, true)
  })
})
