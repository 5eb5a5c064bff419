/**
 * Attributes of cgroups and of sysfs, and pressure stall information, which tell of themselves as
 * poll(2) has it. In namespaces of the tests, with cgroups of their own.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, describe, it } from 'node:test'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EV_SET,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_WRITE,
  NOTE_OOB,
  readable,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { command, inNamespaces } from './namespaces.js'
import {
  always,
  contents,
  except,
  impossible,
  makeSet,
  noticed,
  open,
  silent,
} from './pseudo-files.js'
import { cleanUp, clear, closeRaw, idents, keep, LONG, queue, read } from './queues.js'

const { O_WRONLY, O_RDWR, O_NONBLOCK, POLLIN, POLLPRI } = posix.constants
const PRESSURE = '/proc/pressure/cpu'
/** Any stall in two seconds; the kernel puts a NUL in place of the last character. */
const TRIGGER = 'some 1000 2000000\n'

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
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-attributes-'))
  const [cgroups, place] = ['cgroups', 'place'].map((name) => join(directory, name)) as [
    string,
    string,
  ]
  for (const path of [cgroups, place]) mkdirSync(path)
  const lacksCgroups = impossible('mount', '-t', 'cgroup2', 'none', cgroups)
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

  makeSet()
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
    spawnSync('umount', ['-l', cgroups], { stdio: 'ignore' })
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
})
