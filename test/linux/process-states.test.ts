/**
 * The states of a watched process, each transition with pidfds that say what a test has
 * them say, and a connector for which the test speaks.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EV_ADD,
  EV_DELETE,
  EV_SET,
  EVFILT_PROC,
  type Kevent,
  type Kqueue,
  NOTE_CHILD,
  NOTE_EXIT,
  NOTE_FORK,
  NOTE_REAP,
  NOTE_TRACK,
  NOTE_TRACKERR,
} from 'kqueue/core'
import { boardOf } from '#linux/hub/board.js'
import type { Native } from '#linux/hub/native.js'
import { BOARD_FD, PROCESS_EXITED, PROCESS_REAPED, PROCESS_RUNNING } from '#linux/hub/native.js'
import { linuxProcFilter } from '#linux/process/filters.js'
import type { LinuxProcess } from '#linux/process/process.js'
import { ProcessTable } from '#linux/process/table.js'
import { kevent, TinyKernel } from '../core/tiny.js'

const PARENT = 1000
/** A number that nobody has: /proc knows nothing of it. */
const CHILD = 0x7ffffff0
/** More descriptors than a process may have: /proc knows nothing of those, either. */
const FIRST_FD = 0x7fff0000
const LATER = Number.MAX_SAFE_INTEGER
const ENODATA = 61
const ESRCH = 3
const PATIENCE = 100e6
const UNKNOWN = -1

class FakeKernel extends TinyKernel {
  /** By descriptor: what the pidfd says, and how the process ended. */
  readonly states = new Map<number, number>()
  readonly statuses = new Map<number, number>()
  readonly sources = new Map<number, () => void>()
  readonly absent = new Set<number>()
  #fd = FIRST_FD

  readonly native: Partial<Native> = {
    boardShare: () => 0,
    pidfdOpen: () => {
      const pid = boardOf(this.native as Native)[BOARD_FD]!
      return this.absent.has(pid) ? -ESRCH : this.pidfd()
    },
    pidfdState: (fd) => this.states.get(fd) ?? assert.fail(`${fd} is closed`),
    pidfdStatus: (fd) => this.statuses.get(fd) ?? -ENODATA,
    pidfdTellsReap: () => 1,
    suspended: () => 0,
    epoch: () => process.hrtime.bigint(),
    monotonic: () => 0,
    connectorOpen: () => FIRST_FD,
    connectorRead: () => 0,
    connectorClose: () => 0,
    close: (fd) => {
      assert.ok(this.states.delete(fd), `${fd} is closed twice`)
      return 0
    },
  }

  /** A new one. */
  pidfd(): number {
    this.states.set(++this.#fd, PROCESS_RUNNING)
    return this.#fd
  }

  adopt(fd: number, ready: () => void): void {
    this.sources.set(fd, ready)
  }

  disown(fd: number): void {
    assert.ok(this.sources.delete(fd))
  }
}

class World {
  readonly kernel = new FakeKernel()
  readonly table = new ProcessTable(
    this.kernel as unknown as ConstructorParameters<typeof ProcessTable>[0],
  )
  readonly kq: Kqueue = this.kernel.kqueue()

  constructor() {
    this.kernel.filters.install(EVFILT_PROC, linuxProcFilter(this.table))
  }

  watch(pid: number, notes: number): LinuxProcess {
    assert.deepEqual(kevent(this.kq, [EV_SET(pid, EVFILT_PROC, EV_ADD, notes)]), [])
    return this.find(pid)
  }

  find(pid: number): LinuxProcess {
    return this.kq.find(pid, EVFILT_PROC)?.hook as LinuxProcess
  }

  forget(pid: number): void {
    if (this.find(pid) !== undefined) kevent(this.kq, [EV_SET(pid, EVFILT_PROC, EV_DELETE)])
  }

  /** The pidfd opened last fires. */
  pidfd(state: number, status?: number): void {
    const fd = [...this.kernel.states.keys()].at(-1)!
    this.kernel.states.set(fd, state)
    if (status !== undefined) this.kernel.statuses.set(fd, status)
    this.kernel.sources.get(fd)!()
  }

