/** The programs in examples/ end by themselves and print what they promise. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ROOT, runProgram } from './program.js'

/** Those that have a test of their own. */
const OWN = ['kernels.mjs', 'publish.mjs']

const EXAMPLES = join(ROOT, 'examples')

/** What each prints, whole. */
const OUTPUTS: Readonly<Record<string, RegExp>> = {
  'fork-tree.mjs': /^2 at depth 1\n4 at depth 2\nall have exited\n$/,
  'heartbeat.mjs':
    /^50 ticks of 20 ms, the last one late by\n {2}ticks +-?\d+\.\d ms\n {2}setInterval +-?\d+\.\d ms\n$/,
  'lines.mjs': /^1000 lines\n$/,
  'own-filter.mjs':
    /^(queue 0, 1 waiting: job [135]\n){3}queue 1, 3 waiting: job 2, job 4, job 6\n$/,
  'prefork.mjs': /^3 workers have served 30 requests, each once\n$/,
  'pressure.mjs':
    /^(some avg10=\S+ avg60=\S+ avg300=\S+ total=\d+|no pressure stall information here: \w+)\n$/,
  'shutdown.mjs': /^(work\n)+reload config certs\n(work\n)+reload config certs\nended in order\n$/,
  'simulated-test.mjs':
    /^simulated: one, two, three in 2\.9 hours\nit took \d+\.\d ms\nLinux: four, five\n$/,
  'tail.mjs': /^there from the start\none more\nand another\nthe last\n$/,
  'throttle.mjs': /^200000 bytes\nat most one chunk every 10 ms: true\n$/,
  'watch-tree.mjs':
    /^watching 2 files and directories\n~ file\n\+ one\n\+ one\/two\n\+ one\/two\/three\n~ one\/two\/three\n- one\/two\/three\n- one\/two\n\+ four\n\+ four\/three\n(- .*\n)*the tree is gone\n$/,
  'worker-pool.mjs': /^12 jobs by 3 workers, each once\nstopped (?:[012] ?){3}\n$/,
  'worker.mjs': /^(the worker has read: (one|two|three)\n){3}the main thread went on: true\n$/,
}

/** Those that run on Linux and on the simulated kernel. */
const ON_BOTH = ['fork-tree', 'heartbeat', 'lines', 'shutdown', 'tail', 'throttle'].map(
  (name) => `${name}.mjs`,
)

describe('the examples', { concurrency: 2 }, () => {
  const check = async (name: string, signal: AbortSignal, ...args: string[]): Promise<void> => {
    const output = OUTPUTS[name]
    assert.ok(output, 'an example has its output in this test')
    const path = join(EXAMPLES, name)
    const { code, stdout, stderr } = await runProgram(path, tmpdir(), signal, args)
    assert.equal(stderr, '')
    assert.equal(code, 0)
    assert.match(stdout, output)
  }
  for (const name of readdirSync(EXAMPLES).filter((name) => name.endsWith('.mjs'))) {
    if (OWN.includes(name)) continue
    test(`${name} prints what it promises`, (t) => check(name, t.signal))
  }
  test('prefork.mjs prints it with node:cluster', (t) =>
    check('prefork.mjs', t.signal, '--cluster'))
  test('tail.mjs follows a file of the directory it is called in', async (t) => {
    const cwd = mkdtempSync(join(tmpdir(), 'kqueue-tail-'))
    t.after(() => rmSync(cwd, { recursive: true }))
    writeFileSync(join(cwd, 'file'), 'a line\n')
    const tail = spawn(process.execPath, [join(EXAMPLES, 'tail.mjs'), 'file'], {
      cwd,
      signal: t.signal,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    tail.on('error', () => {}) // the end of the test
    t.after(() => tail.kill())
    // It ends without a word where there is no such file.
    const said = await Promise.race([once(tail.stdout, 'data'), once(tail, 'exit')])
    assert.equal(String(said[0]), 'a line\n')
  })
  for (const name of ON_BOTH) {
    test(`${name} prints it on the simulated kernel`, (t) => check(name, t.signal, '--simulated'))
  }
})
