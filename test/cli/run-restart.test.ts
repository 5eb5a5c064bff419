/** `kq run --restart`: the command is ended with all that belongs to it, and starts again. */
import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { Directory } from './command.js'
import { isAlive, plant, Runs } from './running.js'

const directory = new Directory()
after(() => directory.remove())

let made = 0
const place = (): string => plant(directory, `restart${made++}`, { a: '', z: '' })

/** A server that tells the pids of itself and its children on a fifo, and runs for ever. */
function server(script: string): { command: string[]; up(): number[] } {
  const fifo = directory.fifo()
  const command = ['bash', '-c', script, fifo]
  return {
    command,
    up: () => readFileSync(fifo, 'utf8').trim().split(/\s+/).map(Number),
  }
}

const CHILDREN = `
  sleep 1000 & one=$!
  bash -c 'sleep 1000 & echo $$ $! > "$0.pids"; wait' "$0" & 
  setsid sleep 1000 & three=$!
  while ! [ -s "$0.pids" ]; do read -t 0.01 <> <(:); done
  two=$(cat "$0.pids"); rm "$0.pids"
  echo $$ $one $two $three > "$0"
  wait`

describe('kq run --restart', { concurrency: 2 }, () => {
  test('50 times: nothing is left of a server with children of its own', async () => {
    const top = place()
    const { command, up } = server(CHILDREN)
    const kq = new Runs([top], command, ['-r', '--delay', '5ms'])
    await kq.watching
    let before = 0
    for (let n = 0; n < 50; n++) {
      await kq.started()
      const pids = up()
      assert.equal(pids.length, 5)
      assert.ok(pids.every(isAlive))
      if (n === 1) before = kq.descriptors()
      if (n > 1) assert.equal(kq.descriptors(), before)
      appendFileSync(`${top}/a`, 'x')
      const { stopped, signal } = await kq.ended()
      assert.deepEqual([stopped, signal], [true, 'SIGTERM'])
      assert.ok(!pids.some(isAlive))
    }
    await kq.started()
    const pids = up()
    const { code } = await kq.end()
    assert.equal(code, 143)
    assert.ok(!pids.some(isAlive))
  })

  test('waits until the old one has ended before it starts the new one', async () => {
    const top = place()
    const log = directory.join('order')
    const script = `trap 'sleep 0.2; echo end >> "$1"; exit 3' TERM
      echo begin >> "$1"; echo up > "$2"; while :; do sleep 0.01; done`
    const fifo = directory.fifo()
    const kq = new Runs([top], ['sh', '-c', script, 'sh', log, fifo], ['-r', '--delay', '5ms'])
    await kq.watching
    for (let n = 0; n < 3; n++) {
      await kq.started()
      readFileSync(fifo)
      if (n === 2) break
      appendFileSync(`${top}/a`, 'x')
      assert.equal((await kq.ended()).code, 3)
    }
    await kq.end()
    assert.equal(readFileSync(log, 'utf8'), 'begin\nend\n'.repeat(3))
  })

  test('one that does not listen is killed after --stop-timeout', async () => {
    const top = place()
    const script = `trap '' TERM; echo $$ > "$0"; while :; do sleep 1000; done`
    const { command, up } = server(script)
    const kq = new Runs([top], command, ['-r', '--stop-timeout', '100ms'])
    await kq.watching
    await kq.started()
    const [pid] = up()
    appendFileSync(`${top}/a`, 'x')
    const { signal } = await kq.ended()
    assert.equal(signal, 'SIGKILL')
    assert.ok(!isAlive(pid!))
    await kq.started()
    up()
    await kq.end()
  })

  test('--stop-timeout 0 kills at once', async () => {
    const top = place()
    const kq = new Runs([top], ['sleep', '1000'], ['-r', '--stop-timeout', '0'])
    await kq.watching
    await kq.started()
    appendFileSync(`${top}/a`, 'x')
    assert.equal((await kq.ended()).signal, 'SIGKILL')
    await kq.started()
    await kq.end()
  })

  test('--signal says what ends it', async () => {
    const top = place()
    for (const name of ['INT', 'sighup', '10']) {
      const { command, up } = server('trap - INT; echo $$ > "$0"; exec sleep 1000')
      const kq = new Runs([top], command, ['-r', '--signal', name])
      await kq.watching
      await kq.started()
      up()
      appendFileSync(`${top}/a`, 'x')
      const expected = { INT: 'SIGINT', sighup: 'SIGHUP', 10: 'SIGUSR1' }[name]
      assert.equal((await kq.ended()).signal, expected)
      await kq.started()
      up()
      await kq.end()
    }
  })

  test('one that was stopped by a signal hears of its end', async () => {
    const top = place()
    const { command, up } = server('echo $$ > "$0"; kill -STOP $$')
    const kq = new Runs([top], command, ['-r'])
    await kq.watching
    await kq.started()
    up()
    appendFileSync(`${top}/a`, 'x')
    assert.equal((await kq.ended()).signal, 'SIGTERM')
    await kq.started()
    up()
    await kq.end()
  })

  test('one that was killed by others is said, and starts again on a change', async () => {
    const top = place()
    const kq = new Runs([top], ['sleep', '1000'], ['-r'])
    await kq.watching
    const { pid } = await kq.started()
    process.kill(pid!, 'SIGKILL')
    const { signal, stopped } = await kq.ended()
    assert.deepEqual([signal, stopped], ['SIGKILL', false])
    appendFileSync(`${top}/a`, 'x')
    assert.deepEqual((await kq.started()).paths, [`${top}/a`])
    await kq.end()
  })

  test('what an ended one has left is ended before the next one starts', async () => {
    const top = place()
    const { command, up } = server('sleep 1000 & echo $! > "$0"')
    const kq = new Runs([top], command, ['-r'])
    await kq.watching
    await kq.started()
    let [child] = up()
    for (let n = 0; n < 3; n++) {
      await kq.ended()
      assert.ok(isAlive(child!))
      appendFileSync(`${top}/a`, 'x')
      await kq.started()
      assert.ok(!isAlive(child!))
      ;[child] = up()
    }
    await kq.ended()
    await kq.end()
    assert.ok(!isAlive(child!))
  })

  test('the command has no terminal to read, and leads a session', async () => {
    const top = place()
    const script = 'readlink /proc/self/fd/0 > "$1"; cut -d" " -f 1,5,6 /proc/$$/stat >> "$1"'
    const output = directory.join('session')
    const kq = new Runs([top], ['bash', '-c', script, 'bash', output], ['-rz'])
    await kq.watching
    const { pid } = await kq.started()
    await kq.ended()
    await kq.kq.ended
    assert.equal(readFileSync(output, 'utf8'), `/dev/null\n${pid} ${pid} ${pid}\n`)
  })

  test('--once ends when the command does by itself, not when it is restarted', async () => {
    const top = place()
    const { command, up } = server('echo $$ > "$0"; test -n "$KQ_PATH" || exec sleep 1000; exit 5')
    const kq = new Runs([top], command, ['-rz'])
    await kq.watching
    await kq.started()
    up()
    writeFileSync(`${top}/a`, 'x')
    assert.equal((await kq.ended()).stopped, true)
    await kq.started()
    up()
    assert.equal((await kq.ended()).code, 5)
    assert.equal((await kq.kq.ended).code, 5)
  })

  test('the descriptors of kq are not those of the command', async () => {
    const top = place()
    const output = directory.join('descriptors')
    const script = 'ls -l /proc/self/fd > "$1"'
    const kq = new Runs([top], ['sh', '-c', script, 'sh', output], ['-rz'])
    await kq.watching
    await kq.kq.ended
    const listed = readFileSync(output, 'utf8')
    assert.match(listed, / 0 -> \/dev\/null$/m)
    assert.ok(!listed.includes(top) && !listed.includes('eventpoll'), listed)
  })
})
