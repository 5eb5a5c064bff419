/** Node.js that was started with less than it can do. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BOUNDED } from '../patience.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Node.js 20 has another name for it. */
const PERMISSION = ['--permission', '--experimental-permission'].find((flag) =>
  process.allowedNodeEnvironmentFlags.has(flag),
)!

/** What a first queue answers to a process that was started so. */
function firstQueue(...flags: string[]): string {
  const program = `import { EV_ADD, EV_SET, EVFILT_USER, kqueue, NOTE_TRIGGER } from 'kqueue'
    try {
      const kq = kqueue()
      kq.kevent([EV_SET(1, EVFILT_USER, EV_ADD, NOTE_TRIGGER)])
      console.log((await kq.wait()).length)
    } catch ({ name, code, reason }) { console.log(name, code, reason) }`
  const args = ['--no-warnings', ...flags, '--input-type=module', '-e', program]
  const options = { cwd: root, encoding: 'utf8', ...BOUNDED } as const
  const { stdout, stderr } = spawnSync(process.execPath, args, options)
  assert.equal(stderr, '')
  return stdout.trim()
}

describe('Where Node.js asks for permission', () => {
  it('a queue takes the folder of the package, and addons', () => {
    assert.equal(firstQueue(PERMISSION, `--allow-fs-read=${root}`, '--allow-addons'), '1')
  })

  it('it is ENOSYS without addons, and says what would permit it', () => {
    assert.match(
      firstQueue(PERMISSION, `--allow-fs-read=${root}`),
      /^KqueueError ENOSYS .*not allowed to load addons: .*--allow-addons/,
    )
  })

  it('it is ENOSYS without the file of the addon, and says what would permit it', () => {
    const read = ['package.json', 'dist/'].map((path) => `--allow-fs-read=${root}${path}`)
    assert.match(
      firstQueue(PERMISSION, ...read, '--allow-addons'),
      /^KqueueError ENOSYS .*not allowed to read the addon: .*--allow-fs-read/,
    )
  })
})

describe('Where Node.js loads no addons', () => {
  it('a queue is ENOSYS, and says why', () => {
    assert.match(
      firstQueue('--no-addons'),
      /^KqueueError ENOSYS .*not allowed to load addons: .*without --no-addons/,
    )
  })
})
