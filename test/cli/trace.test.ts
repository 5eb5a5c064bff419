/** `kq trace` as it is run: what the command has of it, what is told, and how it ends. */
import assert from 'node:assert/strict'
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { UsageError } from '#cli/errors.js'
import { parseTrace } from '#cli/trace/options.js'
import { until } from '../patience.js'
import { Directory, type Ended, run, type Setting, start } from './command.js'
import { everyElement, parseXml } from './xml.js'

const directory = new Directory()
after(() => directory.remove())

function shell(script: string, options: readonly string[] = [], setting?: Setting): Promise<Ended> {
  return run(['trace', ...options, '--', 'sh', '-c', script], setting)
}

interface Line {
  readonly time: number
  readonly event: 'fork' | 'exec' | 'exit' | 'lost' | 'summary'
  readonly pid: number
  readonly parent?: number
  readonly name?: string | null
  readonly argv?: string[] | null
  readonly code?: number | null
  readonly signal?: string | null
  readonly duration?: number
  readonly self?: number
  readonly processor?: number | null
  readonly memory?: number | null
  readonly processes?: number
  readonly running?: number[]
  readonly complete?: boolean
}

function lines(text: string): Line[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

function count(all: readonly Line[], event: Line['event']): number {
  return all.filter((line) => line.event === event).length
}

describe('ends as the command ends', { concurrency: 2 }, () => {
  for (const status of [0, 1, 7, 255]) {
    test(`exit ${status}`, async () => {
      const { code, stdout } = await shell(`echo said; exit ${status}`)
      assert.deepEqual([code, stdout], [status, 'said\n'])
    })
  }

  test('by the signal that killed it, which a shell tells as 128 and its number', async () => {
    for (const name of ['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGHUP', 'SIGPIPE', 'SIGUSR1']) {
      const { code, signal, stderr } = await shell(`kill -${name.slice(3)} $$`)
      assert.deepEqual([code, signal], [null, name])
      assert.match(stderr, new RegExp(` ${name} `))
    }
  })

  test('with 128 and the number where the signal would leave a core file', async () => {
    const { code, signal } = await shell('ulimit -c 0; kill -ABRT $$')
    assert.deepEqual([code, signal], [128 + 6, null])
  })

  test('127 when it is not found, 126 when it cannot be executed', async () => {
    const file = directory.join('data')
    writeFileSync(file, 'no program')
    const ends = [
      ['no-such-program', 127, /^kq: no-such-program: command not found\n$/],
      ['./no/such/program', 127, /^kq: \.\/no\/such\/program: ENOENT: [^\n]+\n$/],
      [file, 126, /^kq: [^\n]+: EACCES: permission denied\n$/],
      [directory.path, 126, /^kq: [^\n]+: EACCES: permission denied\n$/],
    ] as const
    for (const [command, status, message] of ends) {
      // A directory of the path that may not be searched would be another reason.
      const setting = { env: { PATH: '/usr/bin:/bin' } }
      const { code, stdout, stderr } = await run(['trace', command], setting)
      assert.deepEqual([code, stdout], [status, ''])
      assert.match(stderr, message)
    }
  })
})

describe('the command', { concurrency: 2 }, () => {
  test('has the input, the output, the descriptors, the environment and the words of kq', async () => {
    const file = directory.join('input')
    writeFileSync(file, 'from the file\n')
    const fd = openSync(file, 'r')
    const script = 'cat; cat <&3; echo "$KEPT $1"; echo error >&2'
    const { code, stdout, stderr } = await run(['trace', '--quiet', 'sh', '-c', script, 'x', ''], {
      stdin: openSync(file, 'r'),
      fds: [fd],
      env: { KEPT: 'kept' },
    })
    assert.deepEqual([code, stdout], [0, 'from the file\nfrom the file\nkept \n'])
    assert.match(stderr, /^error\nsh -c /)
  })

  test('takes options of its own, with -- and without', async () => {
    for (const words of [
      ['--', 'sh', '-c', 'echo "$@"', 'x', '--json', '--svg', '-h'],
      ['sh', '-c', 'echo "$@"', 'x', '--json', '--svg', '-h'],
    ]) {
      const { stdout } = await run(['trace', ...words])
      assert.equal(stdout, '--json --svg -h\n')
    }
  })

  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const) {
    test(`gets ${name} that is sent to kq, and decides`, async () => {
      const script = `trap 'echo caught; exit 9' ${name.slice(3)}; echo ready; while :; do sleep 0.02; done`
      const kq = start(['trace', '--output', '/dev/null', 'sh', '-c', script])
      assert.equal(await kq.line(), 'ready')
      kq.child.kill(name)
      const { code, stdout } = await kq.ended
      assert.deepEqual([code, stdout], [9, 'ready\ncaught\n'])
    })
  }

  test('is killed by a signal to kq that it does not catch', async () => {
    const kq = start(['trace', 'sh', '-c', 'echo ready; exec sleep 100'])
    await kq.line()
    kq.child.kill('SIGTERM')
    const { signal, stderr } = await kq.ended
    assert.equal(signal, 'SIGTERM')
    assert.match(stderr, /SIGTERM/)
  })
})

