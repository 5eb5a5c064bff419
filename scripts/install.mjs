/**
 * The package's install script: makes sure that there is an addon to load, and the small
 * program through which `kq trace` starts commands. Takes each from the prebuilt binaries for
 * this platform, or those built before, and else compiles it. What cannot be had is no reason
 * not to install: kqueue/sim and kqueue/core need neither. Silent when all is well.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const release = join(root, 'build', 'Release')
const prebuilt = join(root, 'prebuilds', `${process.platform}-${process.arch}`)
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

/** node-gyp-build knows musl by Alpine only; elsewhere its binary goes where that looks first. */
function takeMusl() {
  const binary = join(prebuilt, 'kqueue.musl.node')
  const built = join(release, 'kqueue.node')
  if (!existsSync(binary) || existsSync(built) || existsSync('/etc/alpine-release')) return
  if (process.report.getReport().header.glibcVersionRuntime !== undefined) return
  mkdirSync(release, { recursive: true })
  copyFileSync(binary, built)
}

/** As in src/cli/trace/gate.ts. */
function hasGate() {
  return [release, prebuilt].some((place) => isExecutable(join(place, 'kq-gate')))
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

const compilerMissing = () =>
  env.CC?.trim() ? `the C compiler of $CC, ${env.CC.trim()}` : 'a C compiler'

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

/** Why a command has failed, after what it has said; undefined when it has not. */
function failure(result) {
  if (result.status === 0) return undefined
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`)
  return result.error?.message ?? result.signal ?? `exit code ${result.status}`
}

/** What makes the addon: undefined, or why there is none. */
function makeAddon() {
  const gyp = nodeGyp()
  const cc = compiler()
  const missing = []
  if (!python()) missing.push('python3')
  if (!which(env.MAKE || 'make')) missing.push('make')
  if (!cc) missing.push(compilerMissing())
  if (!gyp) missing.push('node-gyp (npm install -g node-gyp)')
  if (missing.length > 0) {
    return `no prebuilt one fits ${process.platform}-${process.arch}, and building it needs what is missing here: ${missing.join(', ')}`
  }
  const [command, ...first] = gyp
  /* gyp links with the C++ compiler unless told; there is no C++ here to link. */
  const tools = { ...env, CC: cc, LINK: env.LINK || cc }
  const args = [...first, 'rebuild', ...nodeDirectory(), '--', '-Dwerror=0']
  const reason = failure(spawnSync(command, args, { cwd: root, env: tools, encoding: 'utf8' }))
  if (reason !== undefined) {
    return `building it failed (${reason}); the compiler's messages are above`
  }
  return loads() ? undefined : 'it was built but does not load'
}

/** The same of the gate, which takes a C compiler and nothing else. */
function makeGate() {
  const cc = compiler()
  if (!cc) return `building it needs what is missing here: ${compilerMissing()}`
  mkdirSync(release, { recursive: true })
  const [command, ...first] = cc.split(/\s+/)
  /* As in binding.gyp. */
  const flags = ['-O2', '-std=c11', '-D_GNU_SOURCE', '-D_FILE_OFFSET_BITS=64']
  const output = ['-o', join(release, 'kq-gate'), join(root, 'native', 'gate.c')]
  const reason = failure(spawnSync(command, [...first, ...flags, ...output], { encoding: 'utf8' }))
  return reason && `building it failed (${reason})`
}

const lacks = []

function takeAddon() {
  takeMusl()
  if (loads()) return
  const reason = makeAddon()
  if (reason === undefined) return
  lacks.push(`kqueue: there is no addon: ${reason}.
Until it is there kqueue() throws ENOSYS. It is built by npm rebuild kqueue, which takes:
  Debian, Ubuntu:  apt-get install python3 make gcc libc6-dev
  Fedora:          dnf install python3 make gcc
  Alpine:          apk add python3 make gcc musl-dev linux-headers
  macOS:           xcode-select --install
  the BSDs:        the packages python3 and gmake
kqueue/sim, a kernel in memory, and kqueue/core need none.`)
}

function takeGate() {
  if (hasGate()) return
  const reason = makeGate()
  if (reason === undefined) return
  lacks.push(`kqueue: there is no kq-gate, without which kq trace cannot run commands: ${reason}.`)
}

/* A kernel with a kqueue of its own takes an addon, and has no kq-gate. */
const native = ['darwin', 'freebsd', 'netbsd', 'openbsd'].includes(process.platform)
if (process.platform === 'linux' || native) {
  takeAddon()
  if (!native) takeGate()
} else {
  console.log(
    `kqueue: ${process.platform} has no kqueue; here kqueue() throws ENOSYS, and kqueue/sim and kqueue/core are there.`,
  )
}
for (const lack of lacks) console.warn(lack)
/* Who has asked for them by `npm rebuild`, or by hand, is to know. */
const asked = env.npm_command === undefined || env.npm_command === 'rebuild'
if (asked && lacks.length > 0) process.exitCode = 1
