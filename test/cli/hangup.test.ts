/** kq when its terminal is closed: it dies of SIGHUP, or goes on without one. */
import assert from 'node:assert/strict'
import { appendFileSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { after, describe, test } from 'node:test'
import { Interruption } from '#cli/interruption.js'
import { Stop } from '#cli/stop.js'
import { until } from '../patience.js'
import { Directory, type Ended } from './command.js'
import { isAlive, plant } from './running.js'
import { kq, quoted, skip, Terminal } from './terminal.js'

const directory = new Directory()
after(() => directory.remove())

let made = 0
const place = (): string => plant(directory, `hangup${made++}`, { a: '' })

/** Writes its pid and that of a child to a fifo, and waits. */
function family(fifo: string): string[] {
  return ['sh', '-c', 'sleep 1000 & echo $$ $! > "$0"; wait', fifo]
}

async function pidsOf(fifo: string): Promise<number[]> {
  const text = await readFile(fifo, 'utf8')
  return text.split(/\s+/).filter(Boolean).map(Number)
}

function assertHungUp({ code, signal }: Ended): void {
  assert.deepEqual([code, signal], [null, 'SIGHUP'])
}

describe('a terminal that is closed kills with SIGHUP', { skip, concurrency: 4 }, () => {
  for (const options of [[], ['-r'], ['--json'], ['-r', '--json']]) {
    test(`kq run, with its command and its child: ${options.join(' ')}`, async () => {
      const fifo = directory.fifo()
      const terminal = new Terminal(kq('run', ...options, place(), '--', ...family(fifo)))
      const pids = await pidsOf(fifo)
      terminal.hangUp()
      assertHungUp(await terminal.program.ended)
      assert.equal(pids.length, 2)
      await until(() => !pids.some(isAlive), 'they have ended')
    })
  }

  test('kq run that waits for a change', async () => {
    const terminal = new Terminal(kq('run', '--verbose', '-p', place(), '--', 'true'))
    await terminal.shows('watching')
    terminal.hangUp()
    assertHungUp(await terminal.program.ended)
  })

  test('kq run in the middle of a restart', async () => {
    const fifo = directory.fifo()
    const top = place()
    const script = `trap 'echo heard > "$0"' TERM; echo $$ > "$0"; while :; do sleep 0.01; done`
    const words = ['-r', '--stop-timeout', '500ms', top, '--', 'bash', '-c', script, fifo]
    const terminal = new Terminal(kq('run', ...words))
    const [pid] = await pidsOf(fifo)
    appendFileSync(`${top}/a`, 'x')
    assert.equal(await readFile(fifo, 'utf8'), 'heard\n')
    terminal.hangUp()
    assertHungUp(await terminal.program.ended)
    assert.ok(!isAlive(pid!))
  })

  for (const options of [[], ['-r']]) {
    test(`kq run, when a command that ignores it was killed: ${options.join(' ')}`, async () => {
      const fifo = directory.fifo()
      const script = `trap '' HUP; echo $$ > "$0"; while :; do sleep 0.01; done`
      const words = [...options, '--stop-timeout', '200ms', place(), '--', 'sh', '-c', script, fifo]
      const terminal = new Terminal(kq('run', ...words))
      const [pid] = await pidsOf(fifo)
      terminal.hangUp()
      assertHungUp(await terminal.program.ended)
      assert.ok(!isAlive(pid!))
    })
  }

  const quiet = ['--timer', '1h']
  for (const [name, words] of [
    ['wait', quiet],
    ['watch', [...quiet, '--timer', '200ms']],
    ['watch', ['--timer', '1ms']],
    // Nothing tells it but that it cannot write.
    ['watch', ['--signal', 'HUP', '--timer', '1ms']],
  ] as const) {
    test(`kq ${name} ${words.join(' ')}`, async () => {
      const fifo = directory.fifo()
      const terminal = new Terminal(kq(name, '--read', fifo, ...words))
      const writer = await terminal.program.writer(fifo)
      if (name === 'watch') await terminal.shows('expired')
      terminal.hangUp()
      assertHungUp(await terminal.program.ended)
      await writer.close()
    })
  }

  test('kq trace, with its command', async () => {
    const fifo = directory.fifo()
    const terminal = new Terminal(kq('trace', ...family(fifo)))
    const [pid] = await pidsOf(fifo)
    terminal.hangUp()
    assertHungUp(await terminal.program.ended)
    assert.ok(!isAlive(pid!))
  })

  test('kq trace that draws a tree on it', async () => {
    const fifo = directory.fifo()
    const words = kq('trace', '--output', '/dev/tty', ...family(fifo))
    const terminal = new Terminal(words, { stdout: 'pipe', stderr: 'pipe' })
    const pids = await pidsOf(fifo)
    await terminal.shows('running')
    terminal.hangUp()
    // The pipes are open as long as one of them lives.
    assertHungUp(await terminal.program.ended)
    await until(() => !pids.some(isAlive), 'they have ended')
  })

  test('kq that writes elsewhere, and has it for its input alone', async () => {
    const fifo = directory.fifo()
    const words = kq('run', place(), '--', ...family(fifo))
    const terminal = new Terminal(words, { stdout: 'pipe', stderr: 'pipe' })
    const pids = await pidsOf(fifo)
    terminal.hangUp()
    assertHungUp(await terminal.program.ended)
    await until(() => !pids.some(isAlive), 'they have ended')
  })

  test('kq that a shell has started, which ends first', async () => {
    const [fifo, status] = [directory.fifo(), directory.fifo()]
    const command = quoted(kq('run', place(), '--', ...family(fifo)))
    const inner = `trap : HUP; ${command}; echo $? > ${status}`
    // The outer one leads the session, and does not wait to be told twice.
    const terminal = new Terminal(['sh', '-c', `${quoted(['sh', '-c', inner])}; :`])
    const pids = await pidsOf(fifo)
    terminal.hangUp()
    assert.equal(await readFile(status, 'utf8'), '129\n')
    await until(() => !pids.some(isAlive), 'they have ended')
  })
})

/** Words for a session whose leader outlives the terminal, and writes how kq ended to a fifo. */
function survived(words: readonly string[], status: string, output = '/dev/tty'): string[] {
  return ['sh', '-c', `trap '' HUP; ${quoted(words)} > ${output}; echo $? > ${status}`]
}

describe('kq that outlives its terminal', { skip, concurrency: 4 }, () => {
  test('dies of SIGHUP when it writes to it', async () => {
    const status = directory.fifo()
    const terminal = new Terminal(survived(kq('watch', '--timer', '10ms'), status))
    await terminal.shows('expired')
    terminal.hangUp()
    assert.equal(await readFile(status, 'utf8'), '129\n')
  })

  test('ends as ever when it writes elsewhere', async () => {
    const [status, fifo] = [directory.fifo(), directory.fifo()]
    const output = directory.join('output')
    const terminal = new Terminal(survived(kq('wait', '--read', fifo), status, output))
    const writer = await terminal.program.writer(fifo)
    terminal.hangUp()
    await writer.write('hello')
    assert.equal(await readFile(status, 'utf8'), '0\n')
    assert.match(readFileSync(output, 'utf8'), /5 bytes to read/)
    await writer.close()
  })

  test('ends with 143 when it is terminated', async () => {
    const [status, fifo] = [directory.fifo(), directory.fifo()]
    const words = kq('run', place(), '--', 'sh', '-c', 'echo $PPID > "$0"; exec sleep 1000', fifo)
    const terminal = new Terminal(survived(words, status))
    const [pid] = await pidsOf(fifo)
    terminal.hangUp()
    process.kill(pid!, 'SIGTERM')
    assert.equal(await readFile(status, 'utf8'), '143\n')
  })

  test('ends as the command of kq trace ends, which catches the signal', async () => {
    const fifo = directory.fifo()
    const script = `trap 'exit 3' HUP; echo $$ > "$0"; while :; do sleep 0.01; done`
    const terminal = new Terminal(kq('trace', 'sh', '-c', script, fifo))
    await pidsOf(fifo)
    terminal.hangUp()
    const { code, signal } = await terminal.program.ended
    assert.deepEqual([code, signal], [3, null])
  })
})

describe('SIGHUP while the terminal is there', { skip, concurrency: 4 }, () => {
  test('kills kq run once its command has ended', async () => {
    const fifo = directory.fifo()
    const script = `trap 'echo saved; exit' HUP; echo $$ > "$0"; while :; do sleep 0.01; done`
    const terminal = new Terminal(kq('run', place(), '--', 'sh', '-c', script, fifo))
    await pidsOf(fifo)
    process.kill(terminal.pid, 'SIGHUP')
    await terminal.shows('saved')
    assertHungUp(await terminal.program.ended)
    terminal.hangUp()
  })

  test('leaves no tree on it', async () => {
    const fifo = directory.fifo()
    const words = kq('trace', '--output', '/dev/tty', ...family(fifo))
    const terminal = new Terminal(words, { stdout: 'pipe', stderr: 'pipe' })
    await pidsOf(fifo)
    await terminal.shows('running')
    process.kill(terminal.pid, 'SIGHUP')
    const shown = await terminal.shows('processes,')
    const left = shown.slice(shown.lastIndexOf('\x1b[J'))
    assert.match(left, /SIGHUP/)
    assert.ok(!left.includes('\x1b[K'))
    terminal.hangUp()
    assertHungUp(await terminal.program.ended)
  })
})

describe('signals that end kq', () => {
  function interrupted(...names: NodeJS.Signals[]) {
    const end = new AbortController()
    const interruption = new Interruption(end, ['SIGINT', 'SIGTERM', 'SIGHUP'])
    for (const name of names) process.emit(name, name)
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name)
    const { isKey, insisted, hurry, name } = interruption
    const reason: unknown = end.signal.reason
    assert.ok(reason instanceof Stop)
    return { isKey, insisted: insisted.aborted, hurry: hurry.aborted, name, code: reason.code }
  }

  test('are the first one, and a second that hurries', () => {
    const first = { isKey: false, insisted: false, hurry: false, name: 'SIGTERM', code: 143 }
    assert.deepEqual(interrupted('SIGTERM'), first)
    assert.deepEqual(interrupted('SIGTERM', 'SIGINT'), { ...first, hurry: true })
  })

  test('hurry for no SIGHUP: one that is closed is told of by shell and kernel', () => {
    const hungUp = { isKey: false, insisted: false, hurry: false, name: 'SIGHUP', code: 129 }
    assert.deepEqual(interrupted('SIGHUP', 'SIGHUP'), hungUp)
    assert.deepEqual(interrupted('SIGHUP', 'SIGTERM'), { ...hungUp, hurry: true })
  })

  test('are passed on after a key, which the command has got by itself', () => {
    const key = { isKey: true, insisted: false, hurry: true, name: 'SIGINT', code: 130 }
    assert.deepEqual(interrupted('SIGINT', 'SIGINT'), key)
    const insisted = { ...key, isKey: false, insisted: true, name: 'SIGTERM' }
    assert.deepEqual(interrupted('SIGINT', 'SIGTERM'), insisted)
    assert.deepEqual(interrupted('SIGINT', 'SIGHUP'), {
      ...insisted,
      hurry: false,
      name: 'SIGHUP',
    })
  })
})
