/** What a runtime cannot do is ENOSYS, and says why. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { EV_ADD, EV_SET, EVFILT_SIGNAL, fork, KQUEUE_CPONFORK, kqueue, kqueuex } from 'kqueue'
import { SIGNALS } from '../node/signals.js'
import { BOUNDED } from '../patience.js'

const { SIGSYS, SIGTERM, SIGUSR1 } = SIGNALS

/** What adding an event for a signal fails with. */
function assertNoSignal(signal: number, reason: RegExp): void {
  const kq = kqueue()
  assert.throws(() => kq.kevent([EV_SET(signal, EVFILT_SIGNAL, EV_ADD)]), {
    code: 'ENOSYS',
    syscall: 'kevent',
    reason,
  })
  assert.deepEqual([...kq.knotes()], [])
  kq.close()
}

describe('Deno', { skip: !('deno' in process.versions) && 'this is another runtime' }, () => {
  it('has no EVFILT_SIGNAL', () => {
    for (const signal of [SIGTERM, SIGUSR1, 64]) {
      assertNoSignal(signal, /^Deno's handler ends the process when nobody listens/)
    }
  })

  it('has no fork of queues that are copied, and starts nothing', () => {
    const kq = kqueuex(KQUEUE_CPONFORK)
    const refused = { code: 'ENOSYS', syscall: 'fork', reason: /^Deno hands no descriptors/ }
    assert.throws(() => fork('/nowhere.js'), refused)
    kq.close()
  })
})

describe('Bun', { skip: !('bun' in process.versions) && 'this is another runtime' }, () => {
  it('has no EVFILT_SIGNAL of SIGSYS', () => {
    assertNoSignal(SIGSYS, /^Bun's handler of SIGSYS ends the process$/)
  })
})

describe('Each runtime', () => {
  it('says which part of the package has gone since that was imported', () => {
    const root = fileURLToPath(new URL('../../..', import.meta.url))
    const place = mkdtempSync(join(tmpdir(), 'kqueue-gone-'))
    const program = join(place, 'program.mjs')
    try {
      for (const file of ['package.json', 'dist']) {
        cpSync(join(root, file), join(place, file), { recursive: true })
      }
      writeFileSync(
        program,
        `import { unlinkSync } from 'node:fs'
        import { aio_error } from './dist/index.js'
        unlinkSync(new URL('dist/chunks/seldom.cjs', import.meta.url))
        try { aio_error() } catch (error) { console.log(error.name, error.code, error.reason) }`,
      )
      const { stdout } = spawnSync(process.execPath, [program], { encoding: 'utf8', ...BOUNDED })
      assert.match(
        stdout,
        /^KqueueError ENOSYS a part of this package cannot be read: .*seldom\.cjs/,
      )
    } finally {
      rmSync(place, { recursive: true })
    }
  })
})
