/** `kq run` on a terminal: its keys, and the modes that it is left in. */
import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Directory } from './command.js'
import { isAlive, plant } from './running.js'
import { kq, quoted, skip, Terminal } from './terminal.js'

const directory = new Directory()
after(() => directory.remove())

let made = 0
const place = (): string => plant(directory, `keys${made++}`, { a: '' })

/** kq, and what the modes of the terminal are before and after it. */
function between(...args: string[]): Terminal {
  const script = `stty -g > "$0.before"; ${quoted(kq(...args))}; echo "status $?"
    stty -g > "$0.after"; cmp "$0.before" "$0.after" && echo "modes are the same"`
  return new Terminal(['bash', '-mc', script, directory.join(`modes${made++}`)])
}

/** A run that says which it is. */
const COUNT = 'echo x >> "$0"; echo "run $(wc -l < "$0")"'
const count = (more = ''): string[] => ['sh', '-c', COUNT + more, directory.join(`count${made++}`)]

/** Presses a key until it is heard: what was typed before kq listens is not for it. */
async function press(terminal: Terminal, key: string, text: string): Promise<string> {
  for (;;) {
    terminal.type(key)
    const shown = terminal.shows(text)
    shown.catch(() => {})
    const seen = await Promise.race([shown, delay(500)])
    if (seen !== undefined) return seen
  }
}

const quit = (terminal: Terminal): Promise<string> => press(terminal, 'q', 'modes are the same')

describe('on a terminal', { concurrency: 2, skip }, () => {
  test('the space bar runs the command again, and q quits', async () => {
    const terminal = between('run', place(), '--', ...count())
    for (let n = 1; n < 4; n++) {
      await terminal.shows(`run ${n}`)
      await press(terminal, ' ', `run ${n + 1}`)
    }
    assert.match(await quit(terminal), /status 0/)
    terminal.hangUp()
  })

  test('while it waits for the first change, too', async () => {
    const terminal = between('run', '-p', place(), '--', ...count())
    await press(terminal, ' ', 'run 1')
    assert.match(await quit(terminal), /status 0/)
    terminal.hangUp()
  })

  test('with --restart at any time', async () => {
    const terminal = between('run', '-r', place(), '--', ...count('; exec sleep 1000'))
    await terminal.shows('run 1')
    await press(terminal, ' ', 'run 2')
    assert.match(await quit(terminal), /status 0/)
    terminal.hangUp()
  })

  test('it is the command that has them while it runs', async () => {
    const top = place()
    const script = '; stty | grep -e -icanon -e -echo; read -r line; echo "<$line>"'
    const terminal = between('run', top, '--', ...count(script))
    await terminal.shows('run 1')
    terminal.type('q uit\n')
    await terminal.shows('<q uit>')
    // It may have to be said again, when kq listens.
    appendFileSync(`${top}/a`, 'x')
    await terminal.shows('run 2')
    // More than it reads is not for kq.
    terminal.type('one\nq\n')
    await terminal.shows('<one>')
    appendFileSync(`${top}/a`, 'x')
    await terminal.shows('run 3')
    terminal.type('two\n')
    await terminal.shows('<two>')
    assert.doesNotMatch(await quit(terminal), /-icanon|-echo/)
    terminal.hangUp()
  })

  const endings = { SIGINT: 130, SIGTERM: 143, SIGQUIT: 131, SIGHUP: 129 }
  for (const [signal, status] of Object.entries(endings)) {
    test(`${signal} leaves it as it was`, async () => {
      const script = 'echo "up $PPID"; exec sleep 1000'
      const terminal = between('run', '-r', place(), '--', 'sh', '-c', script)
      const pid = Number(/up (\d+)\r/.exec(await terminal.shows('up '))?.[1])
      process.kill(pid, signal)
      assert.match(await terminal.shows('modes are the same'), new RegExp(`status ${status}`))
      assert.ok(!isAlive(pid))
      terminal.hangUp()
    })
  }

  test('the keys of signals are still those', async () => {
    const terminal = between('run', place(), '--', ...count())
    await press(terminal, ' ', 'run 2')
    terminal.type('\x03')
    assert.match(await terminal.shows('modes are the same'), /status 130/)
    terminal.hangUp()
  })

  test('a command that is killed does not leave the modes that it has set', async () => {
    const script = '; stty | grep raw; stty raw -echo; kill -9 $$'
    const terminal = between('run', place(), '--', ...count(script))
    await terminal.shows('killed by SIGKILL')
    await press(terminal, ' ', 'run 2')
    assert.match(await quit(terminal), /status 0/)
    terminal.hangUp()
  })

  test('stopped and continued, it hears of them again', async () => {
    const words = quoted(kq('run', place(), '--', ...count()))
    const script = `set -m; ${words}; echo "status $?"; fg > /dev/null; echo "then $?"`
    const terminal = new Terminal(['bash', '-c', script])
    await press(terminal, ' ', 'run 2')
    await press(terminal, '\x1a', 'status 148')
    await press(terminal, ' ', 'run 3')
    await press(terminal, 'q', 'then 0')
    terminal.hangUp()
  })
})
