/** The tree, the summary and the live view of kq trace, of processes at given times. */
import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { columnsOf } from '#cli/trace/columns.js'
import { LiveLines, LiveTree } from '#cli/trace/live.js'
import { selfTime, sharesOf } from '#cli/trace/self-time.js'
import { summaryLines } from '#cli/trace/summary.js'
import { endLine, runningLines, treeLines } from '#cli/trace/table.js'
import { lengthOf } from '#cli/trace/time.js'
import { many, Past, plain } from './histories.js'

const SEGV_AND_CORE = 11 + 128

function tree(past: Past, columns: number, all = true): string[] {
  return treeLines(past.history, { columns, all, paint: plain })
}

/** What stands before the columns. */
function labelsOf(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/(?<=[\w?')]) {2,}.*/, ''))
}

function build(): Past {
  return new Past(['make', '-j2'])
    .fork(2, 1, 1)
    .exec(2, ['/usr/bin/cc', '-c', 'a b.c'], 2)
    .fork(3, 1, 3)
    .fork(4, 2, 4)
    .exec(4, ['as', "it's.s"], 5)
    .exit(4, SEGV_AND_CORE, 500)
    .exit(2, 256, 1004)
    .fork(5, 1, 1005)
    .exec(5, null, 1006)
    .exit(5, 0, 1007)
    .exit(1, 512, 2500)
}

describe('the tree', () => {
  test('has a line for each process, below the one that made it', () => {
    assert.deepEqual(tree(build(), 80), [
      'make -j2                    1  exit 2       2.50 s',
      "├─ cc -c 'a b.c'            2  exit 1       1.00 s",
      "│  └─ as 'it'\\''s.s'        4  SIGSEGV      496 ms",
      '├─ (make)                   3  running      2.50 s',
      '└─ make → ?                 5  ok          2.00 ms',
    ])
  })

  test('leaves out the pid on a narrow terminal, and the end on a very narrow one', () => {
    assert.equal(tree(build(), 40)[0], 'make -j2             exit 2       2.50 s')
    assert.equal(tree(build(), 30)[0], 'make -j2                2.50 s')
  })

  test('is never wider than the terminal', () => {
    const past = new Past(['sh', '-c', '界'.repeat(90)])
    for (let pid = 2; pid < 150; pid++) {
      past.fork(pid, pid - 1, pid).exec(pid, ['name', 'x\u0301'.repeat(pid), '🙂🙂'], pid)
    }
    for (const columns of [20, 40, 80, 81, 132]) {
      for (const line of tree(past, columns)) assert.ok(columnsOf(line) <= columns, line)
      const [, ...processes] = past.history.processes
      for (const one of processes) {
        assert.ok(columnsOf(endLine(one, past.history, { columns, paint: plain })) <= columns)
      }
      for (const line of summaryLines(past.history, Math.max(columns, 40))) {
        assert.ok(columnsOf(line) <= Math.max(columns, 40), line)
      }
    }
  })

  test('has each of 300 processes once, or folded with others that are like it', () => {
    const history = many(300)
    const { processes } = history
    const options = { columns: 80, paint: plain }
    const whole = treeLines(history, { ...options, all: true })
    assert.equal(whole.length, processes.length)
    const pids = whole.map((line) => /(\d+) {2}\S+( \d+)? +\S+ ms$/.exec(line)?.[1])
    assert.deepEqual(new Set(pids), new Set(processes.map(({ pid }) => `${pid}`)))
    const folded = treeLines(history, { ...options, all: false })
    assert.deepEqual(labelsOf(folded), [
      'make -j2',
      '├─ × 120 cc',
      '│  └─ as',
      '└─ × 29 cc',
      '   └─ as',
    ])
    assert.match(folded[3]!, /exit 1/)
  })

  test('folds only what ended alike, in the order in which the first began', () => {
    const past = new Past(['sh'])
    for (let i = 0; i < 60; i++) past.run(i + 2, ['true'], i, i + 1, i === 30 ? 256 : 0)
    past.run(100, ['last'], 90, 95)
    assert.deepEqual(
      tree(past, 80, false).map((line) => line.replace(/ {2,}/g, ' ')),
      [
        'sh 1 running 95.0 ms',
        '├─ × 59 true ok ≤ 1.00 ms',
        '├─ true 32 exit 1 1.00 ms',
        '└─ last 100 ok 5.00 ms',
      ],
    )
  })

  test('never says that a group is well when something below it failed', () => {
    for (const count of [30, 150]) {
      const past = new Past(['sh'])
      for (let i = 0; i < count; i++) {
        const pid = 2 + 2 * i
        past.fork(pid, 1, i).exec(pid, ['sh', '-c', 'false; true'], i)
        past
          .fork(pid + 1, pid, i)
          .exec(pid + 1, ['false'], i)
          .exit(pid + 1, 256, i + 1)
        past.exit(pid, 0, i + 1)
      }
      const lines = tree(past.exit(1, 0, count + 1), 80, false)
      assert.deepEqual(
        lines.map((line) => line.replace(/ {2,}/g, ' ')),
        [
          `sh 1 ok ${count + 1}${count < 100 ? '.0' : ''} ms`,
          `└─ × ${count} sh ${count} failed ≤ 1.00 ms`,
          ' └─ false exit 1',
        ],
      )
      assert.deepEqual(summaryLines(past.history, 80).slice(3), [
        `failed: false, exit 1, ${count} times, in sh › sh`,
      ])
    }
  })

  test('folds by the name what is alike in nothing else, and still says what failed', () => {
    const past = new Past(['sh'])
    for (let i = 0; i < 300; i++) {
      const pid = 2 + 10 * i
      past.fork(pid, 1, i).exec(pid, ['sh'], i)
      for (let j = 1; j <= i % 8; j++) past.fork(pid + j, pid, i).exit(pid + j, (j % 2) << 8, i)
      past
        .fork(pid + 9, pid, i)
        .exec(pid + 9, [`p${i}`], i)
        .exit(pid + 9, 0, i)
      past.exit(pid, 0, i + 1)
    }
    const lines = tree(past, 80, false).map((line) => line.replace(/ {2,}/g, ' '))
    assert.equal(lines.length, 3)
    assert.match(lines.find((line) => /× 262 sh/.test(line))!, / 596 failed /)
    assert.match(lines.find((line) => /× 38 sh/.test(line))!, / ok /)
  })

  test('shows of long command lines the words in which they differ', () => {
    const past = new Past(['make'])
    for (let i = 1; i <= 5; i++) {
      past.run(i + 1, ['cc', '-Wall', '-Wextra', '-O2', '-c', '-o', `${i}.o`, `${i}.c`], i, i + 1)
    }
    assert.deepEqual(labelsOf(tree(past, 60).slice(0, 3)), [
      'make',
      '├─ cc 1.o 1.c',
      '├─ cc 2.o 2.c',
    ])
    assert.equal(labelsOf(tree(past, 80))[1], '├─ cc -Wall -Wextra -O2 -c -o 1.o 1.c')
  })

  test('a chain deeper than the stack is drawn', () => {
    const past = new Past(['sh'])
    for (let pid = 2; pid < 20_000; pid++) past.fork(pid, pid - 1, pid)
    assert.equal(tree(past, 80).length, 19_999)
    assert.ok(tree(past, 80, false).length > 0)
  })

  test('shows no control characters', () => {
    const [line] = tree(new Past(['a\x1b[31m', 'b\nc', '\u202e']).exit(1, 0, 1), 80)
    assert.equal(line, "'a\\x1b[31m' 'b\\x0ac' \\u{202e}        1  ok          1.00 ms")
  })
})

describe('the summary', () => {
  test('counts, and names the process that took longest', () => {
    assert.deepEqual(summaryLines(build().history, 80), [
      '5 processes, 4 executions, 3 failed, 1 still running, at most 4 at once, 2.50 s',
      'longest: (make) (3), 2.50 s',
      'time: (make) 2.50 s, cc 507 ms, as 496 ms, make → ? 2.00 ms, make 1.00 ms',
      "failed: as 'it'\\''s.s' (4), SIGSEGV, in make › cc",
      "failed: cc -c 'a b.c' (2), exit 1, in make",
      'failed: make -j2 (1), exit 2',
    ])
  })

  test('is broken where the terminal ends', () => {
    assert.deepEqual(summaryLines(build().history, 40), [
      '5 processes, 4 executions, 3 failed',
      '1 still running, at most 4 at once',
      '2.50 s',
      'longest: (make) (3), 2.50 s',
      'time: (make) 2.50 s, cc 507 ms',
      "failed: as 'it'\\''s.s' (4), SIGSEGV",
      "failed: cc -c 'a b.c' (2), exit 1",
      'failed: make -j2 (1), exit 2',
    ])
  })

  test('says when something may be missing', () => {
    const { history } = new Past(['make'])
    history.take({ type: 'lost', pid: 1, time: 1 })
    assert.match(summaryLines(history, 80).at(-1)!, /some processes may be missing$/)
  })

  test('lengths of time have three digits', () => {
    const lengths = [0.004, 9.99, 9.996, 99.96, 999.4, 999.6, 9996, 99_960, 6e6, 86_400_000]
    assert.deepEqual(lengths.map(lengthOf), [
      '0.00 ms',
      '9.99 ms',
      '10.0 ms',
      '100 ms',
      '999 ms',
      '1.00 s',
      '10.0 s',
      '1 min 40 s',
      '1 h 40 min',
      '24 h 00 min',
    ])
  })
})

/** What is running: three shells with a program each, one process that ended, and many alike. */
function busy(alike: number): Past {
  const past = new Past(['make', '-j'])
  past.run(2, ['mkdir', 'build'], 1, 2)
  for (const pid of [10, 20, 30]) {
    past.fork(pid, 1, pid).exec(pid, ['sh', '-c', `cc ${pid}.c`], pid)
    past.fork(pid + 1, pid, pid).exec(pid + 1, ['cc', `${pid}.c`], pid)
  }
  for (let i = 0; i < alike; i++) past.fork(100 + i, 1, 100).exec(100 + i, ['sleep', '9'], 100)
  return past
}

describe('self time', () => {
  test('is what is covered by no child, however many there are at once', () => {
    const past = new Past(['make'])
      .run(2, ['cc', 'a'], 10, 50)
      .run(3, ['cc', 'b'], 20, 30)
      .run(4, ['cc', 'c'], 40, 70)
      .fork(5, 1, 90)
      .fork(6, 5, 95)
      .exit(5, 0, 100)
      .exit(1, 0, 110)
      .exit(6, 0, 200)
    const times = past.history.processes.map((one) => selfTime(one, 200))
    assert.deepEqual(times, [40, 40, 10, 30, 5, 105])
    const shares = sharesOf(past.history.processes, 200)
    assert.deepEqual(
      shares.map(({ name, count, self }) => [name, count, self]),
      [
        ['(make)', 2, 110],
        ['cc', 3, 80],
        ['make', 1, 40],
      ],
    )
  })

  test('names what a wrapper waits for, with what it has taken', () => {
    const past = new Past(['make', 'all']).fork(2, 1, 1).exec(2, ['sh', '-c', 'cc'], 1)
    past.fork(3, 2, 2).exec(3, ['cc', 'a.c'], 2)
    Object.assign(past.history.processes[2]!.use, { processor: 870, memory: 122e6 })
    const { history } = past.exit(3, 0, 900).exit(2, 0, 901).exit(1, 0, 902)
    assert.deepEqual(summaryLines(history, 80).slice(1), [
      'longest: cc a.c (3), 898 ms, processor 870 ms, memory 122 MB',
      'time: cc 898 ms, make 2.00 ms, sh 2.00 ms',
    ])
  })
})

describe('failures', () => {
  const last = (past: Past, columns = 80) =>
    summaryLines(past.history, columns).filter((line) => line.startsWith('failed: '))

  test('are listed once for each command line and end, with how often', () => {
    const past = new Past(['make'])
    for (let pid = 10; pid < 20; pid++) past.run(pid, ['cc', 'a.c'], pid, pid + 1, 256)
    past.run(20, ['cc', 'b.c'], 20, 21, 256).run(21, ['cc', 'a.c'], 21, 22, 512)
    past.run(22, ['cc', 'c.c'], 22, 23, 0).run(23, ['cc', 'a.c'], 23, 24, 9)
    assert.deepEqual(last(past), [
      'failed: cc a.c, exit 1, 10 times, in make',
      'failed: cc b.c (20), exit 1, in make',
      'failed: cc a.c (21), exit 2, in make',
      'failed: cc a.c (23), SIGKILL, in make',
    ])
  })

  test('of many command lines are listed by their programs', () => {
    const past = new Past(['make'])
    for (let pid = 10; pid < 400; pid++) past.run(pid, ['cc', `${pid}.c`], pid, pid + 1, 256)
    assert.deepEqual(last(past), ['failed: cc, exit 1, 390 times, in make'])
    const each = new Past(['make'])
    for (let pid = 10; pid < 400; pid++) each.run(pid, [`cc${pid}`], pid, pid + 1, 256)
    assert.equal(last(each).length, 41)
    assert.equal(last(each).at(-1), 'failed: … and 350 more programs')
  })

  test('say where in a deep tree', () => {
    const past = new Past(['a'])
    for (let pid = 2; pid < 8; pid++) past.fork(pid, pid - 1, pid).exec(pid, [`p${pid}`], pid)
    past.exit(7, 256, 9)
    assert.deepEqual(last(past), ['failed: p7 (7), exit 1, in … › p4 › p5 › p6'])
    for (const line of last(past, 40)) assert.ok(columnsOf(line) <= 40)
  })
})

describe('what is running', () => {
  const lines = (past: Past, columns: number, height: number) =>
    runningLines(past.history, { columns, height, paint: plain, now: 1000 })

  test('is a tree with those that have ended left out', () => {
    assert.deepEqual(labelsOf(lines(busy(1), 80, 24)), [
      '1.00 s, 8 running, 1 ended',
      'make -j',
      "├─ sh -c 'cc 10.c'",
      '│  └─ cc 10.c',
      "├─ sh -c 'cc 20.c'",
      '│  └─ cc 20.c',
      "├─ sh -c 'cc 30.c'",
      '│  └─ cc 30.c',
      '└─ sleep 9',
    ])
    assert.match(lines(busy(1), 80, 24)[2]!, / 10 {2}running +990 ms$/)
  })

  test('is folded where there are more than lines, the largest groups first', () => {
    assert.equal(labelsOf(lines(busy(40), 80, 24)).at(-1), '└─ × 40 sleep')
    assert.equal(lines(busy(40), 80, 24).length, 9)
    assert.deepEqual(labelsOf(lines(busy(40), 80, 6)), [
      '1.00 s, 47 running, 1 ended',
      'make -j',
      '├─ × 3 sh',
      '│  └─ cc',
      '└─ × 40 sleep',
    ])
  })

  test('is cut where that is not enough', () => {
    const past = new Past(['sh'])
    for (let pid = 2; pid < 30; pid++) past.fork(pid, pid - 1, pid)
    const cut = lines(past, 80, 10)
    assert.equal(cut.length, 10)
    assert.equal(cut.at(-1), '┊ … and 21 more lines')
    assert.equal(lines(past, 80, 1).length, 1)
    assert.equal(lines(past, 80, 0).length, 1)
  })

  test('is narrower than the terminal, and keeps a parent that has ended', () => {
    const past = busy(40).exit(10, 256, 500)
    for (const [columns, height] of [
      [80, 24],
      [40, 10],
      [20, 5],
    ] as const) {
      const all = lines(past, columns, height)
      assert.ok(all.length <= height)
      for (const line of all) assert.ok(columnsOf(line) < columns, line)
    }
    assert.ok(lines(past, 80, 24).some((line) => /sh -c 'cc 10.c' +10 {2}exit 1/.test(line)))
  })
})

/** A control sequence or a character. */
const ESCAPE = '\x1b'
const TOKEN = new RegExp(`${ESCAPE}\\[\\d*[A-Z]|[^${ESCAPE}]`, 'gu')

/** A terminal that knows what is needed: the cursor up, erasing, and lines that wrap. */
class Terminal {
  readonly paint = plain
  #lines: string[] = ['$ kq trace']
  #row = 1
  #column = 0

  constructor(
    public columns: number,
    readonly rows: number,
  ) {}

  write(text: string): void {
    for (const [token] of text.matchAll(TOKEN)) this.#take(token)
  }

  #take(token: string): void {
    const line = this.#lines[this.#row] ?? ''
    if (token === '\r') this.#column = 0
    else if (token === '\n') this.#row++
    else if (token === '\x1b[K') this.#lines[this.#row] = line.slice(0, this.#column)
    else if (token === '\x1b[J') {
      this.#lines = [...this.#lines.slice(0, this.#row), line.slice(0, this.#column)]
    } else if (token.endsWith('A')) this.#row -= Number(token.slice(2, -1))
    else {
      assert.equal(token.length, 1, 'no other sequence is known')
      assert.ok(this.#column < this.columns, 'no line wraps')
      this.#lines[this.#row] = line.slice(0, this.#column) + token + line.slice(this.#column + 1)
      this.#column++
    }
    assert.ok(this.#row >= 1, 'what was there before is left alone')
  }

  /** Lines that are too long now go on in the next. */
  narrow(columns: number): void {
    this.columns = columns
    this.#lines = this.#lines.flatMap(
      (line) => line.match(new RegExp(`.{1,${columns}}`, 'g')) ?? [''],
    )
    this.#row = this.#lines.length - 1
    this.#column = this.#lines[this.#row]!.length
  }

  get shown(): string[] {
    return this.#lines.map((line) => line.trimEnd())
  }
}

describe('the live tree', () => {
  test('is drawn again in place, and leaves nothing behind', () => {
    mock.timers.enable({ apis: ['setInterval'] })
    const terminal = new Terminal(80, 24)
    const past = busy(1)
    const live = new LiveTree(terminal, past.history)
    assert.deepEqual(terminal.shown, ['$ kq trace'], 'a short command is not shown at all')
    mock.timers.tick(100)
    assert.equal(terminal.shown.length, 10)
    assert.match(terminal.shown[2]!, /^make -j {2,}1 {2}running/)
    past.exit(11, 0, 200).exit(10, 0, 200).exit(100, 0, 200)
    mock.timers.tick(100)
    assert.equal(terminal.shown.length, 7)
    terminal.narrow(30)
    assert.ok(terminal.shown.length > 7)
    mock.timers.tick(100)
    assert.equal(terminal.shown.length, 7)
    live.close()
    assert.deepEqual(terminal.shown, ['$ kq trace', ''])
    mock.timers.tick(1000)
    assert.deepEqual(terminal.shown, ['$ kq trace', ''], 'it is over')
    mock.timers.reset()
  })
})

describe('on a terminal that the command writes to', () => {
  test('a process that has ended is a line, and of a flood the number is told', (t) => {
    t.mock.method(performance, 'now', () => 0)
    let written = ''
    const write = (text: string) => {
      written += text
    }
    const screen = { columns: 40, rows: 24, paint: plain, write }
    const history = many(1000)
    const lines = new LiveLines(screen, history)
    for (const one of history.processes.slice(1)) lines.ended(one)
    lines.close()
    const all = written.trimEnd().split('\n')
    assert.equal(all.length, 21)
    assert.equal(all.at(-1), `┊ … and ${history.processes.length - 1 - 20} more`)
    assert.match(all[0]!, /^┊ +cc -c file2.c /)
    for (const line of all) assert.ok(columnsOf(line) <= 40)
  })
})
