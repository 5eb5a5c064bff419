/**
 * The package's install script: makes sure that there is an addon to load, and the small
 * program through which `kq trace` starts commands. Takes the prebuilt binaries for this
 * platform, or those built before, and else compiles `native/` with node-gyp. Silent when
 * all is well.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const env = process.env

/** The path of a command, looked up as the shell would. */
function which(command) {
  const paths = command.includes('/')
    ? [command]
    : (env.PATH ?? '').split(delimiter).map((directory) => join(directory, command))
  return paths.find(isExecutable)
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function loads() {
  try {
    createRequire(import.meta.url)('node-gyp-build')(root)
    return true
  } catch {
    return false
  }
}

/** As in src/cli/trace/gate.ts. */
function hasGate() {
  const places = ['build/Release', `prebuilds/${process.platform}-${process.arch}`]
  return places.some((place) => isExecutable(join(root, place, 'kq-gate')))
}

/** How to start node-gyp: npm's own, that of this package, or any. */
function nodeGyp() {
  if (env.npm_config_node_gyp) return [process.execPath, env.npm_config_node_gyp]
  const local = join(root, 'node_modules', '.bin', 'node-gyp')
  const found = existsSync(local) ? local : which('node-gyp')
  return found && [found]
}

/** The C compiler; $CC may be a command with arguments. */
function compiler() {
  if (env.CC?.trim()) return which(env.CC.trim().split(/\s+/)[0]) && env.CC.trim()
  return ['cc', 'gcc', 'clang'].find(which)
}

function python() {
  const chosen = env.npm_config_python || env.NODE_GYP_FORCE_PYTHON || env.PYTHON
  return which(chosen || 'python3') ?? which('python')
}

/** Headers that came with this node save node-gyp the download. */
function nodeDirectory() {
  const prefix = dirname(dirname(process.execPath))
  const bundled = existsSync(join(prefix, 'include', 'node', 'node_api.h'))
  return bundled && !env.npm_config_nodedir ? [`--nodedir=${prefix}`] : []
}

function fail(message) {
  console.error(message)
  process.exit(1)
}

function reportMissing(missing) {
  fail(`kqueue: there is no prebuilt binary for ${process.platform}-${process.arch}, and building one needs what
is missing here: ${missing.join(', ')}. Install it and run npm install again:
  Debian, Ubuntu:  apt-get install python3 make gcc libc6-dev
  Fedora:          dnf install python3 make gcc
  Alpine:          apk add python3 make gcc musl-dev linux-headers
The package without the real kernel (kqueue/core) needs no binary: npm install --ignore-scripts`)
}

function build(gyp, cc) {
  const [command, ...first] = gyp
  /* gyp links with the C++ compiler unless told; there is no C++ here to link. */
  const tools = { ...env, CC: cc, LINK: env.LINK || cc }
  const args = [...first, 'rebuild', ...nodeDirectory(), '--', '-Dwerror=0']
  const result = spawnSync(command, args, { cwd: root, env: tools, encoding: 'utf8' })
  if (result.status === 0) return
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`)
  const reason = result.error?.message ?? result.signal ?? `exit code ${result.status}`
  fail(`kqueue: building the addon failed (${reason}); the compiler's messages are above.`)
}

/** The addon is there already, so this takes a C compiler and nothing else. */
function buildGate() {
  const cc = compiler()
  if (!cc) {
    missGate(
      `building it needs a C compiler${env.CC?.trim() ? `, which $CC (${env.CC.trim()}) is not` : ''}`,
    )
    return
  }
  const directory = join(root, 'build', 'Release')
  mkdirSync(directory, { recursive: true })
  const [command, ...first] = cc.split(/\s+/)
  /* As in binding.gyp. */
  const flags = ['-O2', '-std=c11', '-D_GNU_SOURCE', '-D_FILE_OFFSET_BITS=64']
  const output = join(directory, 'kq-gate')
  const args = [...first, ...flags, '-o', output, join(root, 'native', 'gate.c')]
  const result = spawnSync(command, args, { encoding: 'utf8' })
  if (result.status === 0) return
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`)
  missGate(
    `building it failed (${result.error?.message ?? result.signal ?? `exit code ${result.status}`})`,
  )
}

/** The package does all else without; but who has asked for it by `npm rebuild` is to know. */
function missGate(reason) {
  const message = `kqueue: kq-gate, without which kq trace cannot run commands, is missing, and ${reason}.`
  if (env.npm_command === undefined || env.npm_command === 'rebuild') fail(message)
  console.warn(message)
}

if (process.platform !== 'linux') {
  console.log(
    'kqueue: the real kernel needs Linux; on this platform only the simulated one is there.',
  )
} else if (!loads()) {
  const gyp = nodeGyp()
  const cc = compiler()
  const missing = []
  if (!python()) missing.push('python3')
  if (!which(env.MAKE || 'make')) missing.push('make')
  if (!cc) missing.push(env.CC?.trim() ? `the C compiler of $CC, ${env.CC.trim()}` : 'a C compiler')
  if (!gyp) missing.push('node-gyp (npm install -g node-gyp)')
  if (missing.length > 0) reportMissing(missing)
  build(gyp, cc)
  if (!loads()) fail('kqueue: the addon was built but does not load.')
} else if (!hasGate()) {
  buildGate()
}
