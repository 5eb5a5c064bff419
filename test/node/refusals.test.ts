/**
 * What the system does not give: calls that a sandbox refuses, by a filter of seccomp(2) in a
 * process of its own, and descriptors that are not free. The error says what it was and what
 * would help.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as posix from '../native/posix.js'
import { run } from './processes.js'
import { isRoot } from './puppets.js'

/** The changes that are tried, by what they need. `child` is a process. */
const CHANGES = {
  regular: 'K.EV_SET(fs.openSync(process.execPath), K.EVFILT_READ, K.EV_ADD)',
  vnode: "K.EV_SET(fs.openSync('/tmp'), K.EVFILT_VNODE, K.EV_ADD, K.NOTE_WRITE)",
  except: 'K.EV_SET(posix.socketpair(1, 1)[0], K.EVFILT_EXCEPT, K.EV_ADD, K.NOTE_OOB)',
  exit: 'K.EV_SET(process.ppid, K.EVFILT_PROC, K.EV_ADD, K.NOTE_EXIT)',
  reap: 'K.EV_SET(process.ppid, K.EVFILT_PROC, K.EV_ADD, K.NOTE_REAP)',
  fork: 'K.EV_SET(process.ppid, K.EVFILT_PROC, K.EV_ADD, K.NOTE_FORK)',
  procdesc: 'K.EV_SET(posix.pidfdOpen(process.ppid), K.EVFILT_PROCDESC, K.EV_ADD, K.NOTE_EXIT)',
  signal: 'K.EV_SET(10, K.EVFILT_SIGNAL, K.EV_ADD)',
  fs: 'K.EV_SET(0, K.EVFILT_FS, K.EV_ADD)',
  netdev: 'K.EV_SET(0, K.EVFILT_NETDEV, K.EV_ADD)',
  drained: 'K.EV_SET(posix.pipe2()[1], K.EVFILT_EMPTY, K.EV_ADD)',
} as const
type What = keyof typeof CHANGES

/** What a program prints of an error: what `kevent` answers with room and throws without. */
interface Report {
  answer: number
  code: string
  syscall: string
  message: string
  reason: string
  knotes: number
  left: number
}

/** Tries a change when `trouble` has been made, a program that may take descriptors. */
function refused(what: What, trouble: string, files?: number): Report {
  const { stdout, stderr } = run(
    `
    const kq = K.kqueue()
    const change = ${CHANGES[what]}
    const open = descriptors()
    ${trouble}
    const [answer] = kq.kevent([change], 1, 0)
    let error = {}
    try { kq.kevent([change]) } catch (thrown) { error = thrown }
    for (const fd of taken) fs.closeSync(fd)
    const { code, syscall, message, reason } = error
    let left = 0
    try { left = descriptors() - open } catch {}
    fs.writeSync(1, JSON.stringify({
      answer: answer?.data, code, syscall, message, reason, knotes: kq.knotes().length, left,
    }))
    // Without fstat(2) Node.js fails as it ends.
    process.kill(process.pid, 'SIGKILL')`,
    files === undefined ? {} : { files },
  )
  assert.equal(stderr, '')
  return JSON.parse(stdout) as Report
}

function assertRefused(report: Report, code: 'EPERM' | 'ENOSYS' | 'EMFILE', reason: RegExp): void {
  const errno = { EPERM: 1, EMFILE: 24, ENOSYS: 38 }[code]
  assert.equal(report.answer, errno)
  assert.equal(report.code, code)
  assert.equal(report.syscall, 'kevent')
  assert.match(report.reason, reason)
  assert.ok(report.message.includes(report.reason))
  assert.equal(report.knotes, 0)
  assert.equal(report.left, 0)
}

const EPERM = 1
const ENOSYS = 38

const forbid = (errno: number, ...calls: (keyof posix.Constants)[]): string =>
  `const taken = []
  ${calls.map((call) => `posix.forbid(${posix.constants[call]}, ${errno})`).join('\n')}`

