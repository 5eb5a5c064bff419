/** Numbers of each system with a kqueue of its own, there and back. */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { describe, it } from 'node:test'
import * as ours from 'kqueue/core'
import { ourErrno, type Translated, Translation } from '#bsd/translation.js'
import { fit, type Numbers, VOCABULARIES, type Vocabulary } from '#bsd/vocabularies.js'

const named = ours as unknown as Numbers
const systems = [...VOCABULARIES.values()]
const { EV_ADD, EVFILT_TIMER } = ours

function out(translation: Translation, filter: number, flags: number, fflags = 0): Translated {
  const into = { filter: 0, flags: 0, fflags: 0 }
  translation.out(filter, flags, fflags, into)
  return into
}

/** The headers that a table was made of. */
function headerOf(table: Vocabulary): Record<string, number> {
  const notes = Object.values(table.notes)
  return Object.assign({}, table.filters, table.flags, ...notes, table.units)
}

const byName = (name: string) => VOCABULARIES.get(name)!

describe('the numbers of each system', () => {
  it('are those of its headers', () => {
    const rows: [string, keyof Vocabulary, Numbers][] = [
      ['darwin', 'filters', { EVFILT_FS: -9, EVFILT_USER: -10, EVFILT_EXCEPT: -15 }],
      ['freebsd', 'filters', { EVFILT_PROCDESC: -8, EVFILT_USER: -11, EVFILT_EMPTY: -13 }],
      ['netbsd', 'filters', { EVFILT_READ: 0, EVFILT_TIMER: 6, EVFILT_USER: 8, EVFILT_EMPTY: 9 }],
      ['openbsd', 'filters', { EVFILT_EXCEPT: -9, EVFILT_USER: -10 }],
      ['darwin', 'units', { NOTE_SECONDS: 1, NOTE_USECONDS: 2, NOTE_NSECONDS: 4, NOTE_ABSTIME: 8 }],
      ['netbsd', 'units', { NOTE_SECONDS: 1, NOTE_USECONDS: 2, NOTE_NSECONDS: 3 }],
      ['openbsd', 'units', { NOTE_SECONDS: 1, NOTE_USECONDS: 2, NOTE_NSECONDS: 3 }],
    ]
    for (const [system, field, numbers] of rows) {
      const table = byName(system)[field] as Numbers
      for (const [name, number] of Object.entries(numbers)) {
        assert.equal(table[name], number, `${system}: ${name}`)
      }
    }
    assert.deepEqual(byName('freebsd').units, {
      NOTE_SECONDS: ours.NOTE_SECONDS,
      NOTE_MSECONDS: ours.NOTE_MSECONDS,
      NOTE_USECONDS: ours.NOTE_USECONDS,
      NOTE_NSECONDS: ours.NOTE_NSECONDS,
      NOTE_ABSTIME: ours.NOTE_ABSTIME,
    })
    assert.equal(byName('openbsd').notes.EVFILT_EXCEPT!.NOTE_OOB, 4)
  })

  for (const table of systems) {
    it(`of ${table.system} have names that programs know, and none twice`, () => {
      for (const name of Object.keys(headerOf(table))) assert.ok(name in named, name)
      const groups = [table.filters, table.flags, table.units, ...Object.values(table.notes)]
      for (const group of groups) {
        const numbers = Object.values(group)
        assert.equal(new Set(numbers).size, numbers.length)
      }
    })
  }
})