  /** What is reported of a process, without NOTE_CHILD. */
  reported(pid: number): { notes: number; data: number }[] {
    return kevent(this.kq, [], 64)
      .filter((kev: Kevent) => kev.ident === pid && (kev.fflags & NOTE_CHILD) === 0)
      .map(({ fflags, data }) => ({ notes: fflags, data }))
  }
}

/** A child in a state, whose parent is followed. */
const CHILDREN = {
  /** It was born, and its number is nobody's any more. */
  bare(w: World): LinuxProcess {
    w.kernel.absent.add(CHILD)
    w.watch(PARENT, NOTE_TRACK | NOTE_EXIT)
    w.table.forked(PARENT, CHILD, LATER)
    return w.find(CHILD)
  },

  running(w: World): LinuxProcess {
    return w.watch(CHILD, NOTE_EXIT | NOTE_REAP)
  },

  /** It was found by its number before the connector told of its birth. */
  counted(w: World): LinuxProcess {
    const child = w.watch(CHILD, NOTE_EXIT | NOTE_REAP | NOTE_FORK)
    child.born(0)
    return child
  },

  unsaid(w: World): LinuxProcess {
    const child = w.watch(CHILD, NOTE_EXIT | NOTE_REAP | NOTE_FORK)
    w.pidfd(PROCESS_EXITED)
    return child
  },

  awaited(w: World): LinuxProcess {
    const child = CHILDREN.counted(w)
    w.pidfd(PROCESS_EXITED)
    return child
  },

  exited(w: World): LinuxProcess {
    const child = CHILDREN.running(w)
    w.pidfd(PROCESS_EXITED, 256)
    return child
  },
}

type Name = keyof typeof CHILDREN | 'released'

/** A transition: what makes it, and what is reported. */
function moves(
  from: keyof typeof CHILDREN,
  to: Name,
  why: string,
  act: (w: World, child: LinuxProcess) => void,
  reports: { notes: number; data: number }[] = [],
): void {
  it(`${from} is ${to} when ${why}`, () => {
    const w = new World()
    const child = CHILDREN[from](w)
    assert.equal(child.state, from)
    if (from === 'exited') w.reported(CHILD)
    act(w, child)
    assert.equal(child.state, to)
    assert.deepEqual(w.reported(CHILD), reports)
    // Who watches no more keeps nothing open, and nothing set.
    for (const pid of [CHILD, PARENT]) w.forget(pid)
    assert.equal(child.state, 'released')
    assert.equal(w.kernel.states.size, 0)
    assert.equal(w.kernel.sources.size, 0)
    assert.equal(w.kernel.callouts.size, 0)
  })
}

const exit = (data: number) => [{ notes: NOTE_EXIT, data }]
const end = (data: number) => [{ notes: (NOTE_EXIT | NOTE_REAP) >>> 0, data }]

describe('a process without a pidfd', () => {
  moves('bare', 'released', 'its last thread ends', (_, p) => p.ended(512), exit(512))
  moves('bare', 'bare', 'one of several threads ends', (_, p) => {
    p.threaded()
    p.ended(512)
  })
  moves('bare', 'running', 'records are lost and its number is still its own', (w, p) => {
    const fd = w.kernel.pidfd()
    w.kernel.sources.set(fd, () => p.look())
    p.recovered(fd)
  })
  moves(
    'bare',
    'released',
    'records are lost and it is not there',
    (w) => w.table.missed(),
    exit(UNKNOWN),
  )
  moves(
    'bare',
    'released',
    'its number has a new owner',
    (_, p) => assert.equal(p.succeeded(), 1),
    exit(UNKNOWN),
  )
})

describe('a process whose pidfd tells its end', () => {
  moves('running', 'counted', 'the connector tells of its birth', (w, p) => {
    w.watch(CHILD, NOTE_EXIT | NOTE_FORK)
    p.born(0)
  })
  moves(
    'running',
    'exited',
    'it has exited and the kernel says how',
    (w) => w.pidfd(PROCESS_EXITED, 256),
    exit(256),
  )
  moves('running', 'unsaid', 'it has exited and nobody says how', (w) => w.pidfd(PROCESS_EXITED))
  moves('running', 'released', 'it was reaped', (w) => w.pidfd(PROCESS_REAPED, 256), end(256))
  moves(
    'running',
    'released',
    'it was reaped and nobody says how',
    (w) => w.pidfd(PROCESS_REAPED),
    end(UNKNOWN),
  )
  moves('running', 'running', 'one of its threads ends', (_, p) => p.ended(9))
  moves('running', 'released', 'nobody watches it', (w) => w.forget(CHILD))
})

describe('a process whose end the connector tells', () => {
  moves('counted', 'awaited', 'its pidfd fires first', (w) => w.pidfd(PROCESS_EXITED, 256))
  moves('counted', 'running', 'nobody asks for what only the connector knows', (w) => {
    w.watch(CHILD, NOTE_EXIT)
  })
  moves('counted', 'running', 'records are lost', (w) => w.table.missed(), [
    { notes: NOTE_TRACKERR, data: 0 },
  ])
  moves(
    'counted',
    'exited',
    'its last thread ends',
    (w, p) => {
      w.kernel.states.set([...w.kernel.states.keys()].at(-1)!, PROCESS_EXITED)
      p.ended(768)
    },
    exit(768),
  )
  moves(
    'counted',
    'released',
    'its last thread ends and its pidfd runs on',
    (_, p) => p.ended(768),
    end(768),
  )
  moves('counted', 'counted', 'a thread of a former owner of its number ends', (_, p) => {
    p.born(1)
    p.ended(9)
  })
  moves(
    'counted',
    'released',
    'its number has a new owner',
    (_, p) => assert.equal(p.succeeded(), 1),
    end(UNKNOWN),
  )
})

describe('a process of which the connector is to tell how it has exited', () => {
  moves('awaited', 'exited', 'its last thread ends', (_, p) => p.ended(1024), exit(1024))
  moves('awaited', 'unsaid', 'nobody asks for what only the connector knows', (w) => {
    w.watch(CHILD, NOTE_EXIT)
  })
  moves('awaited', 'unsaid', 'patience is over', (w) => w.kernel.advance(PATIENCE))
  moves(
    'awaited',
    'exited',
    'patience is over twice',
    (w) => w.kernel.advance(2 * PATIENCE),
    exit(UNKNOWN),
  )
  moves(
    'awaited',
    'exited',
    'records are lost and the kernel says how',
    (w) => {
      w.kernel.statuses.set([...w.kernel.states.keys()].at(-1)!, 5)
      w.table.missed()
    },
    [{ notes: (NOTE_EXIT | NOTE_TRACKERR) >>> 0, data: 5 }],
  )
})

describe('a process that has exited, nobody says how', () => {
  moves('unsaid', 'awaited', 'the connector tells of its birth', (_, p) => p.born(0))
  moves(
    'unsaid',
    'exited',
    'the connector tells the end of a thread',
    (_, p) => p.ended(1280),
    exit(1280),
  )
  moves('unsaid', 'exited', 'patience is over', (w) => w.kernel.advance(PATIENCE), exit(UNKNOWN))
  moves('unsaid', 'unsaid', 'patience is not over', (w) => w.kernel.advance(PATIENCE - 1))
  moves(
    'unsaid',
    'released',
    'it is reaped and the kernel says how',
    (w) => w.pidfd(PROCESS_REAPED, 6),
    end(6),
  )
})

describe('a process whose exit was told', () => {
  moves('exited', 'released', 'it is reaped', (w) => w.pidfd(PROCESS_REAPED), [
    { notes: NOTE_REAP, data: 0 },
  ])
  moves('exited', 'exited', 'the connector is late', (_, p) => p.ended(9))
  moves(
    'exited',
    'released',
    'its number has a new owner',
    (_, p) => assert.equal(p.succeeded(), 0),
    [{ notes: NOTE_REAP, data: 0 }],
  )
})

it('the connector is asked only of those who have not exited', () => {
  const w = new World()
  CHILDREN.awaited(w)
  assert.ok(w.kernel.sources.has(FIRST_FD))
  w.find(CHILD).ended(0)
  assert.ok(!w.kernel.sources.has(FIRST_FD))
})

it('what the picture does not have is refused', () => {
  const child = CHILDREN.exited(new World())
  assert.throws(() => child.recovered(FIRST_FD), /cannot become running: it is exited/)
})
