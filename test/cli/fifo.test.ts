/** What is in a fifo, when kq was its last reader. */
import assert from 'node:assert/strict'
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readlinkSync,
  writeSync,
} from 'node:fs'
import { after, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import * as posix from '../native/posix.js'
import { LONG } from '../patience.js'
import { Directory, MAIN, run, startProgram } from './command.js'

const directory = new Directory()
after(() => directory.remove())

/** A fifo into which somebody has written, and then went: only kq has it open. */
function shell(script: string, fifo: string) {
  return startProgram('bash', ['-c', script, 'bash', process.execPath, MAIN, fifo]).ended
}

/** The processes that have a fifo open. */
function holders(fifo: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        const fds = readdirSync(`/proc/${pid}/fd`)
        return fds.some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === fifo)
      } catch {
        return false
      }
    })
}

/** There is no event of a process that closes a file. */
async function nobodyHolds(fifo: string): Promise<void> {
  const end = performance.now() + LONG
  while (holders(fifo).length > 0) {
    assert.ok(performance.now() < end, `${fifo} is held by ${holders(fifo)}`)
    await delay(20)
  }
}

describe('kq wait --read FIFO', { concurrency: 2 }, () => {
  test('leaves what is in it for who comes next, and then nobody has it open', async () => {
    const fifo = directory.fifo()
    const script = '(echo hello > "$3") & "$1" "$2" wait --read "$3" && cat "$3"'
    const { code, stdout, stderr } = await shell(script, fifo)
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /6 bytes to read.*\nhello\n$/)
    await nobodyHolds(fifo)
  })

  test('keeps it once, however often it was named', async () => {
    const fifo = directory.fifo()
    const script = `(echo hello > "$3") & "$1" "$2" wait --all ${'--read "$3" '.repeat(20)}>/dev/null`
    assert.equal((await shell(script, fifo)).code, 0)
    assert.equal(holders(fifo).length, 1)
    assert.equal((await shell('cat "$3"', fifo)).stdout, 'hello\n')
    await nobodyHolds(fifo)
  })

  test('keeps it when kq watch is interrupted', async () => {
    const fifo = directory.fifo()
    const script =
      '(echo hello > "$3") & coproc "$1" "$2" watch --read "$3" --timer 1h; pid=$!; read -ru "$COPROC" line; kill -INT $pid; wait $pid; echo $?; cat "$3"'
    const { stdout } = await shell(script, fifo)
    assert.equal(stdout, '130\nhello\n')
    await nobodyHolds(fifo)
  })

  test('keeps it no longer when its name is gone', async () => {
    const fifo = directory.fifo()
    const script = '(echo hello > "$3") & "$1" "$2" wait --read "$3" >/dev/null && rm "$3"'
    assert.equal((await shell(script, fifo)).code, 0)
    assert.equal(existsSync(fifo), false)
    await nobodyHolds(`${fifo} (deleted)`)
  })

  test('keeps none that is empty', async () => {
    const fifo = directory.fifo()
    assert.equal((await run(['wait', '--read', fifo, '--timeout', '10ms'])).code, 124)
    assert.deepEqual(holders(fifo), [])
  })
})

describe('kq wait --cat', { concurrency: 2 }, () => {
  test('prints what is written until the writer has gone', async () => {
    const fifo = directory.fifo()
    const script =
      '(exec > "$3"; echo one; sleep 0.1; echo two) & "$1" "$2" wait --read "$3" --cat --timeout 60s'
    const { code, stdout, stderr } = await shell(script, fifo)
    assert.deepEqual([code, stdout, stderr], [0, 'one\ntwo\n', ''])
    assert.deepEqual(holders(fifo), [])
  })

  test('is at the end with a writer that went before kq came', async () => {
    const fifo = directory.fifo()
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
    const writer = openSync(fifo, 'w')
    writeSync(writer, 'early')
    closeSync(writer)
    const { code, stdout } = await run(['wait', '--read', fifo, '--cat'])
    closeSync(reader)
    assert.deepEqual([code, stdout], [0, 'early'])
  })

  test('passes on a mebibyte of any bytes, also of a descriptor of the shell', async () => {
    const script =
      'set -o pipefail; head -c 1048576 /dev/urandom | tee >(cksum >&2) | "$1" "$2" wait --read 0 --cat | cksum'
    const { code, stdout, stderr } = await shell(script, '')
    assert.equal(code, 0)
    assert.match(stdout, / 1048576\n$/)
    assert.equal(stdout, stderr)
  })

  test('prints a file to its end', async () => {
    const script = '"$1" "$2" wait --read "$2" --cat | cmp - "$2"'
    const { code, stdout } = await shell(script, '')
    assert.deepEqual([code, stdout], [0, ''])
  })

  test('prints nothing when the time is over first', async () => {
    const { code, stdout } = await run([
      'wait',
      '--read',
      directory.fifo(),
      '--cat',
      '--timeout',
      '10',
    ])
    assert.deepEqual([code, stdout], [124, ''])
  })

  test('stops when nobody reads it', async () => {
    const script = 'yes | { "$1" "$2" wait --read 0 --cat; echo $? >&2; } | head -1'
    const { stdout, stderr } = await shell(script, '')
    assert.deepEqual([stdout, stderr], ['y\n', '0\n'])
  })

  test('says that connections are no bytes', async () => {
    const { AF_INET, SOCK_STREAM } = posix.constants
    const [listener, client] = [
      posix.socket(AF_INET, SOCK_STREAM),
      posix.socket(AF_INET, SOCK_STREAM),
    ]
    posix.listen(listener)
    posix.connectInet(client, '127.0.0.1', posix.getsocknamePort(listener))
    const { code, stderr } = await run(['wait', '--read', '3', '--cat'], { fds: [listener] })
    posix.close(listener)
    posix.close(client)
    assert.equal(code, 1)
    assert.match(stderr, /^kq: --read 3: ENOTCONN: [^\n]+\n$/)
  })
})
