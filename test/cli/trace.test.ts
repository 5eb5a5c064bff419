/** `kq trace`: a command, all of its descendants, and how it ends. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { readable } from 'kqueue'
import * as posix from '../native/posix.js'
import { Directory, type Running, run, start } from './command.js'
import { elements } from './xml.js'

const directory = new Directory()
after(() => directory.remove())

const shell = (script: string): string[] => ['--', 'sh', '-c', script]

interface Line {
  event: string
  pid: number
  parent: number
  name: string
  argv: string[]
  code: number | null
  signal: string | null
  duration: number
  processes: number
  executions: number
  failed: number
  running: number[]
  complete: boolean
}

const lines = (text: string): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

/** Without the times, which differ each time. */
const timeless = (line: string): string => line.replace(/\s+[\d.]+ m?s$/, '')

/** What a terminal shows next. */
async function text(master: number): Promise<string> {
  await readable(master)
  return new TextDecoder().decode(posix.read(master))
}

/** Waits until a text stands on standard error. */
function written({ child }: Running, text: string): Promise<void> {
  return new Promise((resolve) => {
    let seen = ''
    child.stderr!.on('data', (chunk: string) => {
      seen += chunk
      if (seen.includes(text)) resolve()
    })
  })
}

describe('kq trace', () => {
  test('shows the tree, and how each has ended', async () => {
    const script = 'sh -c "exit 3"; sh -c "kill -KILL \\$\\$"; (exit 4); exit 7'
    const { code, stdout, stderr } = await run(['trace', ...shell(script)])
    assert.deepEqual([code, stdout], [7, ''])
    const [root, ...rest] = stderr.split('\n').filter((line) => !line.startsWith('Killed'))
    assert.match(root!, /^sh -c '.*exit 7' {2,}\d+ {2}exit 7 /)
    const rows = rest.map((line) => timeless(line).replace(/ +\d+ {2}/, '  '))
    // Who is gone at once may have no words.
    assert.match(rows[0]!, /^├─ sh( -c 'exit 3'| → \?)? {2}exit 3$/)
    assert.match(rows[1]!, /^├─ sh( -c 'kill -KILL \$\$'| → \?)? {2}SIGKILL$/)
    assert.equal(rows[2], '└─ (sh)  exit 4')
    assert.match(rest[3]!, /^4 processes, 3 executions, 4 failed, at most 2 at once, /)
  })

  test('leaves input and output to the command', async () => {
    const [r, w] = posix.pipe2(posix.constants.O_CLOEXEC)
    posix.write(w, 'hello')
    posix.close(w)
    const kq = start(['trace', '--', 'tr', 'a-z', 'A-Z'], { stdin: r })
    posix.close(r)
    assert.equal((await kq.ended).stdout, 'HELLO')
  })

  test('--json prints what happens, and a summary', async () => {
    const [r, w] = posix.pipe2(posix.constants.O_CLOEXEC)
    const script = 'sh -c "read go <&3; exit 3"; exit 7'
    const kq = start(['trace', '--json', ...shell(script)], { fds: [r] })
    posix.close(r)
    // Whose words have been read may go.
    await written(kq, '"-c","read go')
    posix.close(w)
    const { code, stdout, stderr } = await kq.ended
    assert.deepEqual([code, stdout], [7, ''])
    const told = lines(stderr)
    const [pid, child] = told.map((line) => line.pid)
    const shown = told.map(({ event, pid, parent, name, argv, code, signal }) =>
      JSON.parse(JSON.stringify({ event, pid, parent, name, argv, code, signal })),
    )
    assert.deepEqual(shown, [
      { event: 'exec', pid, name: 'sh', argv: ['sh', '-c', script] },
      { event: 'fork', pid: child, parent: pid },
      { event: 'exec', pid: child, name: 'sh', argv: ['sh', '-c', 'read go <&3; exit 3'] },
      { event: 'exit', pid: child, code: 3, signal: null },
      { event: 'exit', pid, code: 7, signal: null },
      { event: 'summary' },
    ])
    const { processes, executions, failed, running, complete } = told.at(-1)!
    assert.deepEqual([processes, executions, failed, running, complete], [2, 2, 2, [], true])
  })

  for (const [how, command] of [
    ['one after the other', '/bin/true;'],
    ['at once', '/bin/true &'],
  ]) {
    test(`loses none of 300 processes ${how}`, async () => {
      const script = `i=0; while [ $i -lt 300 ]; do ${command} i=$((i+1)); done; wait`
      const svg = directory.join('many.svg')
      const output = directory.join('many.json')
      const args = ['trace', '--json', '--output', output, '--svg', svg, ...shell(script)]
      const { code, stderr } = await run(args)
      assert.deepEqual([code, stderr], [0, ''])
      const told = lines(readFileSync(output, 'utf8'))
      const pids = (event: string): Set<number> =>
        new Set(told.filter((line) => line.event === event).map(({ pid }) => pid))
      assert.equal(pids('fork').size, 300)
      assert.equal(pids('exec').size, 301)
      assert.equal(told.filter(({ event }) => event === 'exit').length, 301)
      assert.equal(told.at(-1)!.processes, 301)
      assert.equal(elements(readFileSync(svg, 'utf8'), 'rect', 'bar').length, 301)
    })
  }

  test('goes on to the last process with --wait', async () => {
    const script = '(read x; exit 5) <&3 & exit 7'
    const [r, w] = posix.pipe2(posix.constants.O_CLOEXEC)
    const kq = start(['trace', '--wait', '--json', ...shell(script)], { fds: [r] })
    posix.close(r)
    await written(kq, '"code":7')
    posix.close(w)
    const { code } = await kq.ended
    assert.equal(code, 7)
  })

  test('says who still runs when the command has ended', async () => {
    const [r, w] = posix.pipe2(posix.constants.O_CLOEXEC)
    const args = ['trace', '--json', ...shell('(read x) <&3 >&- 2>&- & exit 7')]
    const kq = start(args, { fds: [r] })
    posix.close(r)
    const { code, stderr } = await kq.ended
    posix.close(w)
    assert.equal(code, 7)
    assert.equal(lines(stderr).at(-1)!.running.length, 1)
  })
})