for (const table of systems) {
  describe(`translation for ${table.system}`, () => {
    const translation = new Translation(table)

    it('brings each filter there and back', () => {
      for (const [name, number] of Object.entries(table.filters)) {
        assert.ok(translation.has(named[name]!))
        assert.equal(out(translation, named[name]!, EV_ADD).filter, number, name)
        assert.equal(translation.in(number, 0, 0).filter, named[name], name)
      }
    })

    it('brings each flag there and back', () => {
      const { EV_EOF, EV_ERROR, ...given } = table.flags
      for (const [name, number] of Object.entries(given)) {
        assert.equal(out(translation, EVFILT_TIMER, named[name]!).flags, number, name)
        assert.equal(translation.in(table.filters.EVFILT_TIMER!, number, 0).flags, named[name])
      }
      const all = Object.values(given).reduce((mask, number) => mask | number, 0)
      const back = translation.in(table.filters.EVFILT_TIMER!, all | EV_EOF! | EV_ERROR!, 0)
      const wanted = Object.keys(table.flags).reduce((mask, name) => mask | named[name]!, 0)
      assert.equal(back.flags, wanted)
    })

    it('keeps to itself what the kernel does not do, and what is its own', () => {
      const { EV_KEEPUDATA, EV_NOCPONFORK, EV_RECEIPT, EV_SYSFLAGS } = ours
      const flags = EV_ADD | EV_RECEIPT | EV_KEEPUDATA | EV_NOCPONFORK | EV_SYSFLAGS
      assert.equal(out(translation, EVFILT_TIMER, flags).flags, table.flags.EV_ADD)
    })

    it('brings each note there and back, alone and with all others', () => {
      for (const [filter, notes] of Object.entries(table.notes)) {
        const asked = Object.entries(notes).filter(
          ([name]) => name !== 'NOTE_TRACKERR' && name !== 'NOTE_CHILD',
        )
        let everyOne = 0
        let everyOther = 0
        for (const [name, number] of asked) {
          const there = out(translation, named[filter]!, EV_ADD, named[name]!)
          assert.equal(there.fflags, number, `${filter} ${name}`)
          everyOne = (everyOne | named[name]!) >>> 0
          everyOther = (everyOther | number) >>> 0
        }
        assert.equal(out(translation, named[filter]!, EV_ADD, everyOne).fflags, everyOther)
        for (const [name, number] of Object.entries(notes)) {
          const back = translation.in(table.filters[filter]!, 0, number)
          assert.equal(back.fflags, named[name], `${filter} ${name}`)
        }
      }
    })

    it('leaves all bits of user events, signals and file systems as they are', () => {
      const { EVFILT_FS, EVFILT_SIGNAL, EVFILT_USER, NOTE_FFOR, NOTE_TRIGGER } = ours
      const fflags = (NOTE_FFOR | NOTE_TRIGGER | 0xabcdef) >>> 0
      for (const filter of [EVFILT_USER, EVFILT_SIGNAL, EVFILT_FS]) {
        if (!translation.has(filter)) continue
        const there = out(translation, filter, 0, fflags)
        assert.equal(there.fflags, fflags)
        assert.equal(translation.in(there.filter, 0, fflags).fflags, fflags)
      }
    })

    it('brings each unit of timers there and back, with and without NOTE_ABSTIME', () => {
      const { NOTE_ABSTIME: absolute, ...units } = table.units
      for (const [name, number] of Object.entries(units)) {
        const there = out(translation, EVFILT_TIMER, EV_ADD, named[name])
        assert.equal(there.fflags, number, name)
        assert.equal(translation.in(there.filter, 0, number).fflags, named[name])
        const timed = out(translation, EVFILT_TIMER, EV_ADD, named[name]! | ours.NOTE_ABSTIME)
        assert.equal(timed.fflags, number | absolute!)
        const back = translation.in(there.filter, 0, timed.fflags).fflags
        assert.equal(back, named[name]! | ours.NOTE_ABSTIME)
      }
      const none = out(translation, EVFILT_TIMER, EV_ADD)
      assert.equal(none.fflags, units.NOTE_MSECONDS)
    })

    it('refuses two units, and what is no unit', () => {
      const { NOTE_NSECONDS, NOTE_SECONDS } = ours
      for (const fflags of [NOTE_SECONDS | NOTE_NSECONDS, 0x20, 0x80000000]) {
        const call = () => out(translation, EVFILT_TIMER, EV_ADD, fflags)
        assert.throws(call, { code: 'EINVAL' }, `${fflags}`)
      }
    })

    it('refuses filters that the system lacks, and says what would do', () => {
      const lacking = Object.keys(named).filter(
        (name) =>
          name.startsWith('EVFILT_') && !(name in table.filters) && name !== 'EVFILT_SENDFILE',
      )
      assert.ok(lacking.length > 2)
      for (const name of lacking) {
        assert.ok(!translation.has(named[name]!))
        assert.throws(() => out(translation, named[name]!, EV_ADD), {
          code: 'ENOTSUP',
          reason: new RegExp(`^${table.system} has no ${name}; \\w`),
        })
      }
    })

    it('refuses notes that the system lacks, and says what would do', () => {
      const { EVFILT_VNODE, NOTE_OPEN, NOTE_WRITE } = ours
      const opens = table.notes.EVFILT_VNODE!.NOTE_OPEN !== undefined
      const call = () => out(translation, EVFILT_VNODE, EV_ADD, NOTE_OPEN | NOTE_WRITE)
      if (opens) assert.equal(call().fflags, NOTE_OPEN | NOTE_WRITE)
      else assert.throws(call, { code: 'ENOTSUP', reason: /has no NOTE_OPEN; \w/ })
    })

    it('refuses numbers that are no filter', () => {
      for (const filter of [1, 8, 32767, -66, -14, -32768]) {
        if (table.filters.EVFILT_EXCEPT === filter) continue
        assert.throws(() => out(translation, filter, EV_ADD), { code: 'EINVAL' }, `${filter}`)
      }
      assert.throws(() => out(translation, ours.EVFILT_SENDFILE, EV_ADD), { code: 'ENXIO' })
    })

    it('makes the errno of a socket at its end one of ours', () => {
      const { EVFILT_READ, EVFILT_VNODE, EVFILT_WRITE, EV_EOF, NOTE_DELETE } = ours
      const { ECONNRESET } = constants.errno
      for (const filter of ['EVFILT_READ', 'EVFILT_WRITE']) {
        const event = translation.in(table.filters[filter]!, table.flags.EV_EOF!, ECONNRESET)
        assert.deepEqual([event.flags, event.fflags], [EV_EOF, 104])
      }
      assert.notEqual(EVFILT_READ, EVFILT_WRITE)
      const file = translation.in(table.filters.EVFILT_VNODE!, table.flags.EV_EOF!, 1)
      assert.deepEqual([file.filter, file.fflags], [EVFILT_VNODE, NOTE_DELETE])
    })
  })
}