describe('the tree', { concurrency: 2 }, () => {
  test('is on standard error, with a summary', async () => {
    const { stdout, stderr } = await shell('cat /dev/null; sh -c "exit 3"; exit 0')
    assert.equal(stdout, '')
    const all = stderr.trimEnd().split('\n')
    assert.match(all[0]!, /^sh -c 'cat .* +\d+ {2}ok +[\d.]+ m?s$/)
    assert.match(all[1]!, /^├─ \S.* +\d+ {2}ok +[\d.]+ m?s$/)
    assert.match(all[2]!, /^└─ \S.* +\d+ {2}exit 3 +[\d.]+ m?s$/)
    assert.match(all[3]!, /^3 processes, 3 executions, 1 failed, at most \d at once, [\d.]+ m?s$/)
    assert.match(all[4]!, /^longest: /)
    assert.match(all[5]!, /^time: \S.* [\d.]+ ms/)
    assert.match(all[6]!, /^failed: \S.* \(\d+\), exit 3, in sh$/)
    assert.equal(all.length, 7)
  })

  test('goes to the file of --output, in colours if they are asked for', async () => {
    const file = directory.join('tree')
    const { stderr } = await shell('exit 3', ['--output', file], { env: { FORCE_COLOR: '1' } })
    assert.equal(stderr, '')
    assert.ok(readFileSync(file, 'utf8').includes('\x1b[31m  exit 3'))
    const plain = await shell('exit 3', ['--output', file])
    assert.equal(plain.stderr, '')
    assert.match(readFileSync(file, 'utf8'), /^sh -c 'exit 3' +\d+ {2}exit 3 /)
  })

  test('shows no control characters of words', async () => {
    const { stderr } = await run(['trace', 'true', 'a\x1b[31m\n\u202eb', '\x9b'])
    assert.match(stderr, /^true 'a\\x1b\[31m\\x0a\\u\{202e\}b' /)
  })
})

describe('--json', { concurrency: 2 }, () => {
  test('is an object a line, with what happened to each process', async () => {
    const file = directory.join('json')
    const script = 'sh -c "read x < /dev/null; exit 3"; sh -c "kill -9 \\$\\$"; exit 4'
    const { code } = await shell(script, ['--json', '--output', file])
    assert.equal(code, 4)
    const all = lines(readFileSync(file, 'utf8'))
    const [begin] = all
    assert.deepEqual([begin!.event, begin!.name, begin!.argv], ['exec', 'sh', ['sh', '-c', script]])
    const forks = all.filter(({ event }) => event === 'fork')
    assert.deepEqual(
      forks.map(({ parent }) => parent),
      [begin!.pid, begin!.pid],
    )
    const exits = all.filter(({ event }) => event === 'exit')
    assert.deepEqual(
      exits.map(({ pid, code, signal }) => [pid, code, signal]),
      [
        [forks[0]!.pid, 3, null],
        [forks[1]!.pid, null, 'SIGKILL'],
        [begin!.pid, 4, null],
      ],
    )
    for (const { duration } of exits) assert.ok(duration! >= 0)
    const { event, processes, running, complete } = all.at(-1)!
    assert.deepEqual([event, processes, running, complete], ['summary', 3, [], true])
    const times = all.map(({ time }) => time)
    assert.ok(Math.abs(times[0]! - Date.now()) < 60_000)
  })

  test('has the processor time and the peak memory of what runs long enough', async () => {
    const file = directory.join('use.json')
    const script =
      'const b = Buffer.alloc(100e6, 1); while (process.cpuUsage().user < 5e5); process.exit(b[0])'
    const command = ['sh', '-c', '"$0" -e "$1"; exit 0', process.execPath, script]
    const { code } = await run(['trace', '--json', '--output', file, ...command])
    assert.equal(code, 0)
    const all = lines(readFileSync(file, 'utf8'))
    const { processor, memory, self, duration } = all.find(({ code }) => code === 1)!
    assert.ok(processor! >= 200, `${processor} ms`)
    assert.ok(memory! >= 100e6, `${memory} bytes`)
    assert.equal(self, duration)
    const shell = all.find(({ event, code }) => event === 'exit' && code === 0)!
    assert.ok(shell.self! < shell.duration! / 2)
  })

  test('300 processes each begin and end once, also in the picture', async () => {
    const [file, svg] = [directory.join('many.json'), directory.join('many.svg')]
    const script = 'i=0; while [ $i -lt 150 ]; do /bin/true & (exit 1); i=$((i+1)); done; wait'
    const { code } = await shell(script, ['--json', '--output', file, '--svg', svg])
    assert.equal(code, 0)
    const all = lines(readFileSync(file, 'utf8'))
    assert.deepEqual([count(all, 'fork'), count(all, 'exit')], [300, 301])
    assert.equal(all.at(-1)!.processes, 301)
    const born = all.filter(({ event }) => event === 'fork').map(({ pid }) => pid)
    const bars = everyElement(parseXml(readFileSync(svg, 'utf8'))).filter(({ attributes }) =>
      attributes.get('class')?.startsWith('bar '),
    )
    const drawn = bars.map(({ children }) => Number(/^pid (\d+)/m.exec(children[0]!.text)![1]))
    assert.equal(drawn.length, 301)
    assert.deepEqual(new Set(drawn), new Set([all[0]!.pid, ...born]))
    assert.equal(
      bars.filter(({ attributes }) => attributes.get('class') === 'bar failed').length,
      150,
    )
  })
})

describe('processes that the command leaves behind', { concurrency: 2 }, () => {
  // They wait for the end of a pipe, which this test holds.
  const script = '(read x <&3; exit 0) > /dev/null 2>&1 & exit 5'

  test('are not waited for', async () => {
    const fifo = directory.fifo()
    const fd = openSync(fifo, 'r+')
    const { code, stderr } = await shell(script, ['--json'], { fds: [fd] })
    assert.equal(code, 5)
    const { running, processes } = lines(stderr).at(-1)!
    assert.equal(processes, 2)
    assert.equal(running!.length, 1)
    process.kill(running![0]!, 'SIGTERM')
  })

  test('are waited for with --wait', async () => {
    const fifo = directory.fifo()
    const fd = openSync(fifo, 'r+')
    const output = directory.join('waited')
    const kq = start(['trace', '--wait', '--json', '--output', output, 'sh', '-c', script], {
      fds: [fd],
    })
    const ended = () => existsSync(output) && readFileSync(output, 'utf8').includes('"exit"')
    // The command has gone, and is told to have.
    await until(ended, 'the command has gone')
    writeFileSync(fifo, 'go\n')
    const { code } = await kq.ended
    assert.equal(code, 5)
    const all = lines(readFileSync(output, 'utf8'))
    assert.deepEqual([count(all, 'exit'), all.at(-1)!.running], [2, []])
  })
})

describe('what cannot be written', { concurrency: 2 }, () => {
  test('on a full disk is told, and fails where the command does not', async () => {
    for (const option of ['--svg', '--output']) {
      const full = await shell('exit 0', ['--quiet', option, '/dev/full'])
      assert.equal(full.code, 1)
      assert.match(full.stderr, new RegExp(`kq: ${option} /dev/full: ENOSPC: [^\n]+\n$`))
      assert.equal((await shell('exit 7', [option, '/dev/full'])).code, 7)
    }
  })
})

describe('usage', { concurrency: 2 }, () => {
  test('help is in 80 columns', async () => {
    const { code, stdout } = await run(['trace', '--help'])
    assert.equal(code, 0)
    for (const option of ['--svg FILE', '--json', '--output FILE', '--all', '--wait', '--quiet']) {
      assert.ok(stdout.includes(` ${option}`))
    }
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
  })

  const wrong: [string[], RegExp][] = [
    [[], /trace needs a command; write for example: kq trace -- make -j4/],
    [['--'], /trace needs a command/],
    [[''], /trace needs a command/],
    [['--svg'], /--svg needs a value; write --svg FILE/],
    [['--svg', '--json', 'true'], /--svg needs a value/],
    [['--svg=', 'true'], /--svg '' names no file/],
    [['--svg', 'a', '--svg', 'b', 'true'], /--svg is given twice/],
    [['--timeout', '1s', 'true'], /trace has no option --timeout/],
  ]
  for (const [args, message] of wrong) {
    test(`kq trace ${args.join(' ')}`, () => {
      assert.throws(() => parseTrace(args), { constructor: UsageError, message })
    })
  }

  test('what is bad exits 2 with a line', async () => {
    const { code, stdout, stderr } = await run(['trace', '--svg', '--json', 'true'])
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /^kq: --svg needs a value[^\n]+\n$/)
  })
})
