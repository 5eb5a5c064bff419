/** `kq run` and its end, and what it is on a terminal. */
import assert from 'node:assert/strict'
import { appendFileSync, readFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { Directory, run } from './command.js'
import { isAlive, plant, Runs } from './running.js'
import { kq, skip, Terminal } from './terminal.js'

const directory = new Directory()
after(() => directory.remove())

let made = 0
const place = (): string => plant(directory, `signals${made++}`, { a: '' })

describe('a signal to kq', { concurrency: 2 }, () => {
  const endings = { SIGHUP: 'SIGHUP', SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 } as const
  for (const [name, ending] of Object.entries(endings)) {
    for (const options of [[], ['-r']]) {
      test(`${name} is passed on, and ends it with ${ending}: ${options.join(' ')}`, async () => {
        const fifo = directory.fifo()
        const log = directory.join(`${name}${options.length}`)
        const short = name.slice(3)
        const script = `trap 'echo ${name} > "$2"; exit 0' ${short}
          echo up > "$1"; while :; do sleep 0.01; done`
        const command = ['sh', '-c', script, 'sh', fifo, log]
        const kq = new Runs([place()], command, options)
        await kq.watching
        const { pid } = await kq.started()
        readFileSync(fifo)
        const { code, signal } = await kq.end(name as NodeJS.Signals)
        assert.equal(code ?? signal, ending)
        assert.ok(!isAlive(pid!))
        assert.equal(readFileSync(log, 'utf8'), `${name}\n`)
      })
    }
  }

  test('ends it at once while no command runs', async () => {
    const kq = new Runs([place()])
    await kq.watching
    const { code } = await kq.end('SIGINT')
    assert.equal(code, 130)
  })

  test('ends the descendants of the command as well', async () => {
    const fifo = directory.fifo()
    const script = 'sleep 1000 & echo $$ $! > "$0"; wait'
    const kq = new Runs([place()], ['bash', '-c', script, fifo], [])
    await kq.watching
    await kq.started()
    const pids = readFileSync(fifo, 'utf8').split(/\s+/).filter(Boolean).map(Number)
    assert.equal(pids.length, 2)
    await kq.end()
    assert.ok(!pids.some(isAlive))
  })

  for (const options of [[], ['-r']]) {
    test(`the second one kills: ${options.join(' ')}`, async () => {
      const fifo = directory.fifo()
      const script = `trap 'echo heard > "$0"' TERM; echo up > "$0"; while :; do sleep 0.01; done`
      const kq = new Runs([place()], ['bash', '-c', script, fifo], options)
      await kq.watching
      const { pid } = await kq.started()
      readFileSync(fifo)
      process.kill(kq.pid, 'SIGTERM')
      assert.equal(readFileSync(fifo, 'utf8'), 'heard\n')
      const { code } = await kq.end('SIGTERM')
      assert.equal(code, 143)
      assert.ok(!isAlive(pid!))
    })
  }

  test('--stop-timeout holds for the end, too', async () => {
    const fifo = directory.fifo()
    const script = `trap '' TERM; echo up > "$0"; while :; do sleep 0.01; done`
    const kq = new Runs([place()], ['bash', '-c', script, fifo], ['--stop-timeout', '100ms'])
    await kq.watching
    const { pid } = await kq.started()
    readFileSync(fifo)
    const { code } = await kq.end()
    assert.equal(code, 143)
    assert.ok(!isAlive(pid!))
  })

  test('in the middle of a restart ends it', async () => {
    const fifo = directory.fifo()
    const script = `trap 'echo heard > "$0"' TERM; echo up > "$0"; while :; do sleep 0.01; done`
    const top = place()
    const kq = new Runs([top], ['bash', '-c', script, fifo], ['-r'])
    await kq.watching
    const { pid } = await kq.started()
    readFileSync(fifo)
    appendFileSync(`${top}/a`, 'x')
    assert.equal(readFileSync(fifo, 'utf8'), 'heard\n')
    process.kill(kq.pid, 'SIGTERM')
    process.kill(kq.pid, 'SIGINT')
    const { code } = await kq.kq.ended
    assert.ok(code === 143 || code === 130)
    assert.ok(!isAlive(pid!))
  })
})

describe('on a terminal', { concurrency: 2 }, () => {
  test('the command reads from it', { skip }, async () => {
    const script = 'read l; echo "<$l>"'
    const terminal = new Terminal(kq('run', '-z', place(), '--', 'sh', '-c', script))
    terminal.type('hello\n')
    await terminal.shows('<hello>')
    const { code } = await terminal.program.ended
    assert.equal(code, 0)
    terminal.hangUp()
  })

  test('its keys signal the command once', { skip }, async () => {
    const script = `trap 'echo interrupted; n=$((n+1))' INT; echo up
      while [ -z "$n" ]; do sleep 0.01; done
      i=0; while [ $i -lt 20 ]; do sleep 0.01; i=$((i+1)); done; echo "times $n"`
    const terminal = new Terminal(kq('run', place(), '--', 'bash', '-c', script))
    await terminal.shows('up')
    terminal.type('\x03')
    await terminal.shows('times 1')
    const { code } = await terminal.program.ended
    assert.equal(code, 130)
    terminal.hangUp()
  })

  test('they end a command of --restart as well, which is in no group of it', {
    skip,
  }, async () => {
    const script = 'echo up $$; exec sleep 1000'
    const terminal = new Terminal(kq('run', '-r', place(), '--', 'sh', '-c', script))
    const pid = Number(/up (\d+)/.exec(await terminal.shows('\n'))?.[1])
    terminal.type('\x03')
    const { code } = await terminal.program.ended
    assert.equal(code, 130)
    assert.ok(pid > 0 && !isAlive(pid))
    terminal.hangUp()
  })

  test('--clear clears it before each run, -cc all of it', { skip }, async () => {
    const top = place()
    const once = new Terminal(kq('run', '-c', '-z', top, '--', 'echo', 'done'))
    assert.equal(await once.shows('done\r\n'), '\x1b[H\x1b[2Jdone\r\n')
    await once.program.ended
    once.hangUp()
    const all = new Terminal(kq('run', '-ccz', top, '--', 'echo', 'done'))
    assert.equal(await all.shows('done\r\n'), '\x1b[H\x1b[2J\x1b[3Jdone\r\n')
    await all.program.ended
    all.hangUp()
  })

  test('elsewhere, --clear clears nothing', async () => {
    const { stdout } = await run(['run', '-cz', directory.path, '--', 'echo', 'done'])
    assert.equal(stdout, 'done\n')
  })
})
