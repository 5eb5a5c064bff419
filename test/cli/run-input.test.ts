/** `kq run`: paths from standard input, lines for the shell, and commands that write where they watch. */
import assert from 'node:assert/strict'
import { appendFileSync, closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { after, describe, test } from 'node:test'
import { Directory, MAIN, run, start, startProgram } from './command.js'
import { call, has, plant, Runs } from './running.js'
import { skip, Terminal, kq as words } from './terminal.js'

const hasGit = await has('git')
const directory = new Directory()
after(() => directory.remove())

/** kq with this on its standard input. */
function fed(input: string | Buffer, options: string[], command = ['true']): Runs {
  const path = directory.join('input')
  writeFileSync(path, input)
  const stdin = openSync(path, 'r')
  const kq = new Runs([], command, ['-p', ...options], { stdin })
  closeSync(stdin)
  return kq
}

describe('paths from standard input', { concurrency: 1 }, () => {
  test('one a line, with - for a path', async () => {
    const top = plant(directory, 'lines', { 'a b': '', c: '', d: '', ' e': '' })
    const kq = fed(`${top}/a b\n${top}/ e\n\n${top}/gone`, ['-', `${top}/d`])
    assert.equal((await kq.watching).files, 3)
    await kq.calm(`${top}/a b`)
    await kq.calm(`${top}/ e`)
    await kq.calm(`${top}/d`)
    appendFileSync(`${top}/c`, 'x')
    await kq.calm(`${top}/gone`)
    const { stderr } = await kq.end()
    assert.equal(stderr, `kq: not there yet, and waited for: ${top}/gone\n`)
  })

  test('with a NUL behind each: -0', async () => {
    const top = plant(directory, 'nul', { 'a\nb': '', '*': '', c: '' })
    const odd = Buffer.concat([Buffer.from(`${top}/x`), Buffer.from([0xff])])
    writeFileSync(odd, '')
    const input = Buffer.concat([Buffer.from(`${top}/a\nb\0${top}/*\0`), odd, Buffer.from('\0')])
    const kq = fed(input, ['-0'])
    assert.equal((await kq.watching).files, 3)
    await kq.calm(`${top}/a\nb`)
    appendFileSync(`${top}/c`, 'x')
    await kq.calm(`${top}/*`)
    appendFileSync(odd, 'x')
    assert.equal((await kq.ran()).length, 1)
    await kq.end()
  })

  test('git ls-files, with names of all kinds and one that was deleted', {
    skip: !hasGit,
  }, async () => {
    const top = plant(directory, 'git', { 'a b/c d.js': '', 'ä.js': '', gone: '', '"q".js': '' })
    await call('git', ['init', '-q', top])
    await call('git', ['add', '.'], top)
    unlinkSync(`${top}/gone`)
    const script = 'cd "$0" && git ls-files -z | exec "$@"'
    const args = ['run', '--json', '-zp', '-0', '--', 'cat', '/_']
    const kq = startProgram('sh', ['-c', script, top, process.execPath, MAIN, ...args])
    assert.match(await kq.line(), /"files":3,/)
    writeFileSync(`${top}/a b/c d.js`, 'content\n')
    const { code, stderr } = await kq.ended
    assert.deepEqual([code, stderr], [0, 'kq: not there yet, and waited for: gone\ncontent\n'])
  })

  test('that come slowly are waited for, until a signal', async () => {
    const fifo = directory.fifo()
    const pipe = await open(fifo, 'r+')
    const kq = start(['run', '-', '--', 'true'], { stdin: pipe.fd })
    // More than there is room for, so that some of it has been read.
    for (let left = 100_000; left > 0; ) left -= (await pipe.write('x'.repeat(left))).bytesWritten
    kq.child.kill('SIGTERM')
    assert.equal((await kq.ended).code, 143)
    await pipe.close()
  })

  test('leave the command nothing to read', async () => {
    const top = plant(directory, 'nothing', { a: '' })
    writeFileSync(directory.join('list'), `${top}/a\nsecond line`)
    const stdin = openSync(directory.join('list'), 'r')
    const { stdout } = await run(['run', '-z', '-', '--', 'readlink', '/proc/self/fd/0'], { stdin })
    closeSync(stdin)
    assert.equal(stdout, '/dev/null\n')
  })

  test('none is one line and exit 1', async () => {
    const { code, stderr } = await run(['run', '-', '--', 'true'])
    assert.deepEqual([code, stderr], [1, 'kq: standard input: ENOENT: no path has come from it\n'])
  })

  test('a terminal is refused', { skip }, async () => {
    const terminal = new Terminal(words('run', '-0', '--', 'true'))
    await terminal.shows('it is a terminal; write for example: git ls-files -z | kq run -0 -- make')
    assert.equal((await terminal.program.ended).code, 1)
    terminal.hangUp()
  })
})

describe('--shell', { concurrency: 2 }, () => {
  test('gives the words to sh as one line', async () => {
    const { code, stdout } = await run([
      ...['run', '-zs', directory.path, '--'],
      'echo "a  b" | tr a-z A-Z;',
      'exit 3',
    ])
    assert.deepEqual([code, stdout], [3, 'A  B\n'])
  })

  test('with the path in its environment', async () => {
    const top = plant(directory, 'shell', { 'a b': '' })
    const kq = new Runs([top], ['cat "$KQ_PATH" >&2'], ['-ps'])
    await kq.watching
    writeFileSync(`${top}/a b`, 'content\n')
    await kq.ran()
    assert.equal((await kq.end()).stderr, 'content\n')
  })
})

describe('a command that writes where it watches', { concurrency: 2 }, () => {
  const warning =
    /^kq: the last runs were each for what changed while the command ran, as ([^\n]+); if it writes that itself, leave it out by --ignore, or use --no-queue\n$/

  for (const [name, options, script] of [
    ['the same file', [], 'date +%N > "$0/out"'],
    ['others each time', [], 'echo > "$0/out.$$"'],
    ['a server', ['-r', '--signal', 'KILL'], 'date +%N > "$0/out"; exec sleep 1000'],
  ] as const) {
    test(`is told of once: ${name}`, async () => {
      const top = plant(directory, name, { a: '' })
      const kq = new Runs([top], ['sh', '-c', script, top], ['--delay', '10ms', ...options])
      await kq.watching
      for (let i = 0; i < 12; i++) {
        await kq.started()
        await kq.ended()
      }
      const { stderr } = await kq.end()
      const [, path = ''] = warning.exec(stderr) ?? []
      assert.ok(path.startsWith(`${top}/out`), stderr)
    })
  }

  test('not one whose files others write', async () => {
    const top = plant(directory, 'others', { a: '' })
    const kq = new Runs([top])
    await kq.watching
    for (let i = 0; i < 8; i++) await kq.calm(`${top}/a`)
    assert.equal((await kq.end()).stderr, '')
  })
})