/** The call that is refused, as the error names it. */
const REFUSED: [What, keyof posix.Constants, string][] = [
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

describe('A sandbox that refuses', () => {
  for (const [what, call, name] of REFUSED) {
    const skip =
      what === 'fork' && !isRoot && 'to hear of forks takes CAP_NET_ADMIN on older kernels'

    it(`${name}(2) with EPERM is named, for ${what}`, { skip }, () => {
      const report = refused(what, forbid(EPERM, call))
      assertRefused(
        report,
        'EPERM',
        new RegExp(`^${name}\\(2\\).* was refused \\(EPERM\\).*sandbox`),
      )
    })

    it(`${name}(2) with ENOSYS is named, for ${what}`, { skip }, () => {
      const report = refused(what, forbid(ENOSYS, call))
      assertRefused(report, 'ENOSYS', new RegExp(`^${name}\\(2\\).* is not there.*sandbox`))
    })
  }

  it('pidfd_open(2) is named for NOTE_REAP, which an old kernel has not', () => {
    const report = refused('reap', forbid(EPERM, 'SYS_pidfd_open'))
    assertRefused(report, 'EPERM', /^pidfd_open\(2\) was refused/)
  })

  it('the table of mounts is named', () => {
    const report = refused('fs', forbid(EPERM, 'SYS_openat'))
    assertRefused(report, 'EPERM', /^open\(2\) of \/proc\/self\/mountinfo was refused/)
  })

  for (const [errno, why] of [
    [EPERM, /^statx\(2\) was refused \(EPERM\)/],
    [ENOSYS, /^statx\(2\) is not there \(ENOSYS\)/],
  ] as const) {
    const code = errno === EPERM ? 'EPERM' : 'ENOSYS'

    it(`statx(2) with ${code} is none the worse, as there is fstat(2)`, () => {
      const { stdout, stderr } = run(`
        posix.forbid(${posix.constants.SYS_statx}, ${errno})
        const kq = K.kqueue()
        for (const change of [${Object.values(CHANGES).filter((each) => !/NOTE_(FORK|REAP)/.test(each))}]) kq.kevent([change])
        const path = fs.mkdtempSync('/tmp/kqueue-statx-')
        const write = fs.openSync(path + '/file', 'w')
        const file = fs.openSync(path + '/file')
        const all = K.NOTE_WRITE | K.NOTE_EXTEND | K.NOTE_ATTRIB | K.NOTE_LINK | K.NOTE_DELETE
        const change = K.EV_SET(file, K.EVFILT_VNODE, K.EV_ADD | K.EV_CLEAR, all)
        const other = K.kqueue()
        other.kevent([change, K.EV_SET(file, K.EVFILT_READ, K.EV_ADD)])
        fs.writeSync(write, 'four')
        const notes = () => other.kevent([], 8, 10_000)
          .map(({ filter, fflags, data }) => [filter, fflags || data])
          .sort(([a], [b]) => a - b)
        assert.deepEqual(notes(), [[K.EVFILT_VNODE, K.NOTE_WRITE | K.NOTE_EXTEND], [K.EVFILT_READ, 4]])
        fs.linkSync(path + '/file', path + '/second')
        assert.deepEqual(notes()[0], [K.EVFILT_VNODE, K.NOTE_LINK])
        fs.closeSync(file)
        fs.openSync('/dev/null')
        other.kevent([], 8, 0)
        assert.equal(other.knotes().length, 0)
        fs.rmSync(path, { recursive: true })
        console.log(kq.knotes().length)`)
      assert.equal(stderr, '')
      assert.equal(Number(stdout), Object.keys(CHANGES).length - 2)
    })

    it(`statx(2) and fstat(2) with ${code} is not taken for a descriptor that is closed`, () => {
      const trouble = forbid(errno, 'SYS_statx', 'SYS_fstat', 'SYS_newfstatat')
      for (const what of ['regular', 'vnode', 'except', 'drained'] as const) {
        assertRefused(refused(what, trouble), code, why)
      }
    })
  }

  it('inotify(7) leaves pipes that drain to the clock', () => {
    const { stdout, stderr } = run(`
      posix.forbid(${posix.constants.SYS_inotify_init1}, ${EPERM})
      const [r, w] = posix.pipe2()
      posix.write(w, 'x')
      const kq = K.kqueue()
      kq.kevent([K.EV_SET(w, K.EVFILT_EMPTY, K.EV_ADD)])
      posix.read(r)
      console.log(kq.kevent([], 1, 10_000)[0]?.ident === w)`)
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
        const { stdout, stderr } = run(`
          const code = () => { try { return K.kqueue() } catch (error) { return error } }
          const open = descriptors()
          posix.forbid(${posix.constants[call]}, ${errno})
          for (let i = 0; i < 2; i++) {
            const { code: name, syscall, reason } = code()
            console.log(JSON.stringify([name, syscall, reason, descriptors() - open]))
          }`)
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
  const fill = `const taken = []
    for (;;) try { taken.push(fs.openSync('/dev/null')) } catch { break }`
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
  if (isRoot) needy.push('fork')

  for (const what of needy) {
    it(`${what} is EMFILE, and the error says what for and what would help`, () => {
      const report = refused(what, fill, 64)
      assertRefused(
        report,
        'EMFILE',
        /^to [a-z ]+ takes descriptors, .*raise RLIMIT_NOFILE \(ulimit -n\)/,
      )
    })
  }

  it('kqueue() says what would help', () => {
    const { stdout } = run(
      `${fill}
      try { K.kqueue() } catch (error) { fs.closeSync(taken.pop()); console.log(error.code, error.syscall, error.reason) }`,
      { files: 64 },
    )
    assert.match(stdout, /^EMFILE kqueue .*RLIMIT_NOFILE/)
  })
})
