/**
 * What the system does not give: calls that a sandbox refuses, by a filter of seccomp(2) in a
 * process of its own, and descriptors that are not free. The error says what it was and what
 * would help.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as posix from '../native/posix.js'
import { lacksForks, lacksSeccomp } from '../native/system.js'
import type { Cases, Report, What } from '../programs/refused.js'
import { type Case, casesOf, run } from './processes.js'
import { isRoot } from './puppets.js'

const refused = casesOf<Cases>('refused')

function reported(what: Case, files?: number): Report {
  const { stdout, stderr } = run(what, files === undefined ? {} : { files })
  assert.equal(stderr, '')
  return JSON.parse(stdout) as Report
}

type Call = keyof posix.Constants
/** The report of a change where calls are refused. */
const forbidden = (what: What, errno: number, ...calls: Call[]): Report =>
  reported(refused('may not call', what, errno, ...calls.map((call) => posix.constants[call])))

const NUMBERS = { EPERM: 1, EMFILE: 24, ENOSYS: 38, ENOTSUP: 95 } as const
type Code = keyof typeof NUMBERS

function assertRefused(report: Report, code: Code, reason: RegExp): void {
  assert.equal(report.answer, NUMBERS[code])
  assert.equal(report.code, code)
  assert.equal(report.syscall, 'kevent')
  assert.match(report.reason!, reason)
  assert.ok(report.message!.includes(report.reason!))
  assert.equal(report.knotes, 0)
  assert.equal(report.left, 0)
}

const { EPERM, ENOSYS } = NUMBERS
const EPROTONOSUPPORT = 93

/** The call that is refused, as the error names it. */
const REFUSED: [What, Call, string][] = [
  ['regular', 'SYS_inotify_init1', 'inotify_init1'],
  ['regular', 'SYS_inotify_add_watch', 'inotify_add_watch'],
  ['vnode', 'SYS_inotify_init1', 'inotify_init1'],
  ['vnode', 'SYS_inotify_add_watch', 'inotify_add_watch'],
  ['exit', 'SYS_pidfd_open', 'pidfd_open'],
  ['except', 'SYS_epoll_create1', 'epoll_create1'],
  ['signal', 'SYS_eventfd2', 'eventfd2'],
  ['netdev', 'SYS_socket', 'socket'],
  ['fork', 'SYS_socket', 'socket'],
]

describe('A sandbox that refuses', { skip: lacksSeccomp }, () => {
  for (const [what, call, name] of REFUSED) {
    const skip =
      what === 'fork' && !isRoot && 'to hear of forks takes CAP_NET_ADMIN on older kernels'

    it(`${name}(2) with EPERM is named, for ${what}`, { skip }, () => {
      const report = forbidden(what, EPERM, call)
      assertRefused(
        report,
        'EPERM',
        new RegExp(`^${name}\\(2\\).* was refused \\(EPERM\\).*sandbox`),
      )
    })

    it(`${name}(2) with ENOSYS is named, for ${what}`, { skip }, () => {
      const report = forbidden(what, ENOSYS, call)
      assertRefused(report, 'ENOSYS', new RegExp(`^${name}\\(2\\).* is not there.*sandbox`))
    })
  }

  it('the process connector is ENOTSUP, as a kernel without it does', () => {
    const report = forbidden('fork', EPROTONOSUPPORT, 'SYS_socket')
    assertRefused(report, 'ENOTSUP', /CONFIG_CONNECTOR.*NOTE_EXIT works without/)
  })

  it('pidfd_open(2) is named for NOTE_REAP, which an old kernel has not', () => {
    const report = forbidden('reap', EPERM, 'SYS_pidfd_open')
    assertRefused(report, 'EPERM', /^pidfd_open\(2\) was refused/)
  })

  it('the table of mounts is named', () => {
    const report = forbidden('fs', EPERM, 'SYS_open', 'SYS_openat')
    assertRefused(report, 'EPERM', /^open\(2\) of \/proc\/self\/mountinfo was refused/)
  })

  for (const [errno, why] of [
    [EPERM, /^statx\(2\) was refused \(EPERM\)/],
    [ENOSYS, /^statx\(2\) is not there \(ENOSYS\)/],
  ] as const) {
    const code = errno === EPERM ? 'EPERM' : 'ENOSYS'

    it(`statx(2) with ${code} is none the worse, as there is fstat(2)`, () => {
      const { stdout, stderr } = run(refused('may not call statx(2)', errno))
      assert.deepEqual([stdout, stderr], ['whole\n', ''])
    })

    it(`statx(2) and fstat(2) with ${code} is not taken for a descriptor that is closed`, () => {
      const calls = ['SYS_statx', 'SYS_fstat', 'SYS_newfstatat'] as const
      for (const what of ['regular', 'vnode', 'except', 'drained'] as const) {
        assertRefused(forbidden(what, errno, ...calls), code, why)
      }
    })
  }

  it('inotify(7) leaves pipes that drain to the clock', () => {
    const { stdout, stderr } = run(refused('may not call inotify_init1(2)'))
    assert.equal(stderr, '')
    assert.equal(stdout.trim(), 'true')
  })

  for (const [call, name] of [
    ['SYS_epoll_create1', 'epoll_create1'],
    // An epoll instance takes one.
    ['SYS_eventfd2', 'epoll_create1\\(2\\) or eventfd2'],
    ['SYS_timerfd_create', 'timerfd_create'],
  ] as const) {
    for (const [errno, code] of [
      [EPERM, 'EPERM'],
      [ENOSYS, 'ENOSYS'],
    ] as const) {
      it(`${name}(2) with ${code} is named by kqueue()`, () => {
        const what = refused('may make no queue', posix.constants[call], errno)
        const { stdout, stderr } = run(what)
        assert.equal(stderr, '')
        const [first, second] = stdout.trim().split('\n')
        assert.equal(first, second)
        const [given, syscall, reason, left] = JSON.parse(first!) as [
          string,
          string,
          string,
          number,
        ]
        assert.deepEqual([given, syscall, left], [code, 'kqueue', 0])
        assert.match(reason, new RegExp(`^${name}\\(2\\) .*${code}.*sandbox such as seccomp`))
      })
    }
  }
})

describe('Where no descriptor is free', () => {
  const needy: What[] = [
    'vnode',
    'regular',
    'except',
    'exit',
    'procdesc',
    'reap',
    'signal',
    'fs',
    'netdev',
  ]
  if (isRoot && !lacksForks) needy.push('fork')

  for (const what of needy) {
    it(`${what} is EMFILE, and the error says what for and what would help`, () => {
      const report = reported(refused('has no descriptor', what), 64)
      assertRefused(
        report,
        'EMFILE',
        /^to [a-z ]+ takes descriptors, .*raise RLIMIT_NOFILE \(ulimit -n\)/,
      )
    })
  }

  it('kqueue() says what would help', () => {
    const { stdout } = run(refused('has no descriptor for a queue'), { files: 64 })
    assert.match(stdout, /^EMFILE kqueue .*RLIMIT_NOFILE/)
  })
})
