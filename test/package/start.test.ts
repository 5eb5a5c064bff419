/** What it takes to begin: which files and which modules of Node.js are loaded. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as kqueue from 'kqueue'
import * as core from 'kqueue/core'
import * as sim from 'kqueue/sim'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** A module of dist/ and all that it imports at once. */
function loadedWith(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen
  seen.add(path)
  const source = readFileSync(path, 'utf8')
  for (const [, specifier] of source.matchAll(/^(?:import|export) .*? from "(\.[^"]+)"/gm)) {
    loadedWith(join(dirname(path), specifier!), seen)
  }
  return seen
}

/** The modules of Node.js that a program loads besides those that every program does. */
function builtins(program: string): string[] {
  const source = `${program}\nconsole.log(JSON.stringify(process.moduleLoadList))`
  const run = (text: string): string[] =>
    JSON.parse(
      execFileSync(process.execPath, ['--input-type=module', '-e', text], {
        cwd: root,
        encoding: 'utf8',
      }),
    )
  const usual = new Set(
    run("import 'node:module'\nconsole.log(JSON.stringify(process.moduleLoadList))"),
  )
  return run(source)
    .filter((name) => !usual.has(name))
    .map((name) => name.replace('NativeModule ', ''))
}

/** Each of these brings a dozen others. */
const HEAVY = ['child_process', 'net', 'stream', 'v8', 'worker_threads']

/** `import 'kqueue'`, without what is read later. */
const PARTLESS = ['dist/chunks/linux.js', 'dist/chunks/machine.js', 'dist/index.js']

describe('begins with little', () => {
  for (const [entry, most] of [
    ['core/index.js', 3],
    ['sim/index.js', 4],
  ] as const) {
    test(`${entry} is at most ${most} files`, () => {
      const files = loadedWith(join(root, 'dist', entry))
      assert.ok(files.size <= most, [...files].join(' '))
    })
  }

  test("import 'kqueue' imports what a first queue takes", () => {
    const files = [...loadedWith(join(root, 'dist/index.js'))]
    assert.deepEqual(files.map((file) => file.slice(root.length)).toSorted(), PARTLESS)
  })

  test('no namespace of a module is made as it is loaded, a getter for each name', () => {
    for (const file of loadedWith(join(root, 'dist/sim/index.js'))) {
      assert.doesNotMatch(readFileSync(file, 'utf8'), /__exportAll/, file)
    }
  })

  test('a part is read when it is called for first', {
    skip: process.platform !== 'linux',
  }, () => {
    const program = `
      import { createRequire } from 'node:module'
      import { EV_ADD, EV_SET, EVFILT_PROC, EVFILT_READ, EVFILT_TIMER, forkOptions, kqueue, NOTE_EXIT } from 'kqueue'
      import { openSync } from 'node:fs'
      const { cache } = createRequire(import.meta.url)
      const seen = new Set()
      const told = () => {
        const parts = Object.keys(cache).map((path) => path.slice(${root.length})).filter((part) => !seen.has(part))
        for (const part of parts) seen.add(part)
        console.log(parts.join(' '))
      }
      const kq = kqueue()
      kq.kevent([EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 1)])
      told()
      kq.kevent([EV_SET(openSync('package.json'), EVFILT_READ, EV_ADD)])
      told()
      kq.kevent([EV_SET(process.ppid, EVFILT_PROC, EV_ADD, NOTE_EXIT)])
      told()
      forkOptions().close()
      told()`
    const told = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: root,
      encoding: 'utf8',
    })
    assert.deepEqual(told.split('\n'), [
      '',
      'dist/chunks/files.cjs',
      'dist/chunks/processes.cjs dist/chunks/seldom.cjs',
      'dist/chunks/rare.cjs',
      '',
    ])
  })

  test('a part that is gone is ENOSYS, with the file', {
    skip: process.platform !== 'linux',
  }, () => {
    const place = mkdtempSync(join(tmpdir(), 'kqueue-part-'))
    try {
      for (const file of ['package.json', ...PARTLESS]) {
        cpSync(join(root, file), join(place, file))
      }
      const program = `
        import { EV_ADD, EV_SET, EVFILT_PROC, kqueue, NOTE_EXIT } from 'kqueue'
        const kq = kqueue()
        console.log('made')
        kq.kevent([EV_SET(process.ppid, EVFILT_PROC, EV_ADD, NOTE_EXIT)])`
      const { stdout, stderr } = spawnSync(
        process.execPath,
        ['--input-type=module', '-e', program],
        { cwd: place, env: { ...process.env, KQUEUE_PREBUILD: root }, encoding: 'utf8' },
      )
      assert.equal(stdout, 'made\n')
      assert.match(
        stderr,
        /KqueueError: ENOSYS.* cannot be read: .*\.cjs.* names kqueue as external/,
      )
    } finally {
      rmSync(place, { recursive: true })
    }
  })

  for (const format of ['esm', 'cjs'] as const) {
    test(`a bundle as ${format} has the simulated kernel, and says what kqueue() lacks`, async () => {
      const place = mkdtempSync(join(tmpdir(), 'kqueue-bundle-'))
      try {
        const program = join(place, 'program.mjs')
        writeFileSync(
          program,
          `import { kqueue } from ${JSON.stringify(join(root, 'dist/index.js'))}
          import { SimKernel } from ${JSON.stringify(join(root, 'dist/sim/index.js'))}
          console.log(new SimKernel().init.pid)
          kqueue()`,
        )
        const file = join(place, format === 'esm' ? 'bundle.mjs' : 'bundle.cjs')
        const bundle = await rolldown({ input: program, platform: 'node', onLog: () => {} })
        await bundle.write({ file, format })
        await bundle.close()
        const { stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' })
        assert.equal(stdout, '1\n', stderr)
        assert.match(stderr, /KqueueError: ENOSYS.*names kqueue as external/)
      } finally {
        rmSync(place, { recursive: true })
      }
    })
  }

  for (const program of ["import 'kqueue'", "import { kqueue } from 'kqueue'\nkqueue().close()"]) {
    test(`${program.replace('\n', '; ')} loads nothing heavy of Node.js`, () => {
      const loaded = builtins(program)
      assert.deepEqual(
        loaded.filter((name) => HEAVY.includes(name)),
        [],
      )
    })
  }

  test('kq wait starts no process, and loads nothing for it', () => {
    const told = 'process.on("exit", () => console.error(JSON.stringify(process.moduleLoadList)))'
    const { stderr } = spawnSync(
      process.execPath,
      ['--import', `data:text/javascript,${told}`, 'dist/cli/main.js', 'wait', '--timer', '1us'],
      { cwd: root, encoding: 'utf8' },
    )
    const loaded = JSON.parse(stderr) as string[]
    assert.ok(loaded.includes('NativeModule fs'), stderr)
    assert.ok(!loaded.includes('NativeModule child_process'), stderr)
  })

  test('kq --version loads nothing of kqueue', () => {
    const files = [...loadedWith(join(root, 'dist/cli/main.js'))]
    assert.deepEqual(files.map((file) => file.slice(root.length)).toSorted(), [
      'dist/chunks/version.js',
      'dist/cli/main.js',
    ])
  })
})

test('a class is the same for each entry', () => {
  assert.equal(core.KqueueError, kqueue.KqueueError)
  assert.equal(sim.KqueueError, kqueue.KqueueError)
  assert.equal(core.Knlist, kqueue.Knlist)
  assert.equal(sim.EventList, kqueue.EventList)
})