describe('EV_FORCEONESHOT', () => {
  for (const table of systems) {
    it(`is ${table.system === 'FreeBSD' ? 'handed on' : 'refused'} on ${table.system}`, () => {
      const call = () => out(new Translation(table), EVFILT_TIMER, ours.EV_FORCEONESHOT)
      if (table.system === 'FreeBSD') assert.equal(call().flags, 0x100)
      // The bit is EV_UDATA_SPECIFIC on macOS.
      else assert.throws(call, { code: 'ENOTSUP', reason: /no EV_FORCEONESHOT; .*NOTE_TRIGGER/ })
    })
  }
})

describe('headers', () => {
  for (const table of systems) {
    it(`of the newest ${table.system} leave the table as it is`, () => {
      assert.deepEqual(fit(table, headerOf(table)), table)
    })
  }

  it('that lack a filter, a note or all units leave them out', () => {
    const netbsd = byName('netbsd')
    const { EVFILT_USER, NOTE_OPEN, NOTE_NSECONDS, NOTE_USECONDS, NOTE_SECONDS, ...old } =
      headerOf(netbsd)
    assert.deepEqual([EVFILT_USER, NOTE_OPEN, NOTE_NSECONDS], [8, 0x80, 3])
    const translation = new Translation(fit(netbsd, old))
    const lacking: [number, number][] = [
      [ours.EVFILT_USER, 0],
      [ours.EVFILT_VNODE, ours.NOTE_OPEN],
      [EVFILT_TIMER, ours.NOTE_USECONDS],
      [EVFILT_TIMER, ours.NOTE_ABSTIME],
    ]
    for (const [filter, fflags] of lacking) {
      assert.throws(() => out(translation, filter, EV_ADD, fflags), { code: 'ENOTSUP' })
    }
    for (const fflags of [0, ours.NOTE_MSECONDS]) {
      assert.equal(out(translation, EVFILT_TIMER, EV_ADD, fflags).fflags, 0)
    }
    assert.deepEqual([NOTE_USECONDS, NOTE_SECONDS], [2, 1])
  })

  it('with another number are refused', () => {
    const macos = byName('darwin')
    const header = { ...headerOf(macos), EVFILT_USER: -11 }
    assert.throws(() => fit(macos, header), { code: 'ENOSYS', reason: /EVFILT_USER is -11/ })
  })
})

describe('errno', () => {
  it('is that of Linux for each that the package names', () => {
    assert.equal(ourErrno(0), 0)
    for (const name of ['EBADF', 'ENOENT', 'ESRCH', 'EAGAIN', 'ECONNREFUSED', 'ELOOP'] as const) {
      const error = new ours.KqueueError(ourErrno(constants.errno[name]), 'kevent')
      assert.equal(error.code, name)
    }
    const { EOPNOTSUPP } = constants.errno
    assert.equal(new ours.KqueueError(ourErrno(EOPNOTSUPP), 'kevent').code, 'ENOTSUP')
  })

  it('without a name here is EIO', () => {
    assert.equal(ourErrno(4000), 5)
  })
})
