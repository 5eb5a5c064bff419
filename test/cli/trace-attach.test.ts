/** `kq trace -p`: processes that run already; and what of a trace is shown. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { after, describe, test } from 'node:test'
import { UsageError } from '#cli/errors.js'
import { parseTrace } from '#cli/trace/options.js'
import { type Selection, selectedOf } from '#cli/trace/selection.js'
import { treeLines } from '#cli/trace/table.js'
import { run, start } from './command.js'
import { Past, plain } from './histories.js'

interface Line {
  readonly event: string
  readonly pid: number
  readonly parent?: number
  readonly existing?: boolean
  readonly name?: string | null
  readonly argv?: string[] | null
  readonly code?: number | null
  readonly processes?: number
}

const started: ChildProcess[] = []
after(() => {
  for (const child of started) child.kill('SIGKILL')
})

/** A shell that waits for a line on its input, with children that wait for one on descriptor 3. */
function family(script: string): { child: ChildProcess; pid: number; go(fd: 0 | 3): void } {
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore', 'pipe'] })
  started.push(child)
  return {
    child,
    pid: child.pid!,
    go(fd) {
      const pipe = child.stdio[fd] as NodeJS.WritableStream
      pipe.write('go\n')
    },
  }
}

/** kq attached to a process, when it has told of so many that were there. */
async function attached(pid: number, existing: number) {
  const kq = start(['trace', '--json', '--output', '/dev/stdout', '-p', `${pid}`])
  const lines: Line[] = []
  const next = async () => {
    lines.push(JSON.parse(await kq.line()) as Line)
    return lines.at(-1)!
  }
  while (lines.filter((line) => line.existing).length < existing) await next()
  return { kq, lines, next }
}

describe('a process that runs already', { concurrency: 2 }, () => {
  test('is followed with the children that it has, until all have ended', async () => {
    const inner = 'sh -c "read x <&3; exit 3"; exit 5'
    // The shell is there before its children are.
    const { pid, go } = family(`sh -c '${inner}' & read go; sh -c "exit 4"; wait`)
    const { kq, lines } = await attached(pid, 2)
    assert.deepEqual([lines[0]!.event, lines[0]!.pid, lines[0]!.name], ['attach', pid, 'sh'])
    const [child, grandchild] = lines.filter(({ existing }) => existing)
    assert.deepEqual([child!.parent, grandchild!.parent], [pid, child!.pid])
    assert.deepEqual(child!.argv, ['sh', '-c', inner])
    go(3)
    go(0)
    const { code, stdout } = await kq.ended
    assert.equal(code, 0)
    const all = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    const exits = all.filter(({ event }) => event === 'exit')
    assert.deepEqual(
      new Map(exits.map(({ pid, code }) => [pid, code])),
      new Map([
        [grandchild!.pid, 3],
        [child!.pid, 5],
        [exits.find(({ code }) => code === 4)!.pid, 4],
        [pid, 0],
      ]),
    )
    assert.equal(all.at(-1)!.processes, 4)
  })

  for (const [name, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`goes on when ${name} ends the tracing, and the tree is shown`, async () => {
      const { child, pid, go } = family('sh -c "read x <&3" & read go')
      const { kq } = await attached(pid, 1)
      kq.child.kill(name)
      const { code, stdout } = await kq.ended
      assert.equal(code, status)
      const { event, processes, running } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
      assert.deepEqual([event, processes, running.length], ['summary', 2, 2])
      assert.deepEqual([child.exitCode, child.signalCode], [null, null])
      go(0)
      go(3)
    })
  }

  test('that is not there is told, and exits with 1', async () => {
    const { code, stdout, stderr } = await run(['trace', '-p', `${0x7fffffff}`])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^kq: --pid 2147483647: ESRCH: [^\n]*there is no process 2147483647\n$/)
  })

  const wrong: [string[], RegExp][] = [
    [['-p'], /--pid needs a value; write --pid PID/],
    [['-p', '0'], /--pid '0' is not the number of a process; write --pid 1234/],
    [['-p', 'sh'], /--pid 'sh' is not the number/],
    [['-p', '1e3'], /is not the number/],
    [['-p', '4294967297'], /is not the number/],
    [['-p', '1', '-p', '2'], /--pid is given twice/],
    [['-p', '1', 'make'], /takes --pid or a command; leave out --pid, or 'make'/],
    [['--slower', 'x', 'make'], /--slower 'x' is not a time/],
    [['--only', '', 'make'], /--only '' names no program; write --only cc/],
  ]
  for (const [args, message] of wrong) {
    test(`kq trace ${args.join(' ')}`, () => {
      assert.throws(() => parseTrace(args), { constructor: UsageError, message })
    })
  }
})

describe('of a tree is shown', () => {
  function shownOf(selection: Partial<Selection>): string[] {
    const { history } = new Past(['make'])
      .fork(2, 1, 1)
      .exec(2, ['cc', 'a.c'], 2)
      .fork(3, 2, 3)
      .exec(3, ['as', 'a.s'], 4)
      .exit(3, 256, 300)
      .exit(2, 0, 400)
      .run(4, ['cc', 'b.c'], 10, 20)
      .run(5, ['false'], 30, 40, 256)
      .exit(1, 0, 500)
    const shown = selectedOf(history, { failed: false, slower: 0, only: [], ...selection })
    const lines = treeLines(history, { columns: 80, all: true, paint: plain, shown })
    return lines.map((line) => line.replace(/(?<=\w) {2,}.*/, ''))
  }

  test('everything, where nothing is asked for', () => {
    assert.deepEqual(shownOf({}), ['make', '├─ cc a.c', '│  └─ as a.s', '├─ cc b.c', '└─ false'])
  })

  test('--failed: what failed, below what it descends from', () => {
    assert.deepEqual(shownOf({ failed: true }), ['make', '├─ cc a.c', '│  └─ as a.s', '└─ false'])
  })

  test('--slower: what took as long', () => {
    assert.deepEqual(shownOf({ slower: 297 }), ['make', '└─ cc a.c', '   └─ as a.s'])
    assert.deepEqual(shownOf({ slower: 298 }), ['make', '└─ cc a.c'])
  })

  test('--only: programs by their names', () => {
    assert.deepEqual(shownOf({ only: ['false'] }), ['make', '└─ false'])
    assert.deepEqual(shownOf({ only: ['cc', 'false'] }).length, 4)
  })

  test('what meets all of them', () => {
    assert.deepEqual(shownOf({ failed: true, slower: 100, only: ['as', 'false'] }), [
      'make',
      '└─ cc a.c',
      '   └─ as a.s',
    ])
    assert.deepEqual(shownOf({ failed: true, slower: 1000 }), ['make'])
  })

  test('--summary: nothing, but what comes after it', async () => {
    const { stderr } = await run(['trace', '--summary', 'sh', '-c', 'exit 3'])
    assert.match(stderr, /^1 process, [^\n]+\nfailed: sh -c 'exit 3' [^\n]+\n$/)
    const json = await run(['trace', '--summary', '--json', 'sh', '-c', 'exit 3'])
    assert.match(json.stderr, /^{"time":[\d.]+,"event":"summary",[^\n]+}\n$/)
  })
})
