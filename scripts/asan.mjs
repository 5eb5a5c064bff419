/**
 * `npm run test:asan`: runs tests with an addon that AddressSanitizer and
 * UndefinedBehaviorSanitizer watch. Builds it under `build/asan`, beside the
 * usual one, and fails on any report. Arguments: test files, else those under
 * `build/test` that use the addon.
 */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const place = join(root, 'build', 'asan')
const reports = join(place, 'reports')

function run(command, args, env = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  })
  if (result.error) throw result.error
  return result.status ?? 1
}

function build() {
  rmSync(place, { recursive: true, force: true })
  mkdirSync(reports, { recursive: true })
  // Tests become ordinary users, who report, too.
  chmodSync(reports, 0o777)
  for (const source of ['native', 'binding.gyp']) {
    cpSync(join(root, source), join(place, source), { recursive: true })
  }
  const gyp = join(root, 'node_modules', '.bin', 'node-gyp')
  const prefix = dirname(dirname(process.execPath))
  const headers = existsSync(join(prefix, 'include', 'node', 'node_api.h'))
  const nodedir = headers && !process.env.npm_config_nodedir ? [`--nodedir=${prefix}`] : []
  const args = ['-C', place, 'rebuild', '--loglevel=error', ...nodedir, '--', '-Dsanitize=1']
  return run(gyp, args) === 0
}

function library(name) {
  const compiler = process.env.CC?.trim() || 'gcc'
  const answer = spawnSync(`${compiler} -print-file-name=${name}`, {
    shell: true,
    encoding: 'utf8',
  })
  const path = answer.stdout.trim()
  if (!existsSync(path)) throw new Error(`${name} not found: install the compiler's sanitizers`)
  return path
}

/**
 * What counts in a report. One of leaks mixes ours with those of Node, which
 * frees little as it exits: only memory that the addon itself has allocated counts.
 */
function ours(report) {
  if (!report.includes('LeakSanitizer')) return [report]
  return report.split(/\n\s*\n/).filter((part) => /#1 \S+ in \w+ \S*\/native\//.test(part))
}

function collectReports() {
  return readdirSync(reports).flatMap((file) => ours(readFileSync(join(reports, file), 'utf8')))
}

if (!build()) process.exit(1)

/**
 * The tests that use the addon. Those of the command use it as well, but in hundreds of
 * processes that each take long to end here.
 */
function usingAddon() {
  return ['mixed', 'node', 'scenarios'].flatMap((directory) =>
    readdirSync(join(root, 'build/test', directory))
      .filter((name) => name.endsWith('.test.js'))
      .map((name) => join('build/test', directory, name)),
  )
}

const named = process.argv.slice(2)
const files = named.length > 0 ? named : usingAddon()
const options = ['--test', '--test-timeout=600000', '--test-reporter=./test/progress.mjs']
const status = run(process.execPath, [...options, ...files], {
  /* node-gyp-build looks for build/Release below this directory. */
  KQUEUE_PREBUILD: place,
  LD_PRELOAD: `${library('libasan.so')} ${library('libubsan.so')}`,
  /* Leaks go to the reports but not to the exit code, which would fail Node itself. */
  LSAN_OPTIONS: 'exitcode=0:print_suppressions=0',
  ASAN_OPTIONS: `log_path=${join(reports, 'asan')}:detect_leaks=1`,
  /* Prints to the test's own output, and ends it. */
  UBSAN_OPTIONS: 'print_stacktrace=1',
})
const found = collectReports()
for (const report of found) console.error(report)
console.log(`asan: ${found.length} reports, tests ${status === 0 ? 'passed' : 'failed'}`)
process.exit(found.length > 0 ? 1 : status)
