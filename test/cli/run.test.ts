/** `kq run`: when the command is run, and what it is told. */
import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { after, describe, test } from 'node:test'
import { Directory, run, start } from './command.js'
import { CALM, call, plant, Runs } from './running.js'

const directory = new Directory()
after(() => directory.remove())

describe('kq run', { concurrency: 2 }, () => {
  test('runs at the start, and again when a file is written', async () => {
    const top = plant(directory, 'first', { 'a.js': 'a', 'sub/b.js': 'b' })
    const kq = new Runs([top], ['true'], [])
    const { files, directories } = await kq.watching
    assert.deepEqual([files, directories], [2, 2])
    assert.deepEqual(await kq.ran(), [])
    appendFileSync(`${top}/sub/b.js`, 'x')
    assert.deepEqual(await kq.ran(), [`${top}/sub/b.js`])
    const { code, stderr } = await kq.end()
    assert.deepEqual([code, stderr], [143, ''])
  })

  test('--postpone runs at the first change', async () => {
    const top = plant(directory, 'postpone', { a: '' })
    const kq = new Runs([`${top}/a`])
    await kq.watching
    appendFileSync(`${top}/a`, 'x')
    const { run: number, paths } = await kq.started()
    assert.deepEqual([number, paths], [1, [`${top}/a`]])
    await kq.ended()
    await kq.end()
  })

  test('says how a run ended', async () => {
    const top = plant(directory, 'endings', { a: '' })
    const script =
      'n=$(wc -c < "$KQ_PATH"); test $n = 1 && exit 7; test $n = 2 && kill -9 $$; exit 0'
    const kq = new Runs([top], ['sh', '-c', script])
    await kq.watching
    for (const expected of [
      [7, null],
      [null, 'SIGKILL'],
      [0, null],
    ]) {
      appendFileSync(`${top}/a`, 'x')
      await kq.started()
      const { code, signal, stopped, duration } = await kq.ended()
      assert.deepEqual([code, signal, stopped], [...expected, false])
      assert.ok(duration >= 0 && duration < 30_000)
    }
    await kq.end()
  })

  test('500 files at once are one run', async () => {
    const names = Array.from({ length: 500 }, (_, i) => `d${i % 7}/f${i}`)
    const top = plant(
      directory,
      'many',
      Object.fromEntries([['z', ''], ...names.map((n) => [n, ''])]),
    )
    const kq = new Runs([top])
    await kq.watching
    for (let round = 0; round < 3; round++) {
      await call('touch', names, top)
      const paths = await kq.ran()
      assert.deepEqual(paths.sort(), names.map((name) => `${top}/${name}`).sort())
    }
    await kq.calm(`${top}/z`)
    await kq.end()
  })

  test('what is touched, or given another mode, has changed; what is read has not', async () => {
    const top = plant(directory, 'touched', { a: 'a', z: '' })
    const kq = new Runs([top])
    await kq.watching
    readFileSync(`${top}/a`)
    chmodSync(`${top}/a`, 0o644)
    await kq.calm(`${top}/z`)
    utimesSync(`${top}/a`, 1, 1)
    assert.deepEqual(await kq.ran(), [`${top}/a`])
    chmodSync(`${top}/a`, 0o755)
    assert.deepEqual(await kq.ran(), [`${top}/a`])
    // Set to what they are.
    utimesSync(`${top}/a`, 1, 1)
    chmodSync(`${top}/a`, 0o755)
    await kq.calm(`${top}/z`)
    await kq.end()
  })

  test('what comes and goes at once has not changed anything', async () => {
    const top = plant(directory, 'transient', { z: '' })
    const kq = new Runs([top])
    await kq.watching
    for (let i = 0; i < 20; i++) {
      writeFileSync(`${top}/tmp${i}`, 'x')
      rmSync(`${top}/tmp${i}`)
    }
    mkdirSync(`${top}/tmpdir`)
    rmSync(`${top}/tmpdir`, { recursive: true })
    await kq.calm(`${top}/z`)
    await kq.end()
  })

  test('a stream of changes without end does not keep it from running', async () => {
    const top = plant(directory, 'stream', { a: '' })
    const kq = new Runs([top], ['true'], ['--postpone', '--delay', '20ms'])
    await kq.watching
    const stream = setInterval(() => appendFileSync(`${top}/a`, 'x'), 2)
    for (let i = 0; i < 2; i++) await kq.ran()
    clearInterval(stream)
    await kq.end()
  })
})

