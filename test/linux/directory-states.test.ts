/**
 * The states of a watched directory, each transition with records that a test makes up, and
 * a kernel that says of the directory what the test has it say.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Knlist, NOTE_DELETE, NOTE_EXTEND, NOTE_LINK, NOTE_RENAME, NOTE_WRITE } from 'kqueue/core'
import {
  IN_CREATE,
  IN_DELETE,
  IN_ISDIR,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
} from '#linux/hub/inotify.js'
import { STAT_FIELDS, STAT_LINKS } from '#linux/hub/native.js'
import { type DirectoryOwner, DirectoryVnode } from '#linux/vnode/directory.js'
import type { VnodeWatcher } from '#linux/vnode/vnode.js'

const EACCES = 13
const ENOSPC = 28
const ABOVE = 1
const ALL = (NOTE_DELETE | NOTE_EXTEND | NOTE_LINK | NOTE_RENAME | NOTE_WRITE) >>> 0

/** Notes are told to the test. */
class Notes extends Knlist implements VnodeWatcher {
  readonly fd = 3
  readonly told: number[] = []

  same(): boolean {
    return true
  }

  current(): boolean {
    return true
  }

  override note(notes: number): void {
    this.told.push(notes >>> 0)
  }
}

class World {
  readonly statistics = new Float64Array(STAT_FIELDS)
  /** What is above, or a negative errno. */
  aboveIs: DirectoryVnode | number = -EACCES
  barriers = 0
  /** Those above of which less is wanted. */
  readonly narrowed: number[] = []
  readonly owner = {
    hub: {
      statistics: this.statistics,
      native: {
        directoryBarrier: () => {
          this.barriers++
          return 0
        },
      },
    },
    unseen: new Set<DirectoryVnode>(),
    above: () => this.aboveIs,
    narrow: (vnode: DirectoryVnode) => {
      if (vnode !== this.directory) this.narrowed.push(vnode.wd)
    },
  }
  readonly above = this.make(ABOVE)
  readonly directory = this.make(2)
  readonly list = new Notes()

  constructor() {
    this.statistics[STAT_LINKS] = 2
    this.directory.watchers.add(this.list)
  }

  make(wd: number): DirectoryVnode {
    return new DirectoryVnode(this.owner as unknown as DirectoryOwner, wd)
  }

  /** Asks for notes, as the table does: an errno. */
  ask(notes: number): number {
    this.directory.asked |= notes
    this.directory.remember()
    return this.directory.prepare(3)
  }

  take(...masks: number[]): void {
    for (const mask of masks) this.directory.take(mask, 7, true)
  }

  /** What is told of the records. */
  flush(): number[] {
    this.directory.flush()
    return this.list.told.splice(0)
  }

  /** What has to be so in each state. */
  check(state: DirectoryVnode['removal']): void {
    assert.equal(this.directory.removal, state)
    assert.equal(this.owner.unseen.has(this.directory), state === 'unseen')
    assert.equal(this.above.idle, state !== 'followed')
    assert.deepEqual(
      this.narrowed.splice(0),
      this.wasFollowed && state !== 'followed' ? [ABOVE] : [],
    )
    this.wasFollowed = state === 'followed'
  }

  wasFollowed = false
}

/** A directory in a state. */
const STATES = {
  alone(_: World) {},

  followed(w: World) {
    w.aboveIs = w.above
    assert.equal(w.ask(ALL), 0)
  },

  unseen(w: World) {
    assert.equal(w.ask(ALL), 0)
  },

  rooted(w: World) {
    w.aboveIs = w.directory
    assert.equal(w.ask(ALL), 0)
  },

  removed(w: World) {
    STATES.followed(w)
    w.check('followed')
    w.statistics[STAT_LINKS] = 0
    w.directory.look()
    w.list.told.length = 0
  },
}

function moves(
  from: keyof typeof STATES,
  to: keyof typeof STATES,
  why: string,
  act: (w: World) => void,
  told: number[] = [],
): void {
  it(`${from} is ${to} when ${why}`, () => {
    const w = new World()
    STATES[from](w)
    w.check(from)
    act(w)
    w.check(to)
    assert.deepEqual(w.list.told, told)
  })
}

/** It was moved to another place. */
function moved(w: World): void {
  w.directory.take(IN_MOVE_SELF, 0, false)
  w.directory.flush()
}

function removed(w: World): void {
  w.statistics[STAT_LINKS] = 0
  assert.equal(w.directory.look(), true)
}

function unasked(w: World): void {
  // Of the list of no knotes: nothing is asked for.
  w.directory.reckon()
}

