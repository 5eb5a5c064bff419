/**
 * The package as it is installed: packed, and put into an empty project where no compiler is on
 * the PATH; once with the binaries that are in `prebuilds/`, when they were built, and once without.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const binary = join('prebuilds', `linux-${process.arch}`, 'kqueue.glibc.node')

let place: string
let path: string
let whole: string
/** The packages that it depends on. */
let others: string[]

/** A command as a user gives it, whatever npm has set for the tests, and without a compiler. */
function run(directory: string, command: string, args: readonly string[]) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(npm_|CC$)/i.test(name))
  const env = { ...Object.fromEntries(inherited), PATH: path, npm_config_update_notifier: 'false' }
  return spawnSync(command, args, { cwd: directory, env, encoding: 'utf8', timeout: 300_000 })
}

function succeed(directory: string, command: string, ...args: string[]): string {
  const { status, signal, stdout, stderr } = run(directory, command, args)
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${signal ?? ''} ${stdout} ${stderr}`)
  return stdout
}

/** The tarball of a package, without the scripts that would build what is to be in it. */
function pack(directory: string, to: string): string {
  mkdirSync(to)
  succeed(directory, 'npm', 'pack', '--ignore-scripts', '--pack-destination', to)
  return join(to, readdirSync(to)[0]!)
}

/** A project with nothing but the package and what that needs. */
function install(name: string, tarball: string): string {
  const project = join(place, name)
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
  succeed(project, 'npm', 'install', '--offline', '--no-audit', '--no-fund', ...others, tarball)
  assert.ok(!existsSync(join(project, 'node_modules/kqueue/build')), 'nothing was compiled')
  return project
}

/** Runs one of `programs/` in a project. */
const node = (project: string, name: 'timer' | 'simulated' | 'elsewhere') => {
  copyFileSync(new URL(`./programs/${name}.js`, import.meta.url), join(project, 'program.js'))
  return run(project, 'node', ['program.js'])
}

describe('The package, installed without a compiler', () => {
  before(() => {
    place = mkdtempSync(join(tmpdir(), 'kqueue-package-'))
    path = join(place, 'bin')
    mkdirSync(path)
    symlinkSync(process.execPath, join(path, 'node'))
    const directories = (process.env.PATH ?? '').split(delimiter)
    for (const name of ['npm', 'sh', 'tar', 'gzip', 'true']) {
      const found = directories.map((directory) => join(directory, name)).find(existsSync)
      symlinkSync(found!, join(path, name))
    }
    whole = pack(root, join(place, 'whole'))
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    others = Object.keys(dependencies).map((name) =>
      pack(join(root, 'node_modules', name), join(place, name)),
    )
  })
  after(() => rmSync(place, { recursive: true, force: true }))

  describe('with the binary of this machine', {
    skip: existsSync(join(root, binary)) ? false : `npm run build:prebuilds makes ${binary}`,
  }, () => {
    let project: string
    before(() => {
      project = install('with', whole)
    })
    const kq = (...args: string[]) => run(project, 'node_modules/.bin/kq', args)

    it('has queues', () => {
      const { stdout, stderr } = node(project, 'timer')
      assert.equal(stdout, '7\n', stderr)
    })

    it('waits on the command line', () => {
      const { status, stdout, stderr } = kq('wait', '--timer', '5ms', '--json')
      assert.equal(status, 0, stderr)
      assert.equal(JSON.parse(stdout).filter, 'EVFILT_TIMER')
    })

    it('starts the commands that are traced', () => {
      const { status, stderr } = kq('trace', '--', 'sh', '-c', 'true & wait; exit 3')
      assert.equal(status, 3, stderr)
    })
  })

  describe('and without a binary that fits', () => {
    let project: string
    before(() => {
      succeed(place, 'tar', 'xzf', whole)
      rmSync(join(place, 'package/prebuilds'), { recursive: true, force: true })
      project = install('without', pack(join(place, 'package'), join(place, 'bare')))
    })

    it('has the simulated kernel', () => {
      const { stdout, stderr } = node(project, 'simulated')
      assert.equal(stdout, '7\n', stderr)
    })

    it('says with ENOSYS that there is no addon, and what there is', () => {
      const { status, stderr } = node(project, 'timer')
      assert.equal(status, 1)
      assert.match(stderr, /ENOSYS.*the addon is not built.*npm rebuild kqueue.*kqueue\/sim/)
    })

    it('says on another system where there is kqueue', () => {
      const { status, stderr } = node(project, 'elsewhere')
      assert.equal(status, 1)
      assert.match(
        stderr,
        /ENOSYS.*on Linux, macOS and the BSDs, not on win32; kqueue\/sim runs everywhere/,
      )
    })

    it('tells who asks for the addon what building it takes', () => {
      const { status, stderr } = run(project, 'npm', ['rebuild', 'kqueue'])
      assert.notEqual(status, 0)
      assert.match(stderr, /there is no addon: .* missing here: .*a C compiler/)
      assert.match(stderr, /there is no kq-gate, .* a C compiler/)
      assert.match(stderr, /kqueue\/sim, a kernel in memory, and kqueue\/core need none/)
    })
  })
})