describe('kq trace on a terminal', () => {
  /** What is written to a terminal of its own, and what kq does then. */
  async function onTerminal(args: readonly string[], fds: readonly number[], own: boolean) {
    const [master, slave] = posix.openpty()
    for (const fd of [master, slave]) posix.fcntl(fd, posix.constants.F_SETFD, 1)
    const setting = { fds: [...fds, slave], env: { NO_COLOR: '1' } }
    const kq = start(args, own ? setting : { ...setting, stderr: slave })
    return { kq, master, slave }
  }

  test('draws those that run, again and again, where it has the terminal for itself', async () => {
    const [r, w] = posix.pipe2(posix.constants.O_CLOEXEC)
    const script = 'sh -c "read go <&3; :" & wait; exit 7'
    const args = ['trace', '--output', '/dev/fd/4', ...shell(script)]
    const { kq, master, slave } = await onTerminal(args, [r], true)
    posix.close(r)
    let seen = ''
    const lineOf = /┊ {3}sh -c 'read go <&3; :' +\d+ +running +[\d.]+ m?s\r\n/
    while (!lineOf.test(seen)) seen += await text(master)
    posix.close(w)
    const { code, stderr } = await kq.ended
    seen += await text(master)
    posix.close(slave)
    posix.close(master)
    assert.deepEqual([code, stderr], [7, ''])
    // What was drawn is erased, in the end for the tree.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is told
    assert.match(seen, /\x1b\[3A\r\x1b\[Jsh -c /)
    assert.match(seen, /└─ sh -c 'read go <&3; :' +\d+ +ok +[\d.]+ m?s\r\n2 processes/)
  })

  test('writes a line for each that has ended where the command has it, too', async () => {
    const { kq, master, slave } = await onTerminal(
      ['trace', ...shell('(exit 3); echo own >&2')],
      [],
      false,
    )
    const { code } = await kq.ended
    const seen = await text(master)
    posix.close(slave)
    posix.close(master)
    assert.equal(code, 0)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
    assert.doesNotMatch(seen, /\x1b/)
    assert.match(seen, /^┊ {3}\(sh\) +\d+ +exit 3 +[\d.]+ ms\r\n/m)
    assert.match(seen, /^own\r\n/m)
  })
})

describe('kq trace ends as its command', () => {
  test('by the signal that has killed it', async () => {
    const { code, signal } = await run(['trace', '--quiet', ...shell('kill -TERM $$')])
    assert.deepEqual([code, signal], [null, 'SIGTERM'])
  })

  test('with 128 and the number of one that would leave a core file', async () => {
    const { code, signal } = await run(['trace', ...shell('ulimit -c 0; kill -ABRT $$')])
    assert.deepEqual([code, signal], [134, null])
  })

  test('with what a shell says of commands that there are not', async () => {
    const plain = directory.join('plain')
    writeFileSync(plain, '')
    for (const [word, code, reason] of [
      ['no-such-command', 127, 'no-such-command: command not found'],
      [directory.join('none'), 127, `${directory.join('none')}: ENOENT: no such file or directory`],
      [plain, 126, `${plain}: EACCES: permission denied`],
    ] as const) {
      const ended = await run(['trace', '--', word])
      assert.deepEqual([ended.code, ended.stderr], [code, `kq: ${reason}\n`])
    }
  })

  test('which has the signals first', async () => {
    const script = 'trap "exit 9" TERM; echo ready; while :; do read x <&3; done'
    const [r, w] = posix.pipe2(posix.constants.O_CLOEXEC)
    const kq = start(['trace', ...shell(script)], { fds: [r] })
    posix.close(r)
    assert.equal(await kq.line(), 'ready')
    kq.child.kill('SIGTERM')
    // The shell reads on until its trap has run.
    posix.write(w, '\n')
    const { code } = await kq.ended
    posix.close(w)
    assert.equal(code, 9)
  })
})

describe('kq trace --svg', () => {
  test('draws a bar for each process, and tells what it was', async () => {
    const svg = directory.join('two.svg')
    const hostile = ['a&b', '<x>', ']]>', '"\'', '\x1b[31m', '\ud83d\ude00', 'line\nbreak']
    const { code } = await run(['trace', '--svg', svg, ...shell('exit 3'), ...hostile])
    assert.equal(code, 3)
    const text = readFileSync(svg, 'utf8')
    const [bar, ...others] = elements(text, 'rect', 'bar')
    assert.equal(others.length, 0)
    assert.match(bar!.text, /^sh -c 'exit 3' 'a&b' '<x>'/)
    assert.match(bar!.text, /exit 3/)
    // By themselves: nothing is loaded.
    assert.deepEqual(text.match(/(href|url\(|<script|@import)/g), null)
  })

  test('is refused before the command runs when it cannot be written', async () => {
    const proof = directory.join('proof')
    for (const [path, reason] of [
      [directory.join('no/where.svg'), 'ENOENT: no such file or directory'],
      [directory.path, 'EISDIR: it is a directory'],
    ]) {
      const { code, stderr } = await run(['trace', '--svg', path!, '--', 'touch', proof])
      assert.deepEqual([code, stderr], [1, `kq: --svg ${path}: ${reason}\n`])
    }
    assert.ok(!existsSync(proof))
  })

  test('fails when the disk is full, unless the command has failed by itself', async () => {
    const full = await run(['trace', '--svg', '/dev/full', '--', 'true'])
    assert.equal(full.code, 1)
    assert.match(full.stderr, /^kq: --svg \/dev\/full: ENOSPC/m)
    assert.equal((await run(['trace', '--svg', '/dev/full', '--', 'false'])).code, 1)
    assert.equal((await run(['trace', '--svg', '/dev/full', ...shell('exit 7')])).code, 7)
  })
})

describe('kq trace is used badly', () => {
  for (const [args, reason] of [
    [[], /trace needs a command; write for example: kq trace -- make/],
    [['--'], /needs a command/],
    [['--', ''], /needs a command/],
    [['--frob', 'true'], /trace has no option --frob; kq trace --help/],
    [['--svg', '', 'true'], /--svg '' names no file/],
    [['--svg', 'a', '--svg', 'b', 'true'], /--svg is given twice/],
    [['--json=1', 'true'], /--json takes no value/],
  ] as const) {
    test(`kq trace ${args.map((word) => word || "''").join(' ')}`, async () => {
      const { code, stdout, stderr } = await run(['trace', ...args])
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, reason)
      assert.equal(stderr.split('\n').length, 2)
    })
  }

  test('without --, the options after the command are its own', async () => {
    const { code, stdout } = await run([
      'trace',
      '-q',
      'sh',
      '-c',
      'echo "$0 $@"',
      '--json',
      '--svg',
    ])
    assert.deepEqual([code, stdout], [0, '--json --svg\n'])
  })
})
