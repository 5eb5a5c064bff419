/** `kq watch`: a line an event, and all the ways in which it ends. */
import assert from 'node:assert/strict'
import { appendFileSync, writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import * as posix from '../native/posix.js'
import { Directory, type Event, events, run, start } from './command.js'

const directory = new Directory()
after(() => directory.remove())

const { AF_INET, AF_UNIX, O_CLOEXEC, SOCK_CLOEXEC, SOCK_STREAM } = posix.constants

function event(line: string): Event {
  return JSON.parse(line) as Event
}

describe('kq watch', { concurrency: 2 }, () => {
  test('--count N stops after N events with 0', async () => {
    const { code, stdout } = await run(['watch', '--timer', '5ms', '--count', '3'])
    assert.equal(code, 0)
    assert.equal(stdout.split('\n').length, 4)
  })

  test('--count holds when more happen at once', async () => {
    const timers = Array.from({ length: 20 }, () => ['--timer', '1us']).flat()
    const { code, stdout } = await run(['watch', ...timers, '--count', '7'])
    assert.equal(code, 0)
    assert.equal(stdout.split('\n').length, 8)
  })

  test('--timeout T stops after T with 0', async () => {
    const { code, stdout } = await run(['watch', '--timer', '1h', '--timeout', '50ms'])
    assert.deepEqual([code, stdout], [0, ''])
  })

  test('--timeout T stops after T while events come without end', async () => {
    const { code, stdout } = await run(['watch', '--timer', '1us', '--timeout', '50ms'])
    assert.equal(code, 0)
    assert.notEqual(stdout, '')
  })

  test('--timeout before --count is reached exits 124', async () => {
    const args = ['watch', '--timer', '1h', '--timer', '1ms', '--count', '1000000']
    assert.equal((await run([...args, '--timeout', '50ms'])).code, 124)
  })

  test('a timer is periodic, and says how often it has expired', async () => {
    const { stdout } = await run(['watch', '--timer', '1ms', '--count', '5', '--json'])
    assert.ok(events(stdout).every(({ data }) => data >= 1))
    const human = await run(['watch', '--timer', '1us', '--count', '2'])
    assert.match(human.stdout, / {2}--timer 1us {2}expired \d+ times\n$/)
  })

  test('a fifo: nothing before its writer comes, a line a write, an end', async () => {
    const fifo = directory.fifo()
    const kq = start(['watch', '--read', fifo, '--timer', '30ms', '--json', '--timeout', '20s'])
    for (let i = 0; i < 3; i++) assert.equal(event(await kq.line()).source, '--timer 30ms')
    const writer = await kq.writer(fifo)
    const next = async (): Promise<Event> => {
      for (;;) {
        const got = event(await kq.line())
        if (got.filter === 'EVFILT_READ') return got
      }
    }
    await writer.write('twelve bytes')
    const first = await next()
    assert.deepEqual([first.data, first.flags], [12, []])
    await writer.write('!')
    const second = await next()
    assert.deepEqual([second.data, second.flags], [13, []])
    await writer.close()
    const last = await next()
    assert.deepEqual([last.data, last.flags], [13, ['EV_EOF']])
    kq.child.kill('SIGTERM')
    const { stdout } = await kq.ended
    assert.equal(events(stdout).filter(({ filter }) => filter === 'EVFILT_READ').length, 3)
  })

  test('ends with 0 when the last source has come to its end', async () => {
    const [first, second] = [directory.fifo(), directory.fifo()]
    const kq = start(['watch', '--read', first, '--read', second, '--json'])
    const writers = [await kq.writer(first), await kq.writer(second)] as const
    await writers[0].close()
    const end = event(await kq.line())
    assert.deepEqual([end.source, end.flags], [`--read ${first}`, ['EV_EOF']])
    await writers[1].write('x')
    assert.equal(event(await kq.line()).data, 1)
    await writers[1].close()
    assert.deepEqual(event(await kq.line()).flags, ['EV_EOF'])
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    assert.equal(events(stdout).length, 3)
  })

  test('an inherited pipe at its end, twice', async () => {
    const [r, w] = posix.pipe2(O_CLOEXEC)
    posix.write(w, 'abc')
    posix.close(w)
    const { code, stdout } = await run(['watch', '--read', '3', '--read', '3'], { fds: [r] })
    posix.close(r)
    assert.equal(code, 0)
    assert.match(stdout, /^(\S+ {2}--read 3 {2}3 bytes to read, then end of file\n){2}$/)
  })

  test('a pipe that nobody reads any more', async () => {
    const [r, w] = posix.pipe2(O_CLOEXEC)
    posix.close(r)
    const { code, stdout } = await run(['watch', '--write', '3'], { fds: [w] })
    posix.close(w)
    assert.equal(code, 0)
    assert.match(stdout, / {2}--write 3 {2}nobody reads any more\n$/)
  })

  test('a regular file: a line each time it grows', async () => {
    const file = directory.join('log')
    writeFileSync(file, 'one\n')
    const kq = start(['watch', '--read', file, '--json'])
    assert.equal(event(await kq.line()).data, 4)
    appendFileSync(file, 'two\n')
    assert.equal(event(await kq.line()).data, 8)
    appendFileSync(file, 'three\n')
    const third = event(await kq.line())
    assert.deepEqual([third.data, third.flags, third.fflags], [14, [], []])
    kq.child.kill('SIGINT')
    const { code, stdout } = await kq.ended
    assert.equal(code, 130)
    assert.equal(events(stdout).length, 3)
  })

  test('a listening socket has connections waiting', async () => {
    const listener = posix.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)
    posix.bindInet(listener, '127.0.0.1', 0)
    posix.listen(listener)
    const clients = [1, 2, 3].map(() => {
      const fd = posix.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)
      posix.connectInet(fd, '127.0.0.1', posix.getsocknamePort(listener))
      return fd
    })
    const { stdout } = await run(['watch', '--read', '3', '--count', '1'], { fds: [listener] })
    for (const fd of [listener, ...clients]) posix.close(fd)
    assert.match(stdout, / {2}--read 3 {2}3 connections waiting\n$/)
  })

  test('a listening Unix socket, too', async () => {
    const listener = posix.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)
    posix.bindUnix(listener, directory.join('listener'))
    posix.listen(listener)
    const client = posix.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)
    posix.connectUnix(client, directory.join('listener'))
    const { stdout } = await run(['wait', '--read', '3'], { fds: [listener] })
    for (const fd of [listener, client]) posix.close(fd)
    assert.match(stdout, / {2}--read 3 {2}1 connection waiting\n$/)
  })

  test('a socket that was reset names the error', async () => {
    const listener = posix.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)
    posix.bindInet(listener, '127.0.0.1', 0)
    posix.listen(listener)
    const client = posix.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC)
    posix.connectInet(client, '127.0.0.1', posix.getsocknamePort(listener))
    const peer = posix.accept(listener, SOCK_CLOEXEC)
    posix.setLinger(peer, 0)
    posix.close(peer)
    const { code, stdout } = await run(['watch', '--read', '3', '--json'], { fds: [client] })
    for (const fd of [listener, client]) posix.close(fd)
    assert.equal(code, 0)
    const [{ flags, fflags } = assert.fail()] = events(stdout)
    assert.deepEqual([flags, fflags], [['EV_EOF'], ['ECONNRESET']])
  })

  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`${signal} ends it quietly with ${status}`, async () => {
      for (const args of [
        ['watch', '--timer', '1us', '--timer', '1h'],
        ['wait', '--all', '--timer', '1ms', '--timer', '1h'],
      ]) {
        const kq = start(args)
        await kq.line()
        kq.child.kill(signal)
        const { code, signal: killed, stderr } = await kq.ended
        assert.deepEqual([code, killed, stderr], [status, null, ''])
      }
    })
  }
})
