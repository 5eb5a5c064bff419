/**
 * Files of file systems that are not made of files: those that tell of themselves, as
 * poll(2) has it, and those that do not. In namespaces of the tests, with cgroups and
 * a tracing buffer of their own.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, describe, it } from 'node:test'
import {
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EV_SET,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_WRITE,
  type Kqueue,
  NOTE_FILE_POLL,
  NOTE_OOB,
  readable,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { canMount, SlowFiles } from './aio-files.js'
import { command, inNamespaces } from './namespaces.js'
import { descriptors, run } from './processes.js'
import { cleanUp, clear, closeRaw, idents, keep, LONG, pending, queue, read } from './queues.js'

const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK, POLLIN, POLLPRI } = posix.constants
const HOSTNAME = '/proc/sys/kernel/hostname'
const PRESSURE = '/proc/pressure/cpu'
/** Any stall in two seconds; the kernel puts a NUL in place of the last character. */
const TRIGGER = 'some 1000 2000000\n'

const except = (fd: number, flags = 0, notes = NOTE_OOB): Change =>
  EV_SET(fd, EVFILT_EXCEPT, EV_ADD | flags, notes)
const always = (fd: number): Change => EV_SET(fd, EVFILT_READ, EV_ADD, NOTE_FILE_POLL)
const open = (path: string, flags = O_RDONLY): number => keep(posix.open(path, flags))

const buffer = Buffer.alloc(65536)
/** Reads a file from its start and leaves the offset, as one does with an attribute. */
const contents = (fd: number): string =>
  buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0))

/** What comes is one event of this filter. */
function noticed(kq: Kqueue, fd: number, filter = EVFILT_READ): void {
  assert.deepEqual(
    kq.kevent([], 8, LONG).map((event) => [event.ident, event.filter, event.fflags, event.data]),
    [[fd, filter, filter === EVFILT_EXCEPT ? NOTE_OOB : 0, filter === EVFILT_EXCEPT ? 0 : 1]],
  )
}

const silent = (kq: Kqueue): void => assert.deepEqual(kq.kevent([], 8, 20), [])

/** Why something cannot be done here, or false. */
function impossible(program: string, ...args: string[]): string | false {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  return status !== 0 && (error?.message ?? stderr.trim())
}

/** Why there is no pressure stall information with triggers, or false. */
function lacksPressure(): string | false {
  try {
    const fd = posix.open(PRESSURE, O_RDWR | O_NONBLOCK)
    try {
      posix.write(fd, TRIGGER)
    } finally {
      posix.close(fd)
    }
    return false
  } catch (error) {
    return (error as Error).message
  }
}

