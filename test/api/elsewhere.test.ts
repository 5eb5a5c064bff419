/**
 * What `import 'kqueue'` does where there is no kqueue, and how the package installs there;
 * each in a process that takes itself for one of another platform.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BOUNDED } from '../patience.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const program = fileURLToPath(new URL('../programs/elsewhere.js', import.meta.url))

type Answers = Record<string, { code?: string; message?: string }>

function answersOn(platform: string): Answers {
  const { stdout, stderr } = spawnSync(process.execPath, [program, platform], {
    ...BOUNDED,
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  return JSON.parse(stdout) as Answers
}

describe('where there is no kqueue', () => {
  for (const platform of ['win32', 'sunos', 'aix', 'an-unknown-system']) {
    it(`each call that needs a kernel is ENOSYS, and says what there is: ${platform}`, () => {
      const answers = Object.entries(answersOn(platform))
      assert.ok(answers.length > 25)
      for (const [name, { code, message }] of answers) {
        assert.equal(code, 'ENOSYS', `${name}: ${message}`)
        assert.match(message!, new RegExp(`not on ${platform}; kqueue/sim runs everywhere`), name)
      }
    })
  }

  it('a kernel that has one without an addon for it says how to build that', {
    skip: process.platform !== 'linux',
  }, () => {
    for (const platform of ['darwin', 'freebsd', 'netbsd', 'openbsd']) {
      const { kqueue, getmntinfo, processExit } = answersOn(platform)
      for (const answer of [kqueue, getmntinfo, processExit]) {
        assert.equal(answer!.code, 'ENOSYS')
        assert.match(answer!.message!, new RegExp(`not built for ${platform}-.*npm rebuild kqueue`))
      }
    }
  })

  for (const args of [[], ['rebuild']]) {
    it(`installing takes no compiler and is no failure${args.length > 0 ? ', nor is it by hand' : ''}`, () => {
      const place = mkdtempSync(join(tmpdir(), 'kqueue-elsewhere-'))
      try {
        cpSync(join(root, 'scripts/install.mjs'), join(place, 'scripts/install.mjs'))
        cpSync(join(root, 'package.json'), join(place, 'package.json'))
        const fake = `Object.defineProperty(process, 'platform', { value: 'win32' })`
        const preload = `data:text/javascript,${encodeURIComponent(fake)}`
        const env = { ...process.env, PATH: place, npm_command: args[0] ?? 'install' }
        const result = spawnSync(
          process.execPath,
          ['--import', preload, join(place, 'scripts/install.mjs')],
          { ...BOUNDED, encoding: 'utf8', env },
        )
        assert.deepEqual([result.status, result.stderr], [0, ''])
        assert.match(result.stdout, /win32 has no kqueue; .*kqueue\/sim and kqueue\/core are there/)
      } finally {
        rmSync(place, { recursive: true })
      }
    })
  }

  it('nothing in the manifest forbids to install', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object
    for (const field of ['os', 'cpu', 'libc']) assert.ok(!(field in manifest), field)
  })
})
