/** What kq prints, and what it does when nobody takes it. */
import assert from 'node:assert/strict'
import { closeSync, constants, openSync, writeFileSync, writeSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import * as posix from '../native/posix.js'
import { Directory, events, MAIN, run, start, startProgram } from './command.js'

const directory = new Directory()
after(() => directory.remove())

const timer = ['watch', '--timer', '1ms', '--count', '1']

describe('a line', () => {
  test('has a local time with milliseconds, the source, and words', async () => {
    const { stdout } = await run(timer)
    assert.match(stdout, /^\d\d:\d\d:\d\d\.\d{3} {2}--timer 1ms {2}expired( \d+ times)?\n$/)
  })

  test('is aligned with the others', async () => {
    const args = ['wait', '--all', '--timer', '1ms', '--timer', '50ms', '--timer', '0.001s']
    const { stdout } = await run(args)
    const columns = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.indexOf('expired'))
    assert.deepEqual(columns, Array(3).fill('00:00:00.000  --timer 0.001s  '.length))
  })

  test('shows no control characters of a path', async () => {
    const name = 'a\x1b[31m\x07\n\x7f\x9b\u202eb'
    writeFileSync(directory.join(name), 'x')
    const args = ['wait', '--read', directory.join(name)]
    const human = await run(args)
    assert.match(human.stdout, /a\\x1b\[31m\\x07\\x0a\\x7f\\x9b\\u\{202e\}b {2}1 byte to read\n$/)
    const json = await run([...args, '--json'])
    assert.match(json.stdout, /^[\x20-\x7e]+\n$/)
    assert.equal(events(json.stdout)[0]!.source, `--read ${directory.join(name)}`)
  })
})

function isColoured(text: string): boolean {
  return text.includes('\x1b[')
}

describe('colour', () => {
  async function onTerminal(env: Record<string, string>): Promise<string> {
    const [master, slave] = posix.openpty()
    for (const fd of [master, slave]) posix.fcntl(fd, posix.constants.F_SETFD, 1)
    const { code } = await run(timer, { stdout: slave, env })
    assert.equal(code, 0)
    const text = new TextDecoder().decode(posix.read(master))
    posix.close(slave)
    posix.close(master)
    return text
  }

  test('on a terminal', async () => {
    const text = await onTerminal({})
    assert.ok(text.includes(`\x1b[36m--timer 1ms\x1b[0m`))
    assert.ok(text.includes('  expired'))
  })

  test('not on a terminal with NO_COLOR', async () => {
    assert.ok(!isColoured(await onTerminal({ NO_COLOR: '1' })))
    assert.ok(!isColoured(await onTerminal({ NO_COLOR: '1', FORCE_COLOR: '1' })))
  })

  test('not on a terminal that has none', async () => {
    assert.ok(!isColoured(await onTerminal({ TERM: 'dumb' })))
    assert.ok(!isColoured(await onTerminal({ FORCE_COLOR: '0' })))
  })

  test('an empty NO_COLOR says nothing', async () => {
    assert.ok(isColoured(await onTerminal({ NO_COLOR: '' })))
  })

  test('not on a pipe, unless FORCE_COLOR says so', async () => {
    assert.ok(!isColoured((await run(timer)).stdout))
    assert.ok(isColoured((await run(timer, { env: { FORCE_COLOR: '1' } })).stdout))
  })

  test('never in JSON', async () => {
    const { stdout } = await run([...timer, '--json'], { env: { FORCE_COLOR: '1' } })
    assert.ok(!isColoured(stdout))
  })
})

describe('a reader that goes', () => {
  test('kq watch ... | head -1 ends quietly', async () => {
    const kq = startProgram('bash', [
      '-c',
      '"$1" "$2" watch --timer 1ms | head -1; echo "$PIPESTATUS"',
      'bash',
      process.execPath,
      MAIN,
    ])
    const { stdout, stderr } = await kq.ended
    assert.match(stdout, /^[^\n]+expired[^\n]*\n0\n$/)
    assert.equal(stderr, '')
  })

  test('is noticed before the next line', async () => {
    const kq = startProgram('bash', [
      '-c',
      '"$1" "$2" watch --write 3 --timer 1h 3>/dev/null | head -1; echo "$PIPESTATUS"',
      'bash',
      process.execPath,
      MAIN,
    ])
    const { stdout } = await kq.ended
    assert.match(stdout, /^[^\n]+ready to write\n0\n$/)
  })

  test('is noticed on a socket', async () => {
    const kq = start(['watch', '--write', '3', '--timer', '1h'], {
      fds: [openSync('/dev/null', 'w')],
    })
    await kq.line()
    kq.child.stdout!.destroy()
    const { code, stderr } = await kq.ended
    assert.deepEqual([code, stderr], [0, ''])
  })

  test('kq wait still says that it happened', async () => {
    const [r, w] = posix.pipe2(posix.constants.O_CLOEXEC)
    posix.close(r)
    const { code, stderr } = await run(['wait', '--timer', '1ms'], { stdout: w })
    posix.close(w)
    assert.deepEqual([code, stderr], [0, ''])
  })
})

describe('a reader that does not read', () => {
  test('does not keep SIGTERM from ending kq', async () => {
    const output = directory.fifo()
    const stuck = openSync(output, constants.O_RDWR | constants.O_NONBLOCK)
    assert.throws(() => {
      for (;;) writeSync(stuck, Buffer.alloc(4096))
    }, /EAGAIN/)
    const input = directory.fifo()
    const stdout = openSync(output, 'r+')
    const kq = start(['watch', '--read', input], { stdout })
    const writer = await kq.writer(input)
    await writer.write('x')
    kq.child.kill('SIGTERM')
    const { code, stderr } = await kq.ended
    await writer.close()
    closeSync(stuck)
    closeSync(stdout)
    assert.deepEqual([code, stderr], [143, ''])
  })
})

describe('output that cannot be written', () => {
  test('is said in one line with exit 1', async () => {
    const full = openSync('/dev/full', 'w')
    const { code, stderr } = await run(timer, { stdout: full })
    closeSync(full)
    assert.equal(code, 1)
    assert.match(stderr, /^kq: standard output: ENOSPC: [^\n]+\n$/)
  })

  test('is no matter where stdout is closed', async () => {
    const kq = startProgram('sh', [
      '-c',
      'exec "$1" "$2" wait --timer 1ms >&-',
      'sh',
      process.execPath,
      MAIN,
    ])
    const { code, stderr } = await kq.ended
    assert.deepEqual([code, stderr], [0, ''])
  })
})
