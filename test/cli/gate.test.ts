/**
 * The program through which `kq trace` starts commands, where it is not part of an installed
 * package that has its addon: the message that says so, and what npm makes of its advice.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const gate = 'build/Release/kq-gate'

describe('an installed package whose kq-gate is missing', () => {
  let project: string
  let installed: string

  before(() => {
    project = mkdtempSync(join(tmpdir(), 'kqueue-installed-'))
    installed = join(project, 'node_modules/kqueue')
    const prebuilt = join(installed, 'prebuilds', `${process.platform}-${process.arch}`)
    mkdirSync(prebuilt, { recursive: true })
    copyFileSync(join(root, 'build/Release/kqueue.node'), join(prebuilt, 'kqueue.node'))
    for (const part of ['dist', 'native', 'scripts', 'binding.gyp', 'package.json']) {
      cpSync(join(root, part), join(installed, part), { recursive: true })
    }
    const loader = 'node_modules/node-gyp-build'
    symlinkSync(join(root, loader), join(project, loader))
    const dependencies = { kqueue: '*' }
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'project', dependencies }))
  })
  after(() => rmSync(project, { recursive: true }))

  const trace = () =>
    spawnSync(process.execPath, [join(installed, 'dist/cli/main.js'), 'trace', '--', 'true'], {
      encoding: 'utf8',
      timeout: 60_000,
    })
  /** As a user does, whatever npm has set for the tests. */
  const rebuild = (variables: NodeJS.ProcessEnv = {}) => {
    const inherited = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))
    const env = { ...Object.fromEntries(inherited), ...variables }
    return spawnSync('npm', ['rebuild', 'kqueue'], {
      cwd: project,
      env,
      encoding: 'utf8',
      timeout: 120_000,
    })
  }

  test('kq trace says what is missing and what builds it', () => {
    const { status, stdout, stderr } = trace()
    assert.deepEqual([status, stdout], [1, ''])
    const path = join(installed, gate)
    assert.equal(
      stderr,
      `kq: kq trace: ENOENT: ${path} is missing; npm rebuild kqueue builds it, which takes a C compiler\n`,
    )
  })

  test('npm rebuild says what it needs where there is no C compiler', () => {
    const { status, stderr } = rebuild({ CC: '/nowhere/cc' })
    assert.notEqual(status, 0)
    assert.match(stderr, /there is no kq-gate, without which kq trace cannot run commands/)
    assert.match(stderr, /missing here: the C compiler of \$CC, \/nowhere\/cc/)
    assert.equal(existsSync(join(installed, gate)), false)
  })

  test('npm rebuild builds it, though there is an addon', () => {
    const { status, stderr } = rebuild()
    assert.equal(status, 0, stderr)
    assert.equal(existsSync(join(installed, 'build/Release/kqueue.node')), false)
    assert.doesNotMatch(trace().stderr, /kq-gate/)
  })
})
