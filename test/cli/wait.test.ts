/** `kq wait`: exit 0 at the event, 124 when the time is over. */
import assert from 'node:assert/strict'
import { constants, openSync, writeFileSync, writeSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import * as posix from '../native/posix.js'
import { Directory, events, MAIN, run, start, startProgram } from './command.js'

const directory = new Directory()
after(() => directory.remove())

describe('kq wait', { concurrency: 2 }, () => {
  test('prints 12 bytes that a writer puts into a fifo, and exits 0', async () => {
    const fifo = directory.fifo()
    const kq = start(['wait', '--read', fifo, '--json'])
    const writer = await kq.writer(fifo)
    await writer.write('twelve bytes')
    const { code, stdout, stderr } = await kq.ended
    await writer.close()
    assert.equal(stderr, '')
    assert.equal(code, 0)
    const [event, ...others] = events(stdout)
    assert.deepEqual(others, [])
    assert.deepEqual(Object.keys(event!), [
      'time',
      'filter',
      'ident',
      'flags',
      'fflags',
      'data',
      'source',
    ])
    const { time, ident, ...rest } = event!
    assert.ok(Math.abs(time - Date.now()) < 60_000)
    assert.ok(Number.isInteger(ident) && ident > 2)
    assert.deepEqual(rest, {
      filter: 'EVFILT_READ',
      flags: [],
      fflags: [],
      data: 12,
      source: `--read ${fifo}`,
    })
  })

  test('a fifo that nobody has opened for writing is not at its end', async () => {
    const { code, stdout } = await run(['wait', '--read', directory.fifo(), '--timeout', '200ms'])
    assert.deepEqual([code, stdout], [124, ''])
  })

  test('a fifo whose writer has come and gone is at its end', async () => {
    const fifo = directory.fifo()
    const kq = start(['wait', '--read', fifo, '--json'])
    await (await kq.writer(fifo)).close()
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    const [{ flags, data } = assert.fail()] = events(stdout)
    assert.deepEqual([flags, data], [['EV_EOF'], 0])
  })

  test('--timeout exits 124, in time', async () => {
    const before = performance.now()
    const { code, stdout, stderr } = await run(['wait', '--timer', '1h', '--timeout', '0.1s'])
    assert.deepEqual([code, stdout, stderr], [124, '', ''])
    assert.ok(performance.now() - before >= 100)
  })

  test('--timeout 0 asks what holds right now', async () => {
    const [r, w] = posix.pipe2(posix.constants.O_CLOEXEC)
    const empty = await run(['wait', '--read', '3', '--timeout', '0'], { fds: [r] })
    posix.write(w, 'x')
    const full = await run(['wait', '--read', '3', '--timeout', '0'], { fds: [r] })
    posix.close(r)
    posix.close(w)
    assert.deepEqual([empty.code, full.code], [124, 0])
  })

  test('a timer fires once, whatever its unit', async () => {
    for (const [time, ms] of [
      ['50ms', 50],
      ['50', 50],
      ['0.05s', 50],
      ['.05s', 50],
      ['50000us', 50],
      ['50000000ns', 50],
      ['0.001m', 60],
    ] as const) {
      const before = performance.now()
      const { code, stdout } = await run(['wait', '--timer', time, '--json'])
      assert.equal(code, 0)
      assert.ok(performance.now() - before >= ms)
      assert.deepEqual(
        events(stdout).map(({ filter, data, source }) => [filter, data, source]),
        [['EVFILT_TIMER', 1, `--timer ${time}`]],
      )
    }
  })

  test('a timer of years can be set', async () => {
    const { code } = await run(['wait', '--timer', '100000d', '--timeout', '10ms'])
    assert.equal(code, 124)
  })

  test('stops at the first of several conditions', async () => {
    const { code, stdout } = await run(['wait', '--timer', '1h', '--timer', '1ms', '--json'])
    assert.equal(code, 0)
    assert.deepEqual(
      events(stdout).map(({ source }) => source),
      ['--timer 1ms'],
    )
  })

  test('prints one line even when several conditions hold', async () => {
    const { stdout } = await run(['wait', '--write', '3', '--write', '4'], {
      fds: [openSync('/dev/null', 'w'), openSync('/dev/null', 'w')],
    })
    assert.equal(stdout.split('\n').length, 2)
  })

  test('--all waits until each condition has fired', async () => {
    const fifo = directory.fifo()
    const kq = start(['wait', '--all', '--timer', '1ms', '--read', fifo, '--json'])
    assert.equal(JSON.parse(await kq.line()).source, '--timer 1ms')
    const writer = await kq.writer(fifo)
    await writer.write('x')
    const { code, stdout } = await kq.ended
    await writer.close()
    assert.equal(code, 0)
    assert.deepEqual(
      events(stdout).map(({ source }) => source),
      ['--timer 1ms', `--read ${fifo}`],
    )
  })

  test('--all with --timeout exits 124 when one has not fired', async () => {
    const args = ['wait', '--all', '--timer', '1ms', '--timer', '1h', '--timeout', '100ms']
    const { code, stdout } = await run(args)
    assert.equal(code, 124)
    assert.equal(stdout.split('\n').length, 2)
  })

  test('--write waits for room in a fifo', async () => {
    const fifo = directory.fifo()
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
    const { code, stdout } = await run(['wait', '--write', fifo, '--json'])
    posix.close(reader)
    assert.equal(code, 0)
    const [{ filter, data } = assert.fail()] = events(stdout)
    assert.equal(filter, 'EVFILT_WRITE')
    assert.ok(data > 0)
  })

  test('a regular file has its bytes to read, an empty one has none', async () => {
    const file = directory.join('file')
    writeFileSync(file, 'twelve bytes')
    const { code, stdout } = await run(['wait', '--read', file, '--json'])
    assert.equal(code, 0)
    assert.equal(events(stdout)[0]!.data, 12)
    writeFileSync(file, '')
    assert.equal((await run(['wait', '--read', file, '--timeout', '50ms'])).code, 124)
  })

  test('a file whose name is a number is written with its directory', async () => {
    writeFileSync(directory.join('3'), 'abc')
    const kq = startProgram('sh', [
      '-c',
      'cd "$1" && exec "$2" "$3" wait --read ./3 --json',
      'sh',
      directory.path,
      process.execPath,
      MAIN,
    ])
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    assert.deepEqual([events(stdout)[0]!.data, events(stdout)[0]!.source], [3, '--read ./3'])
  })

  test('standard input is 0', async () => {
    const [r, w] = posix.pipe2(posix.constants.O_CLOEXEC)
    posix.write(w, 'hello')
    const { code, stdout } = await run(['wait', '--read', '0', '--json'], { stdin: r })
    posix.close(r)
    posix.close(w)
    assert.equal(code, 0)
    const [{ ident, data } = assert.fail()] = events(stdout)
    assert.deepEqual([ident, data], [0, 5])
  })

  test('standard input that is closed', async () => {
    const kq = startProgram('sh', [
      '-c',
      'exec "$1" "$2" wait --read 0 --timer 10ms <&-',
      'sh',
      process.execPath,
      MAIN,
    ])
    const { code, stderr } = await kq.ended
    assert.deepEqual([code, stderr], [0, ''])
  })

  test('an inherited fifo: kq wait --read 3 3<>fifo', async () => {
    const fifo = directory.fifo()
    const fd = openSync(fifo, 'r+')
    writeSync(fd, 'seven b')
    const { code, stdout } = await run(['wait', '--read', '3', '--json'], { fds: [fd] })
    posix.close(fd)
    assert.equal(code, 0)
    const [{ ident, data, source } = assert.fail()] = events(stdout)
    assert.deepEqual([ident, data, source], [3, 7, '--read 3'])
  })

  test('the same descriptor twice is two conditions', async () => {
    const [r, w] = posix.pipe2(posix.constants.O_CLOEXEC)
    posix.write(w, 'x')
    const args = ['wait', '--all', '--read', '3', '--read', '3', '--json', '--timeout', '10s']
    const { code, stdout } = await run(args, { fds: [r] })
    posix.close(r)
    posix.close(w)
    assert.equal(code, 0)
    assert.deepEqual(
      events(stdout).map(({ ident }) => ident),
      [3, 3],
    )
  })

  test('1,000 conditions', async () => {
    const fifo = directory.fifo()
    const writer = openSync(fifo, 'r+')
    writeSync(writer, 'x')
    const reads = Array.from({ length: 500 }, () => ['--read', fifo]).flat()
    const timers = Array.from({ length: 400 }, (_, i) => ['--timer', `${i + 1}us`]).flat()
    const same = Array.from({ length: 100 }, () => ['--read', '3']).flat()
    const args = ['wait', '--all', ...reads, ...timers, ...same, '--json']
    const { code, stdout, stderr } = await run(args, { fds: [writer] })
    posix.close(writer)
    assert.equal(stderr, '')
    assert.equal(code, 0)
    assert.equal(events(stdout).length, 1000)
  })
})
