/** EVFILT_FS on the system itself, in a mount namespace of the tests. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, describe, it } from 'node:test'
import {
  type Change,
  EV_ADD,
  EV_DELETE,
  EV_SET,
  EVFILT_FS,
  type Kqueue,
  VQ_MOUNT,
  VQ_NOTRESP,
  VQ_UNMOUNT,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { exited, spawn } from '../patience.js'
import type { Cases } from '../programs/refused.js'
import { command, inNamespaces } from './namespaces.js'
import { casesOf, descriptors, run } from './processes.js'
import { cleanUp, LONG, queue } from './queues.js'
import { itLeavesNoDescriptors, notes, silent } from './two-descriptors.js'

const refused = casesOf<Cases>('refused')
const BOTH = VQ_MOUNT | VQ_UNMOUNT
const { POLLIN } = posix.constants

const watch = (fflags = 0): Change => EV_SET(1, EVFILT_FS, EV_ADD, fflags)

/** A queue that watches mounts. */
function watching(): Kqueue {
  const kq = queue()
  kq.kevent([watch()])
  return kq
}

inNamespaces(import.meta.url, () => {
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-mounts-'))
  const [a, b] = ['a', 'b'].map((name) => join(directory, name)) as [string, string]
  const mounted: string[] = []
  command('mkdir', a, b)

  function mount(path: string, ...args: string[]): void {
    command('mount', ...(args.length > 0 ? args : ['-t', 'tmpfs', 'none']), path)
    mounted.push(path)
  }

  function unmount(path: string, ...args: string[]): void {
    command('umount', ...args, path)
    mounted.splice(mounted.lastIndexOf(path), 1)
  }

  cleanUp()
  afterEach(() => {
    for (const path of mounted.splice(0).reverse()) command('umount', path)
  })
  after(() => rmSync(directory, { recursive: true }))

  describe('VQ_MOUNT and VQ_UNMOUNT', () => {
    it('come for a file system, one bound elsewhere, and one on top of another', () => {
      const kq = watching()
      mount(a)
      assert.equal(notes(kq), VQ_MOUNT)
      mount(b, '--bind', a)
      assert.equal(notes(kq), VQ_MOUNT)
      mount(a)
      assert.equal(notes(kq), VQ_MOUNT)
      for (const path of [a, b, a]) {
        unmount(path)
        assert.equal(notes(kq), VQ_UNMOUNT)
      }
      silent(kq)
    })

    it('come for one that is in use, and taken away lazily', () => {
      const kq = queue()
      mount(a)
      const fd = posix.open(join(a, 'file'), posix.constants.O_CREAT)
      kq.kevent([watch()])
      unmount(a, '-l')
      assert.equal(notes(kq), VQ_UNMOUNT)
      posix.close(fd)
      silent(kq)
    })

    it('come together for what has gone again before anybody looks', () => {
      const kq = watching()
      mount(a)
      unmount(a)
      assert.equal(notes(kq), BOTH)
      mount(a)
      assert.equal(notes(kq), VQ_MOUNT)
      unmount(a)
      mount(a)
      assert.equal(notes(kq), BOTH)
      silent(kq)
    })

    it('come together for one that is moved', () => {
      const kq = queue()
      mount(a)
      kq.kevent([watch()])
      command('mount', '-n', '--move', a, b)
      mounted[0] = b
      assert.equal(notes(kq), BOTH)
      silent(kq)
    })

    it('do not come for other options, nor for how changes spread', () => {
      const kq = queue()
      mount(a)
      kq.kevent([watch()])
      command('mount', '-o', 'remount,bind,ro', a)
      silent(kq)
      command('mount', '--make-shared', a)
      silent(kq)
    })

    it('come together when the same options are set again, which Linux does not tell apart', () => {
      const kq = queue()
      mount(a)
      kq.kevent([watch()])
      command('mount', '-o', 'remount,bind,rw', a)
      assert.equal(notes(kq), BOTH)
    })

    it('do not come for other namespaces', () => {
      const kq = watching()
      command('unshare', '-m', 'mount', '-t', 'tmpfs', 'none', a)
      silent(kq)
    })

    it('come alone: what else can be asked for never happens', () => {
      const kq = queue()
      kq.kevent([watch(VQ_NOTRESP)])
      mount(a)
      silent(kq)
      kq.kevent([watch(VQ_NOTRESP | VQ_UNMOUNT)])
      unmount(a)
      assert.equal(notes(kq), VQ_UNMOUNT)
    })

    it('are seen however often the descriptor of the queue was polled before', () => {
      const kq = watching()
      mount(a)
      for (let i = 0; i < 3; i++) assert.equal(posix.poll(kq.fd, POLLIN, LONG), POLLIN)
      assert.equal(notes(kq), VQ_MOUNT)
      assert.equal(posix.poll(kq.fd, POLLIN), 0)
    })

    it('wake who waits from the event loop', async () => {
      const kq = watching()
      const waiting = kq.wait()
      const child = spawn('mount', ['-t', 'tmpfs', 'none', a], { stdio: 'ignore' })
      assert.equal((await waiting)[0]!.fflags, VQ_MOUNT)
      await exited(child)
      mounted.push(a)
    })

    it('wake who blocks, each for each of many', async () => {
      const kq = watching()
      const script =
        'for i in $(seq 50); do read x && mount -t tmpfs none $0 && read x && umount $0; done'
      const child = spawn('sh', ['-c', script, a], { stdio: ['pipe', 'ignore', 'inherit'] })
      const exit = once(child, 'exit')
      for (let i = 0; i < 50; i++) {
        child.stdin.write('\n')
        while ((await kq.wait())[0]!.fflags !== VQ_MOUNT) assert.fail('no mount')
        child.stdin.write('\n')
        assert.equal((await kq.wait())[0]!.fflags, VQ_UNMOUNT)
      }
      await exit
      silent(kq)
    })

    it('of a storm end with the table as it is', async () => {
      const kq = watching()
      const script =
        'for i in $(seq 100); do mount -t tmpfs none $0; umount $0; done; mount -t tmpfs none $0'
      const child = spawn('sh', ['-c', script, a], { stdio: ['ignore', 'ignore', 'inherit'] })
      const exit = once(child, 'exit')
      let all = 0
      const ending = new AbortController()
      exit.then(() => ending.abort())
      try {
        for await (const { fflags } of kq.events({ signal: ending.signal })) all |= fflags
      } catch (error) {
        assert.equal((error as Error).name, 'AbortError')
      }
      for (const { fflags } of kq.kevent([], 8, 0)) all |= fflags
      mounted.push(a)
      assert.equal(all, BOTH)
      silent(kq)
      unmount(a)
      assert.equal(notes(kq), VQ_UNMOUNT)
    })
  })

  describe('Descriptors', () => {
    it('are two a thread, from the first event to the last', () => {
      const [kq, other] = [queue(), queue()]
      const before = descriptors()
      kq.kevent([watch(), EV_SET(2, EVFILT_FS, EV_ADD)])
      other.kevent([watch()])
      assert.equal(descriptors(), before + 2)
      kq.kevent([1, 2].map((ident) => EV_SET(ident, EVFILT_FS, EV_DELETE)))
      assert.equal(descriptors(), before + 2)
      other.kevent([EV_SET(1, EVFILT_FS, EV_DELETE)])
      assert.ok(descriptors() <= before)
      kq.kevent([watch()])
      mount(a)
      assert.equal(notes(kq), VQ_MOUNT)
      kq.close()
      assert.equal(descriptors(), before - 1)
    })

    itLeavesNoDescriptors(1, EVFILT_FS)
  })

  it('Without /proc there is no telling, and the error says so', () => {
    const kq = watching()
    mount('/proc')
    assert.equal(notes(kq), VQ_MOUNT)
    const { stdout } = run(refused('has no /proc'))
    assert.match(stdout, /^ENOENT: .*mount \/proc.* kevent\nENOENT: .*mount \/proc.* getmntinfo\n$/)
  })
})