describe('while the command runs', { concurrency: 2 }, () => {
  /** Runs until a byte comes through the fifo. */
  function held(name: string, options: string[]): { kq: Runs; top: string; fifo: string } {
    const top = plant(directory, name, { a: '', b: '', z: '' })
    const fifo = directory.fifo()
    const kq = new Runs([top], ['sh', '-c', 'read line < "$1"', 'sh', fifo], options)
    return { kq, top, fifo }
  }

  test('what changes makes one more run', async () => {
    const { kq, top, fifo } = held('queue', ['--postpone'])
    await kq.watching
    appendFileSync(`${top}/a`, 'x')
    await kq.started()
    for (let i = 0; i < 50; i++) appendFileSync(`${top}/${i % 2 ? 'a' : 'b'}`, 'x')
    writeFileSync(fifo, '\n')
    await kq.ended()
    assert.deepEqual((await kq.started()).paths.sort(), [`${top}/a`, `${top}/b`])
    writeFileSync(fifo, '\n')
    await kq.ended()
    appendFileSync(`${top}/z`, 'x')
    assert.deepEqual((await kq.started()).paths, [`${top}/z`])
    writeFileSync(fifo, '\n')
    await kq.ended()
    await kq.end()
  })

  test('--no-queue forgets what changes, and goes on watching what is new', async () => {
    const { kq, top, fifo } = held('no-queue', ['--postpone', '--no-queue'])
    await kq.watching
    appendFileSync(`${top}/a`, 'x')
    await kq.started()
    mkdirSync(`${top}/new`)
    writeFileSync(`${top}/new/c`, '')
    appendFileSync(`${top}/b`, 'x')
    writeFileSync(fifo, '\n')
    await kq.ended()
    appendFileSync(`${top}/new/c`, 'x')
    assert.deepEqual((await kq.started()).paths, [`${top}/new/c`])
    writeFileSync(fifo, '\n')
    await kq.ended()
    await kq.end()
  })

  test('--no-queue keeps a command that writes where it watches from a loop', async () => {
    const top = plant(directory, 'loop', { a: '', z: '' })
    const command = ['sh', '-c', 'date +%N > "$1"/out', 'sh', top]
    const kq = new Runs([top], command, ['--postpone', '--no-queue'])
    await kq.watching
    for (let i = 0; i < 3; i++) await kq.calm(`${top}/z`)
    await kq.end()
  })
})

describe('--once ends with the exit status of the first run', { concurrency: 2 }, () => {
  const path = directory.path
  const cases: [string[], number, RegExp][] = [
    [['true'], 0, /^$/],
    [['sh', '-c', 'exit 7'], 7, /^kq: exit 7 after \d+\.\d\d s\n$/],
    [['sh', '-c', 'kill -9 $$'], 137, /^kq: killed by SIGKILL after \d+\.\d\d s\n$/],
    [['no-such-command'], 127, /^kq: no-such-command: command not found\n$/],
    [['./nowhere/command'], 127, /^kq: \.\/nowhere\/command: ENOENT: no such file/],
    [['/etc/passwd'], 126, /^kq: \/etc\/passwd: EACCES: permission denied\n$/],
    [['/'], 126, /^kq: \/: EACCES: permission denied\n$/],
  ]
  for (const [command, status, message] of cases) {
    test(`${command.join(' ')}: ${status}`, async () => {
      const { code, stderr } = await run(['run', '-z', path, '--', ...command])
      assert.equal(code, status)
      assert.match(stderr, message)
    })
  }

  test('with --postpone it waits for a change', async () => {
    const top = plant(directory, 'once', { a: '' })
    const kq = new Runs([top], ['sh', '-c', 'exit 3'], ['-pz'])
    await kq.watching
    appendFileSync(`${top}/a`, 'x')
    await kq.ran()
    assert.equal((await kq.kq.ended).code, 3)
  })

  test('a program that is being written is waited for', async () => {
    const program = directory.join('program')
    await call('sh', ['-c', 'cp "$(command -v env)" "$1"', 'sh', program])
    const writer = openSync(program, 'r+')
    const kq = start(['run', '--json', '-z', directory.path, '--', program])
    await kq.line()
    closeSync(writer)
    const { code } = await kq.ended
    assert.equal(code, 0)
  })
})

describe('a command that cannot be executed', { concurrency: 2 }, () => {
  test('is said, and run again on a change', async () => {
    const top = plant(directory, 'unborn', { a: '' })
    const kq = new Runs([top], [`${top}/program`], [])
    await kq.watching
    assert.equal((await kq.started()).pid, null)
    const { code, reason } = await kq.ended()
    assert.equal(code, 127)
    assert.match(reason!, /program: ENOENT/)
    writeFileSync(`${top}/program`, '#!/bin/sh\nexit 4\n', { mode: 0o755 })
    assert.notEqual((await kq.started()).pid, null)
    assert.equal((await kq.ended()).code, 4)
    await kq.end()
  })
})