describe('who tells of the removal of a directory', () => {
  moves('alone', 'alone', 'other notes are asked for', (w) => assert.equal(w.ask(NOTE_WRITE), 0))
  moves('alone', 'followed', 'NOTE_DELETE is asked for', STATES.followed)
  moves('alone', 'unseen', 'the directory above may not be read', STATES.unseen)
  moves('alone', 'rooted', 'it is the root', STATES.rooted)
  moves('alone', 'removed', 'it was removed before', (w) => {
    w.statistics[STAT_LINKS] = 0
    assert.equal(w.ask(ALL), 0)
  })
  moves('alone', 'alone', 'the directory above cannot be watched, which is taken back', (w) => {
    w.aboveIs = -ENOSPC
    assert.equal(w.ask(ALL), ENOSPC)
    unasked(w)
  })
  for (const state of ['followed', 'unseen', 'rooted'] as const) {
    moves(state, 'alone', 'NOTE_DELETE is asked for no longer', unasked)
    moves(state, 'removed', 'it is seen to be gone', removed, [NOTE_DELETE])
    moves(state, state, 'it is there still', (w) => assert.equal(w.directory.look(), false))
    moves(state, 'alone', 'inotify watches it no longer', (w) => w.directory.closed())
  }
  moves('followed', 'alone', 'the directory above has ended', (w) => {
    w.above.ended()
    // Of which nothing is wanted any more in any case.
    w.narrowed.push(ABOVE)
  })
  moves('followed', 'followed', 'it was moved within the directory above', moved, [NOTE_RENAME])
  moves(
    'followed',
    'unseen',
    'it was moved to where nobody may look',
    (w) => {
      w.aboveIs = -EACCES
      moved(w)
    },
    [NOTE_RENAME],
  )
  moves(
    'unseen',
    'followed',
    'it was moved to where it can be seen',
    (w) => {
      w.aboveIs = w.above
      moved(w)
    },
    [NOTE_RENAME],
  )
  moves(
    'followed',
    'removed',
    'a record of the directory above says that one is removed',
    (w) => {
      w.statistics[STAT_LINKS] = 0
      w.above.take(IN_DELETE | IN_ISDIR, 0, true)
      w.above.flush()
    },
    [NOTE_DELETE],
  )
  moves('unseen', 'followed', 'records were lost', (w) => {
    w.aboveIs = w.above
    w.directory.lost()
    w.list.told.length = 0
  })
  moves('removed', 'removed', 'it is looked at again', (w) =>
    assert.equal(w.directory.look(), false),
  )
  moves('removed', 'removed', 'NOTE_DELETE is asked for no longer', unasked)
  moves('removed', 'removed', 'records were lost', (w) => {
    w.directory.lost()
    w.list.told.length = 0
  })

  it('one that is followed by another goes on to that one', () => {
    const w = new World()
    STATES.followed(w)
    const other = w.make(4)
    w.aboveIs = other
    moved(w)
    assert.deepEqual([w.above.idle, other.idle], [true, false])
    assert.deepEqual(w.narrowed, [ABOVE])
  })
})

describe('the move of an entry', () => {
  const OUT = (NOTE_WRITE | NOTE_EXTEND) >>> 0
  const DIRECTORY_OUT = [(OUT | NOTE_LINK) >>> 0, NOTE_WRITE]

  /** A world in which all is asked for, after records. */
  function after(...masks: number[]): World {
    const w = new World()
    STATES.followed(w)
    w.take(...masks)
    return w
  }

  it('is waited for once when it has left', () => {
    const w = after(IN_MOVED_FROM)
    assert.deepEqual([w.directory.wait(), w.directory.wait(), w.barriers], [true, false, 1])
    assert.deepEqual(w.flush(), [OUT])
  })

  it('is waited for again when another leaves', () => {
    const w = after(IN_MOVED_FROM)
    w.directory.wait()
    w.directory.take(IN_MOVED_FROM, 8, true)
    assert.deepEqual([w.directory.wait(), w.barriers], [true, 2])
  })

  it('is not waited for when nothing has left, or all has come back', () => {
    for (const masks of [[IN_CREATE], [IN_MOVED_TO], [IN_MOVED_FROM, IN_MOVED_TO]]) {
      const w = after(...masks)
      assert.deepEqual([w.directory.wait(), w.barriers], [false, 0])
    }
  })

  for (const [name, waits] of [
    ['has left', false],
    ['is awaited', true],
  ] as const) {
    it(`is a rename when it ${name} and comes back`, () => {
      const w = after(IN_MOVED_FROM | IN_ISDIR)
      if (waits) w.directory.wait()
      w.take(IN_MOVED_TO | IN_ISDIR)
      assert.deepEqual(w.flush(), [NOTE_WRITE])
    })

    it(`is out when it ${name} and the records are told`, () => {
      const w = after(IN_MOVED_FROM | IN_ISDIR)
      if (waits) w.directory.wait()
      assert.deepEqual(w.flush(), DIRECTORY_OUT)
      w.take(IN_CREATE)
      assert.deepEqual(w.flush(), [NOTE_WRITE])
    })

    it(`is out when it ${name} and another leaves and comes back`, () => {
      const w = after(IN_MOVED_FROM | IN_ISDIR)
      if (waits) w.directory.wait()
      for (const mask of [IN_MOVED_FROM, IN_MOVED_TO]) w.directory.take(mask, 8, true)
      assert.deepEqual(w.flush(), DIRECTORY_OUT)
    })

    it(`is forgotten when it ${name} and records were lost`, () => {
      const w = after(IN_MOVED_FROM | IN_ISDIR)
      if (waits) w.directory.wait()
      w.directory.lost()
      w.list.told.length = 0
      assert.deepEqual(w.flush(), [])
    })
  }
})