inNamespaces(import.meta.url, () => {
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-pseudo-'))
  const [cgroups, tracing, place] = ['cgroups', 'tracing', 'place'].map((name) =>
    join(directory, name),
  ) as [string, string, string]
  for (const path of [cgroups, tracing, place]) mkdirSync(path)
  const lacksCgroups = impossible('mount', '-t', 'cgroup2', 'none', cgroups)
  const lacksTracing = impossible('mount', '-t', 'tracefs', 'none', tracing)
  const group = join(cgroups, `kqueue-test-${process.pid}`)
  const children = new Set<ChildProcess>()

  /** A program that ends with its test. */
  function start(program: string, ...args: string[]): ChildProcess {
    const child = spawn(program, args, { stdio: 'ignore' })
    children.add(child)
    return child
  }

  /** A cgroup of the test's own, removed after it: the descriptor of its events. */
  function cgroup(): number {
    mkdirSync(group)
    return open(join(group, 'cgroup.events'))
  }

  /** Changes cgroup.events. */
  const freeze = (on: boolean): void => writeFileSync(join(group, 'cgroup.freeze'), on ? '1' : '0')

  /** Waits until the kernel has given notice, which it does a moment after the change. */
  function changed(fd: number): void {
    assert.equal(posix.poll(fd, POLLPRI, LONG) & POLLPRI, POLLPRI)
  }

  // The set for regular files is made on first use and stays.
  {
    const kq = queue()
    const fd = posix.open(HOSTNAME)
    kq.kevent([read(fd)])
    kq.close()
    posix.close(fd)
  }

  cleanUp()
  afterEach(async () => {
    const closed = [...children].map((child) => once(child, 'close'))
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(closed)
    children.clear()
    spawnSync('rmdir', [group], { stdio: 'ignore' })
    spawnSync('umount', [place], { stdio: 'ignore' })
  })
  after(() => {
    for (const path of [cgroups, tracing]) spawnSync('umount', ['-l', path], { stdio: 'ignore' })
    rmSync(directory, { recursive: true })
  })

  describe('An attribute', { skip: lacksCgroups }, () => {
    it('is reported until it was read from its start, and again when it has changed', () => {
      const kq = queue()
      const fd = cgroup()
      kq.kevent([read(fd)])
      for (let i = 0; i < 3; i++) noticed(kq, fd)
      assert.match(contents(fd), /^frozen 0$/m)
      silent(kq)
      for (const on of [true, false]) {
        freeze(on)
        for (let i = 0; i < 3; i++) noticed(kq, fd)
        assert.match(contents(fd), on ? /^frozen 1$/m : /^frozen 0$/m)
        silent(kq)
      }
    })

    it('is out of the ordinary for EVFILT_EXCEPT with NOTE_OOB, and without is nothing', () => {
      const [kq, other] = [queue(), queue()]
      const fd = cgroup()
      kq.kevent([except(fd)])
      other.kevent([except(fd, 0, 0)])
      for (let i = 0; i < 3; i++) noticed(kq, fd, EVFILT_EXCEPT)
      silent(other)
      contents(fd)
      silent(kq)
      freeze(true)
      noticed(kq, fd, EVFILT_EXCEPT)
      silent(other)
    })

    it('comes with EV_CLEAR once for each change, read or not', () => {
      const kq = queue()
      const fd = cgroup()
      kq.kevent([read(fd, EV_CLEAR)])
      noticed(kq, fd)
      silent(kq)
      for (const on of [true, false, true]) {
        freeze(on)
        noticed(kq, fd)
        silent(kq)
      }
    })

    it('comes with EV_ONESHOT once, and with EV_DISPATCH when it is enabled', () => {
      const [kq, other] = [queue(), queue()]
      const fd = cgroup()
      kq.kevent([read(fd, EV_ONESHOT)])
      other.kevent([read(fd, EV_DISPATCH)])
      noticed(kq, fd)
      noticed(other, fd)
      assert.deepEqual(kq.knotes(), [])
      contents(fd)
      freeze(true)
      silent(kq)
      silent(other)
      other.kevent([EV_SET(fd, EVFILT_READ, EV_ENABLE)])
      noticed(other, fd)
    })

    it('that was read before anybody looked is not reported', () => {
      const kq = queue()
      const fd = cgroup()
      contents(fd)
      kq.kevent([read(fd), except(fd)])
      freeze(true)
      changed(fd)
      contents(fd)
      silent(kq)
    })

    it('is reported to every queue, and to both filters', () => {
      const queues = [queue(), queue(), queue()]
      const fd = cgroup()
      const other = open(join(group, 'cgroup.events'))
      contents(fd)
      contents(other)
      for (const kq of queues) kq.kevent([read(fd, EV_CLEAR), except(fd, EV_CLEAR), read(other)])
      freeze(true)
      changed(fd)
      for (const kq of queues) {
        const events = kq.kevent([], 8, LONG).map(({ ident, filter }) => `${ident} ${filter}`)
        assert.deepEqual(
          events.sort(),
          [`${fd} ${EVFILT_READ}`, `${fd} ${EVFILT_EXCEPT}`, `${other} ${EVFILT_READ}`].sort(),
        )
      }
      for (const kq of queues) {
        kq.kevent([EV_SET(fd, EVFILT_READ, EV_DELETE), EV_SET(other, EVFILT_READ, EV_DELETE)])
      }
      freeze(false)
      changed(fd)
      for (const kq of queues) noticed(kq, fd, EVFILT_EXCEPT)
    })

    it('wakes who waits from the event loop, and answers readable()', async () => {
      const kq = queue()
      const fd = cgroup()
      contents(fd)
      kq.kevent([read(fd)])
      assert.deepEqual(await kq.wait({ timeout: 20 }), [])
      const waiting = kq.wait()
      freeze(true)
      assert.deepEqual(idents(await waiting), [fd])
      assert.deepEqual(await readable(fd), { bytes: 1, eof: false })
    })

    it('makes the descriptor of the queue readable until it is read', () => {
      const kq = queue()
      const outer = queue()
      const fd = cgroup()
      contents(fd)
      kq.kevent([read(fd)])
      outer.kevent([read(kq.fd)])
      assert.equal(posix.poll(kq.fd, POLLIN), 0)
      silent(outer)
      freeze(true)
      assert.deepEqual(idents(outer.kevent([], 8, LONG)), [kq.fd])
      assert.equal(posix.poll(kq.fd, POLLIN), POLLIN)
      contents(fd)
      silent(kq)
      assert.equal(posix.poll(kq.fd, POLLIN), 0)
    })

    it('can be written at any time, whether it was read or not', () => {
      const kq = queue()
      cgroup()
      const fd = open(join(group, 'cgroup.freeze'), O_RDWR)
      kq.kevent([EV_SET(fd, EVFILT_WRITE, EV_ADD)])
      for (let i = 0; i < 2; i++) {
        const [event] = kq.kevent([], 8, 0)
        assert.deepEqual([event?.filter, event?.flags, event?.data], [EVFILT_WRITE, 0, 0])
        contents(fd)
      }
    })

    it('that nobody can read, so that its event would never end, is EBADF', () => {
      const kq = queue()
      cgroup()
      const fd = open(join(group, 'cgroup.freeze'), O_WRONLY)
      for (const change of [read(fd), except(fd)]) {
        assert.throws(() => kq.kevent([change]), { code: 'EBADF', message: /writing only/ })
      }
      assert.deepEqual(kq.knotes(), [])
    })

    it('is reported always with NOTE_FILE_POLL, until that is taken away', () => {
      const kq = queue()
      const fd = cgroup()
      contents(fd)
      kq.kevent([always(fd)])
      for (let i = 0; i < 3; i++) assert.equal(kq.kevent([], 8, 0)[0]?.data, 0)
      kq.kevent([read(fd)])
      silent(kq)
      freeze(true)
      noticed(kq, fd)
    })

    it('whose number is another by now is not reported', () => {
      const kq = queue()
      const fd = cgroup()
      const other = open(join(group, 'cgroup.events'))
      kq.kevent([read(fd, EV_CLEAR), clear(1)])
      noticed(kq, fd)
      posix.dup2(other, fd)
      freeze(true)
      changed(other)
      silent(kq)
      assert.deepEqual(
        kq.knotes().map(({ ident }) => ident),
        [1],
      )
      kq.kevent([except(fd)])
      noticed(kq, fd, EVFILT_EXCEPT)
    })

    it('that was closed while a duplicate lives is not reported, and does not spin', () => {
      const kq = queue()
      const fd = cgroup()
      kq.kevent([read(fd)])
      const duplicate = keep(posix.dup(fd))
      closeRaw(fd)
      for (let i = 0; i < 100; i++) freeze(i % 2 === 0)
      silent(kq)
      assert.deepEqual(kq.knotes(), [])
      kq.kevent([read(duplicate)])
      noticed(kq, duplicate)
    })

    it('that is gone is reported as before, and its descriptor says so', () => {
      const kq = queue()
      const fd = cgroup()
      kq.kevent([read(fd)])
      noticed(kq, fd)
      rmdirSync(group)
      noticed(kq, fd)
      assert.throws(() => contents(fd), { code: 'ENODEV' })
    })
  })

  describe('An attribute of sysfs', () => {
    const image = join(directory, 'image')

    it('that is never told of is quiet once it was read', () => {
      const kq = queue()
      const fd = open('/sys/class/net/lo/mtu')
      kq.kevent([read(fd), except(fd)])
      assert.equal(kq.kevent([], 8, 0).length, 2)
      contents(fd)
      silent(kq)
    })

    it('that changes is reported', (t) => {
      const steps = [
        ['truncate', '-s', '4M', image],
        ['mkfs.ext4', '-q', image],
        ['mount', '-t', 'ext4', '-o', 'loop,errors=continue', image, place],
      ] as const
      for (const [program, ...args] of steps) {
        const reason = impossible(program, ...args)
        if (reason !== false) {
          t.skip(reason)
          return
        }
      }
      const device = / \/dev\/(\S+)$/m.exec(
        command('findmnt', '-n', '-o', 'TARGET,SOURCE', place).trim(),
      )?.[1]
      const attribute = (name: string): string => join('/sys/fs/ext4', device!, name)
      const kq = queue()
      const fd = open(attribute('errors_count'))
      kq.kevent([except(fd), read(fd, EV_CLEAR)])
      assert.equal(kq.kevent([], 8, LONG).length, 2)
      assert.equal(contents(fd), '0\n')
      silent(kq)
      writeFileSync(attribute('trigger_fs_error'), 'a test of kqueue')
      assert.equal(kq.kevent([], 8, LONG).length, 2)
      noticed(kq, fd, EVFILT_EXCEPT)
      assert.equal(contents(fd), '1\n')
      silent(kq)
      closeRaw(fd)
    })
  })

  describe('A file of /proc that gives notice', () => {
    const files = ['/proc/self/mounts', '/proc/self/mountinfo', HOSTNAME]
    let names = 0

    function change(path: string): void {
      if (path === HOSTNAME) writeFileSync(HOSTNAME, `kqueue-test-${names++}`)
      else if (names++ % 2 === 0) command('mount', '-t', 'tmpfs', 'none', place)
      else command('umount', place)
    }

    for (const path of files) {
      it(`reports each change once, with EV_CLEAR set by itself: ${path}`, () => {
        names = 0
        const kq = queue()
        const fd = open(path)
        kq.kevent([read(fd), except(fd)])
        silent(kq)
        for (let i = 0; i < 4; i++) {
          change(path)
          const events = kq.kevent([], 8, LONG)
          assert.deepEqual(
            events.map(({ ident, filter, flags, data }) => [ident, filter, flags, data]).sort(),
            [
              [fd, EVFILT_READ, EV_CLEAR, 1],
              [fd, EVFILT_EXCEPT, EV_CLEAR, 0],
            ].sort(),
          )
          silent(kq)
        }
      })

      it(`wakes who waits from the event loop each time: ${path}`, async () => {
        names = 0
        const kq = queue()
        const fd = open(path)
        kq.kevent([read(fd)])
        for (let i = 0; i < 4; i++) {
          const waiting = kq.wait()
          change(path)
          assert.deepEqual(idents(await waiting), [fd])
        }
        assert.deepEqual(await kq.wait({ timeout: 20 }), [])
      })
    }

    it('tells every queue, also when others poll the same file', () => {
      const queues = [queue(), queue()]
      const fd = open(HOSTNAME)
      for (const kq of queues) kq.kevent([read(fd), except(fd)])
      change(HOSTNAME)
      assert.equal(posix.poll(fd, POLLPRI, LONG) & POLLPRI, POLLPRI)
      assert.equal(posix.poll(fd, POLLPRI), 0, 'the first poll has taken it')
      for (const kq of queues) assert.equal(kq.kevent([], 8, LONG).length, 2)
      for (const kq of queues) silent(kq)
    })

    it('keeps what came before it was watched, and while it was disabled', () => {
      const kq = queue()
      const fd = open(HOSTNAME)
      change(HOSTNAME)
      kq.kevent([read(fd)])
      noticed(kq, fd)
      kq.kevent([EV_SET(fd, EVFILT_READ, EV_DISABLE)])
      change(HOSTNAME)
      silent(kq)
      kq.kevent([EV_SET(fd, EVFILT_READ, EV_ENABLE)])
      noticed(kq, fd)
      silent(kq)
    })

    it('is reported always with NOTE_FILE_POLL, until that is taken away', () => {
      const kq = queue()
      const fd = open(HOSTNAME)
      kq.kevent([always(fd)])
      change(HOSTNAME)
      for (let i = 0; i < 3; i++) assert.equal(kq.kevent([], 8, 0)[0]?.data, 0)
      kq.kevent([read(fd)])
      silent(kq)
      change(HOSTNAME)
      noticed(kq, fd)
      silent(kq)
    })

    it('is not reported for what happened to a number that is its own no more', () => {
      const kq = queue()
      const fd = open(HOSTNAME)
      kq.kevent([read(fd), clear(1)])
      change(HOSTNAME)
      posix.dup2(open('/dev/null'), fd)
      silent(kq)
      assert.deepEqual(
        kq.knotes().map(({ ident }) => ident),
        [1],
      )
    })

    it('can be added and deleted often', () => {
      const queues = Array.from({ length: 5 }, () => queue())
      const fd = open(HOSTNAME)
      const before = descriptors()
      for (let i = 0; i < 100; i++) {
        for (const kq of queues) kq.kevent([read(fd)])
        for (const kq of queues) kq.kevent([EV_SET(fd, EVFILT_READ, EV_DELETE)])
      }
      for (const kq of queues) kq.kevent([read(fd)])
      for (const kq of queues) silent(kq)
      change(HOSTNAME)
      for (const kq of queues) noticed(kq, fd)
      assert.ok(descriptors() <= before)
    })
  })

  describe('Pressure stall information', { skip: lacksPressure() }, () => {
    /** Keeps every processor busy with more than one. */
    function stall(): void {
      for (let i = 0; i < availableParallelism() + 2; i++) {
        start('sh', '-c', 'while :; do :; done')
      }
    }

    it('without a trigger is EINVAL, because it would be ready for ever', () => {
      const kq = queue()
      const fd = open(PRESSURE, O_RDWR | O_NONBLOCK)
      for (const change of [read(fd), except(fd)]) {
        assert.throws(() => kq.kevent([change]), {
          code: 'EINVAL',
          message: /no trigger; write one/,
        })
      }
      assert.deepEqual(kq.knotes(), [])
    })

    it('is reported by its trigger', async () => {
      const kq = queue()
      const fd = open(PRESSURE, O_RDWR | O_NONBLOCK)
      writeSync(fd, TRIGGER)
      kq.kevent([except(fd)])
      stall()
      const [event] = await kq.wait({ timeout: 2 * LONG })
      assert.deepEqual(
        [event?.ident, event?.filter, event?.fflags, event?.flags],
        [fd, EVFILT_EXCEPT, NOTE_OOB, EV_CLEAR],
      )
    })

    it('of a cgroup ends with it', { skip: lacksCgroups }, (t) => {
      const kq = queue()
      cgroup()
      const fd = open(join(group, 'cpu.pressure'), O_RDWR | O_NONBLOCK)
      try {
        writeSync(fd, TRIGGER)
      } catch (error) {
        t.skip((error as Error).message)
        return
      }
      kq.kevent([read(fd)])
      silent(kq)
      rmdirSync(group)
      const [event] = kq.kevent([], 8, LONG)
      assert.deepEqual([event?.ident, event?.flags], [fd, EV_CLEAR | EV_EOF])
      silent(kq)
    })
  })

  describe('A file whose poll is about bytes', { skip: lacksTracing }, () => {
    it('is reported while there is something to read', async () => {
      const instance = join(tracing, 'instances', `kqueue-test-${process.pid}`)
      mkdirSync(instance)
      try {
        const kq = queue()
        const fd = open(join(instance, 'trace_pipe'), O_RDONLY | O_NONBLOCK)
        const take = (): number => readSync(fd, buffer, 0, buffer.length, null)
        kq.kevent([read(fd)])
        for (let i = 0; i < 3; i++) {
          silent(kq)
          const waiting = kq.wait()
          writeFileSync(join(instance, 'trace_marker'), 'a mark')
          assert.deepEqual(
            (await waiting).map(({ ident, data }) => [ident, data]),
            [[fd, 0]],
          )
          assert.deepEqual(pending(kq), [fd])
          assert.match(buffer.toString('utf8', 0, take()), /a mark/)
        }
        assert.throws(() => kq.kevent([except(fd)]), { code: 'EINVAL' })
        kq.close()
        closeRaw(fd)
      } finally {
        rmdirSync(instance)
      }
    })
  })

  describe('What never tells of a change', () => {
    const files = [
      '/proc/loadavg',
      '/proc/cpuinfo',
      '/proc/net/dev',
      '/proc/self/status',
      '/proc/sys/vm/swappiness',
      '/proc',
      '/proc/self',
      '/sys',
      '/sys/class/net/lo/',
    ]

    for (const path of files) {
      it(`is ENOTSUP, and nothing is left: ${path}`, () => {
        const kq = queue()
        const fd = open(path)
        const before = descriptors()
        for (let i = 0; i < 3; i++) {
          assert.throws(() => kq.kevent([read(fd)]), {
            code: 'ENOTSUP',
            message: /Linux does not tell when .* changes/,
          })
          assert.throws(() => kq.kevent([except(fd)]), { code: 'EINVAL' })
        }
        assert.deepEqual(kq.knotes(), [])
        assert.equal(descriptors(), before)
      })

      it(`is reported always with NOTE_FILE_POLL, as poll(2) does: ${path}`, () => {
        const [kq, other] = [queue(), queue()]
        const fd = open(path)
        kq.kevent([always(fd)])
        for (let i = 0; i < 3; i++) {
          assert.deepEqual(
            kq.kevent([], 8, 0).map(({ data }) => data),
            [0],
          )
        }
        assert.throws(() => other.kevent([read(fd)]), { code: 'ENOTSUP' })
        kq.kevent([read(fd)])
        silent(kq)
      })
    }

    it('is asked for nothing once the process of its file has ended', async () => {
      const kq = queue()
      const child = start('sleep', '1000')
      const [status, mounts] = ['status', 'mounts'].map((name) =>
        open(`/proc/${child.pid}/${name}`),
      ) as [number, number]
      kq.kevent([read(mounts)])
      child.kill('SIGKILL')
      await once(child, 'close')
      children.delete(child)
      assert.throws(() => kq.kevent([read(status)]), { code: 'ENOTSUP' })
      assert.throws(() => contents(status), { code: 'ESRCH' })
      silent(kq)
    })

    it('is not told from the others where io_setup(2) is forbidden, and is silent', () => {
      const { status, stderr } = run(`
        const { openSync } = await import('node:fs')
        posix.forbid(206 /* io_setup, x86-64 */, 38)
        const kq = K.kqueue()
        const quiet = openSync('/proc/loadavg', 'r')
        const loud = openSync('${HOSTNAME}', 'r')
        const read = (fd) => K.EV_SET(fd, K.EVFILT_READ, K.EV_ADD)
        kq.kevent([read(quiet), read(loud)])
        if (kq.kevent([], 8, 20).length !== 0) throw new Error('an event of nothing')
        const { writeFileSync } = await import('node:fs')
        writeFileSync('${HOSTNAME}', 'kqueue-test')
        const [event] = kq.kevent([], 8, 10_000)
        if (event?.ident !== loud) throw new Error('no event of a change')
      `)
      assert.equal(status, 0, stderr)
    })
  })

  describe('A regular file whose file system has a poll that never wakes', () => {
    it('is as other regular files are', { skip: !canMount && 'cannot mount FUSE' }, async () => {
      const files = await SlowFiles.mount()
      try {
        const kq = queue()
        const fd = open(files.path('slow'))
        kq.kevent([read(fd)])
        assert.deepEqual(
          kq.kevent([], 8, 0).map(({ data }) => data),
          [1 << 20],
        )
        posix.lseek(fd, 0, 2)
        silent(kq)
        kq.close()
        closeRaw(fd)
      } finally {
        await files.unmount()
      }
    })
  })
})