describe('the command is told of the path', { concurrency: 2 }, () => {
  test('in KQ_PATH, and as the first word /_', async () => {
    const top = plant(directory, 'told', { 'a b': '', z: '' })
    const command = ['sh', '-c', 'echo "$KQ_PATH,$1,$2" >&2', 'sh', '/_', '/_']
    const kq = new Runs([top], command, [], { env: { KQ_PATH: 'of another kq' } })
    await kq.watching
    await kq.ran()
    appendFileSync(`${top}/a b`, 'x')
    await kq.ran()
    const { stderr } = await kq.end()
    assert.equal(stderr, `,${top},/_\n${top}/a b,${top}/a b,/_\n`)
  })

  test('one that is there rather than one that is gone', async () => {
    const top = plant(directory, 'gone', { a: '' })
    const kq = new Runs([top])
    await kq.watching
    await call('mv', [`${top}/a`, `${top}/b`])
    assert.deepEqual(await kq.ran(), [`${top}/b`, `${top}/a`])
    await kq.end()
  })

  test('a directory where nothing in it has changed', async () => {
    const top = plant(directory, 'directory', { a: '' })
    const kq = new Runs([top])
    await kq.watching
    mkdirSync(`${top}/new`)
    assert.deepEqual(await kq.ran(), [`${top}/new`])
    writeFileSync(`${top}/new/b`, '')
    assert.deepEqual(await kq.ran(), [`${top}/new/b`])
    rmSync(`${top}/new`, { recursive: true })
    assert.deepEqual(await kq.ran(), [`${top}/new/b`])
    await kq.end()
  })
})

describe('what is printed', { concurrency: 2 }, () => {
  test('nothing while runs end well', async () => {
    const top = plant(directory, 'quiet', { a: '' })
    const { code, stdout, stderr } = await run(['run', '-z', top, '--', 'echo', 'hello'])
    assert.deepEqual([code, stdout, stderr], [0, 'hello\n', ''])
  })

  test('--verbose: what changes, and how runs end', async () => {
    const top = plant(directory, 'verbose', { a: '' })
    const kq = start(['run', '--verbose', `--delay=${CALM}ms`, top, '--', 'echo', 'done'])
    assert.equal(await kq.line(), 'done')
    appendFileSync(`${top}/a`, 'x')
    appendFileSync(`${top}/b`, 'x')
    assert.equal(await kq.line(), 'done')
    kq.child.kill()
    const { stderr } = await kq.ended
    assert.match(
      stderr,
      /^kq: watching 1 file and 1 directory\nkq: run 1\nkq: exit 0 after [\d.]+ s\nkq: run 2: [^\n]+\/a and 1 more\n/,
    )
  })

  test('in colours only where they are wanted', async () => {
    const args = ['run', '-z', directory.path, '--', 'false']
    const plain = /^kq: exit 1 after [\d.]+ s\n$/
    assert.match((await run(args)).stderr, plain)
    const coloured = await run(args, { env: { FORCE_COLOR: '1' } })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is looked for
    assert.match(coloured.stderr, /^\x1b\[31mkq: exit 1 after [\d.]+ s\x1b\[0m\n$/)
    // Node.js has something to say of both.
    const both = { FORCE_COLOR: '1', NO_COLOR: '1', NODE_NO_WARNINGS: '1' }
    assert.match((await run(args, { env: both })).stderr, plain)
  })

  test('with --json, lines for themselves: what the command prints goes to standard error', async () => {
    const { code, stdout, stderr } = await run([
      'run',
      '--json',
      '-z',
      directory.path,
      '--',
      'echo',
      'x',
    ])
    assert.deepEqual([code, stderr], [0, 'x\n'])
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    assert.deepEqual(
      lines.map((line) => Object.keys(line)),
      [
        ['time', 'event', 'files', 'directories'],
        ['time', 'event', 'run', 'pid', 'paths'],
        ['time', 'event', 'run', 'code', 'signal', 'duration', 'stopped'],
      ],
    )
  })

  test('no control characters of a path', async () => {
    const top = plant(directory, 'control', { a: '' })
    const kq = new Runs([top])
    await kq.watching
    writeFileSync(`${top}/x\x1b[31m\ny`, '')
    const { paths } = await kq.started()
    assert.deepEqual(paths, [`${top}/x\x1b[31m\ny`])
    await kq.end()
  })

  test('a reader of --json who goes ends kq and the command', async () => {
    const kq = start(['run', '--json', directory.path, '--', 'sleep', '1000'])
    await kq.line()
    const { pid } = JSON.parse(await kq.line()) as { pid: number }
    kq.child.stdout!.destroy()
    const { code, stderr } = await kq.ended
    assert.deepEqual([code, stderr], [0, ''])
    assert.throws(() => process.kill(pid, 0), /ESRCH/)
  })
})
