/** The vocabulary: every constant has FreeBSD's number, and none is forgotten here. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as full from 'kqueue'
import * as core from 'kqueue/core'

/** sys/event.h and sys/mount.h of FreeBSD. */
const FREEBSD: Record<string, number> = {
  EVFILT_READ: -1,
  EVFILT_WRITE: -2,
  EVFILT_AIO: -3,
  EVFILT_VNODE: -4,
  EVFILT_PROC: -5,
  EVFILT_SIGNAL: -6,
  EVFILT_TIMER: -7,
  EVFILT_PROCDESC: -8,
  EVFILT_FS: -9,
  EVFILT_LIO: -10,
  EVFILT_USER: -11,
  EVFILT_SENDFILE: -12,
  EVFILT_EMPTY: -13,
  EV_ADD: 0x0001,
  EV_DELETE: 0x0002,
  EV_ENABLE: 0x0004,
  EV_DISABLE: 0x0008,
  EV_ONESHOT: 0x0010,
  EV_CLEAR: 0x0020,
  EV_RECEIPT: 0x0040,
  EV_DISPATCH: 0x0080,
  EV_FORCEONESHOT: 0x0100,
  EV_KEEPUDATA: 0x0200,
  EV_SYSFLAGS: 0xf000,
  EV_DROP: 0x1000,
  EV_FLAG1: 0x2000,
  EV_FLAG2: 0x4000,
  EV_ERROR: 0x4000,
  EV_EOF: 0x8000,
  NOTE_FFNOP: 0,
  NOTE_FFAND: 0x40000000,
  NOTE_FFOR: 0x80000000,
  NOTE_FFCOPY: 0xc0000000,
  NOTE_FFCTRLMASK: 0xc0000000,
  NOTE_FFLAGSMASK: 0x00ffffff,
  NOTE_TRIGGER: 0x01000000,
  NOTE_LOWAT: 0x0001,
  NOTE_FILE_POLL: 0x0002,
  NOTE_DELETE: 0x0001,
  NOTE_WRITE: 0x0002,
  NOTE_EXTEND: 0x0004,
  NOTE_ATTRIB: 0x0008,
  NOTE_LINK: 0x0010,
  NOTE_RENAME: 0x0020,
  NOTE_REVOKE: 0x0040,
  NOTE_OPEN: 0x0080,
  NOTE_CLOSE: 0x0100,
  NOTE_CLOSE_WRITE: 0x0200,
  NOTE_READ: 0x0400,
  NOTE_EXIT: 0x80000000,
  NOTE_FORK: 0x40000000,
  NOTE_EXEC: 0x20000000,
  NOTE_PCTRLMASK: 0xf0000000,
  NOTE_PDATAMASK: 0x000fffff,
  NOTE_TRACK: 0x00000001,
  NOTE_TRACKERR: 0x00000002,
  NOTE_CHILD: 0x00000004,
  NOTE_SECONDS: 0x00000001,
  NOTE_MSECONDS: 0x00000002,
  NOTE_USECONDS: 0x00000004,
  NOTE_NSECONDS: 0x00000008,
  NOTE_ABSTIME: 0x00000010,
  KQUEUE_CLOEXEC: 0x00000001,
  KQUEUE_CPONFORK: 0x00000002,
  VQ_NOTRESP: 0x0001,
  VQ_NEEDAUTH: 0x0002,
  VQ_LOWDISK: 0x0004,
  VQ_MOUNT: 0x0008,
  VQ_UNMOUNT: 0x0010,
  VQ_DEAD: 0x0020,
  VQ_ASSIST: 0x0040,
  VQ_NOTRESPLOCK: 0x0080,
}

/** What current FreeBSD lacks: other systems, and the project's own. */
const ADDITIONS: Record<string, number> = {
  EVFILT_NETDEV: -64,
  EVFILT_EXCEPT: -65,
  EV_NOCPONFORK: 0x0800,
  KQUEUE_TRUSTFD: 0x00040000,
  NOTE_OOB: 0x0002,
  NOTE_REAP: 0x10000000,
  NOTE_LINKUP: 0x0001,
  NOTE_LINKDOWN: 0x0002,
  NOTE_LINKINV: 0x0004,
  KQUEUE_CPONFORKFD: 0x10000,
  KQUEUE_CPONFORKNONFD: 0x20000,
}

function constants(module: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(module).filter(
      ([name, value]) => /^(EVFILT|EV|NOTE|KQUEUE|VQ)_/.test(name) && typeof value !== 'function',
    ),
  )
}

const sorted = (record: Record<string, unknown>) =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))

describe('The constants', () => {
  for (const [name, module] of [
    ['kqueue', full],
    ['kqueue/core', core],
  ] as const) {
    it(`of ${name} have FreeBSD's numbers, and no others are exported`, () => {
      assert.deepEqual(sorted(constants(module)), sorted({ ...FREEBSD, ...ADDITIONS }))
    })
  }

  it('are unsigned where they are masks', () => {
    for (const [name, value] of Object.entries(constants(core))) {
      if (name.startsWith('EVFILT_')) continue
      assert.equal((value as number) >>> 0, value, name)
    }
  })

  it('do not overlap where they are used together', () => {
    const { EV_ADD, EV_SYSFLAGS, EV_NOCPONFORK, EV_KEEPUDATA, EV_FORCEONESHOT } = core
    const actions = [EV_ADD, core.EV_DELETE, core.EV_ENABLE, core.EV_DISABLE, core.EV_ONESHOT]
    const flags = [core.EV_CLEAR, core.EV_RECEIPT, core.EV_DISPATCH, EV_FORCEONESHOT]
    const all = [...actions, ...flags, EV_KEEPUDATA, EV_NOCPONFORK, EV_SYSFLAGS]
    assert.equal(
      all.reduce((sum, flag) => sum + flag, 0),
      all.reduce((mask, flag) => mask | flag, 0),
    )
  })
})

describe('EV_SET', () => {
  it('fills in what is not given', () => {
    assert.deepEqual(core.EV_SET(1, -1, 1), {
      ident: 1,
      filter: -1,
      flags: 1,
      fflags: 0,
      data: 0,
      udata: undefined,
    })
  })

  it('passes everything on as it is, udata by reference', () => {
    const udata = {}
    const kev = core.EV_SET(1, 2, 3, 4, 5, udata)
    assert.deepEqual(kev, { ident: 1, filter: 2, flags: 3, fflags: 4, data: 5, udata })
    assert.equal(kev.udata, udata)
  })
})
