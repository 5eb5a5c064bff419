/**
 * Files of /proc, tracefs and FUSE: those that tell of themselves, as poll(2) has it, and those
 * that do not. In namespaces of the tests, with mounts and a tracing buffer of their own.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, describe, it } from 'node:test'
import {
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_SET,
  EVFILT_EXCEPT,
  EVFILT_READ,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { lacksIoSetup, lacksSeccomp } from '../native/system.js'
import { exited, spawn } from '../patience.js'
import type { Cases } from '../programs/refused.js'
import { canMount, SlowFiles } from './aio-files.js'
import { command, inNamespaces } from './namespaces.js'
import { casesOf, descriptors, run } from './processes.js'
import {
  always,
  buffer,
  contents,
  except,
  HOSTNAME,
  impossible,
  makeSet,
  noticed,
  open,
  silent,
} from './pseudo-files.js'
import { cleanUp, clear, closeRaw, idents, LONG, pending, queue, read } from './queues.js'

const { O_RDONLY, O_NONBLOCK, POLLPRI } = posix.constants

const refused = casesOf<Cases>('refused')

inNamespaces(import.meta.url, () => {
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-pseudo-'))
  const [tracing, place] = ['tracing', 'place'].map((name) => join(directory, name)) as [
    string,
    string,
  ]
  for (const path of [tracing, place]) mkdirSync(path)
  const lacksTracing = impossible('mount', '-t', 'tracefs', 'none', tracing)

  makeSet()
  cleanUp()
  afterEach(() => {
    spawnSync('umount', [place], { stdio: 'ignore' })
  })
  after(() => {
    spawnSync('umount', ['-l', tracing], { stdio: 'ignore' })
    rmSync(directory, { recursive: true })
  })

  describe('A file of /proc that gives notice', () => {
    const files = ['/proc/self/mounts', '/proc/self/mountinfo', HOSTNAME]
    let names = 0

    function change(path: string): void {
      if (path === HOSTNAME) posix.sethostname(`kqueue-test-${names++}`)
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

  describe('What never tells of a change', { skip: lacksIoSetup }, () => {
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
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
      const [status, mounts] = ['status', 'mounts'].map((name) =>
        open(`/proc/${child.pid}/${name}`),
      ) as [number, number]
      kq.kevent([read(mounts)])
      child.kill('SIGKILL')
      await exited(child)
      assert.throws(() => kq.kevent([read(status)]), { code: 'ENOTSUP' })
      assert.throws(() => contents(status), { code: 'ESRCH' })
      silent(kq)
    })

    it('is not told from the others where io_setup(2) is forbidden, and is silent', {
      skip: lacksSeccomp,
    }, () => {
      const { status, stderr } = run(refused('may not call io_setup(2)', HOSTNAME))
      assert.equal(status, 0, stderr)
    })
  })

  describe('A regular file whose file system has a poll that never wakes', {
    skip: lacksIoSetup,
  }, () => {
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
