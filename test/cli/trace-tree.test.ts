/** The tree, the summary and the picture of `kq trace`, of histories that are made up. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ProcessEvent } from 'kqueue'
import { elements } from './xml.js'

interface History {
  take(event: ProcessEvent): unknown
  readonly processes: readonly unknown[]
  readonly end: number
}

interface Parts {
  History: new (pid: number, words: readonly string[], time: number) => History
  treeLines(
    processes: History['processes'],
    options: {
      columns: number
      all: boolean
      end: number
      paint: (code: number, text: string) => string
    },
  ): string[]
  summaryLines(history: History, columns: number): string[]
  columnsOf(text: string): number
  lengthOf(ms: number): string
  picture(history: History): string
  ticksOf(length: number, most: number): { at: number; label: string }[]
}

/** Parts of the command, of which only the tests know. */
async function part<Name extends keyof Parts>(path: string, name: Name): Promise<Parts[Name]> {
  const url = new URL(`../../../dist/cli/trace/${path}.js`, import.meta.url)
  return ((await import(url.href)) as Parts)[name]
}

const made = await part('history', 'History')
const treeLines = await part('table', 'treeLines')
const summaryLines = await part('summary', 'summaryLines')
const columnsOf = await part('columns', 'columnsOf')
const lengthOf = await part('time', 'lengthOf')
const picture = await part('svg/picture', 'picture')
const ticksOf = await part('svg/axis', 'ticksOf')

/** The lines of a tree without colours. */
function tree(history: History, columns: number, all = false): string[] {
  const { processes, end } = history
  return treeLines(processes, { columns, all, paint: (_code, text) => text, end })
}

const ROOT = 1

/** A command that has made children, each with words and a wait(2) status, 10 ms each. */
function family(children: readonly (readonly [words: string[], status: number])[]): History {
  const history = new made(ROOT, ['make', '-j2'], 0)
  exec(history, ROOT, ['make', '-j2'], 0)
  children.forEach(([words, status], i) => {
    const pid = 100 + i
    const time = 10 * i
    history.take({ type: 'fork', pid, parent: ROOT, time })
    exec(history, pid, words, time)
    exit(history, pid, status, time + 10)
  })
  exit(history, ROOT, 0, 10 * children.length)
  return history
}

function exec(history: History, pid: number, argv: string[], time: number): void {
  history.take({ type: 'exec', pid, name: argv[0]!.slice(0, 15), argv, time })
}

function exit(history: History, pid: number, status: number, time: number): void {
  history.take({ type: 'exit', pid, status, code: null, signal: null, time })
}

/** Each the child of the one before. */
function chain(depth: number): History {
  const history = new made(ROOT, ['sh'], 0)
  for (let i = 1; i < depth; i++) {
    history.take({ type: 'fork', pid: ROOT + i, parent: ROOT + i - 1, time: i })
  }
  return history
}

describe('the tree', () => {
  test('has a line for each process', () => {
    const lines = tree(
      family([
        [['cc', '-c', 'a.c'], 0],
        [['cc', '-c', 'b.c'], 1 << 8],
        [['ld'], 9],
      ]),
      60,
    )
    assert.deepEqual(lines, [
      'make -j2            1  ok          30.0 ms',
      '├─ cc -c a.c      100  ok          10.0 ms',
      '├─ cc -c b.c      101  exit 1      10.0 ms',
      '└─ ld             102  SIGKILL     10.0 ms',
    ])
  })

  test('is never wider than the terminal', () => {
    const words = ['a'.repeat(500), '界'.repeat(100), '\u{1f600}', '\x1b[31m', 'e\u0301'.repeat(50)]
    const histories = [family(words.map((word) => [['run', word], 0])), chain(300)]
    for (const history of histories) {
      for (let columns = 12; columns <= 200; columns++) {
        for (const line of tree(history, columns)) {
          assert.ok(columnsOf(line) <= columns, `${columns}: ${line}`)
          // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
          assert.doesNotMatch(line, /[\x00-\x1f\x7f]/)
        }
      }
      for (const columns of [40, 60, 80]) {
        for (const line of summaryLines(history, columns)) assert.ok(columnsOf(line) <= columns)
      }
    }
  })

  test('folds many that are alike, and none with --all', () => {
    const history = family(Array.from({ length: 1000 }, () => [['true'], 0]))
    assert.deepEqual(tree(history, 60), [
      'make -j2              1  ok           10.0 s',
      '└─ × 1000 true           ok        ≤ 10.0 ms',
    ])
    assert.equal(tree(history, 60, true).length, 1001)
  })

  test('keeps apart what has ended in another way', () => {
    const history = family(
      Array.from({ length: 100 }, (_, i) => [['test', `${i}`], i === 50 ? 1 << 8 : 0]),
    )
    const lines = tree(history, 60)
    assert.equal(lines.length, 3)
    assert.match(lines.join('\n'), /× 99 test .*ok[\s\S]*test 50 .*exit 1/)
  })

  test('is as deep as need be', () => {
    assert.equal(tree(chain(20_000), 80, true).length, 20_000)
  })
})

describe('the summary', () => {
  test('counts', () => {
    const history = family([
      [['cc'], 0],
      [['cc'], 1 << 8],
    ])
    assert.deepEqual(summaryLines(history, 100), [
      '3 processes, 3 executions, 1 failed, at most 2 at once, 20.0 ms',
      'longest: cc (100), 10.0 ms',
    ])
  })

  test('says when something may be missing', () => {
    const history = family([])
    history.take({ type: 'lost', pid: ROOT, time: 1 })
    assert.match(summaryLines(history, 100).at(-1)!, /some processes may be missing$/)
  })
})

describe('the picture', () => {
  for (const count of [1, 99, 100, 5000]) {
    test(`has a bar for each of ${count} processes`, () => {
      const history = family(Array.from({ length: count - 1 }, (_, i) => [['true', `${i}`], 0]))
      const svg = picture(history)
      assert.equal(elements(svg, 'rect', 'bar').length, count)
      assert.ok(svg.length < 2_000_000)
    })
  }

  test('has bars within its bounds, which do not lie upon each other', () => {
    for (const history of [family(Array(50).fill([['cc'], 0])), chain(150), chain(3000)]) {
      const svg = picture(history)
      const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg)!.map(Number)
      const lanes = new Map<number, number>()
      for (const { attributes } of elements(svg, 'rect', 'bar')) {
        const [x, y, w, h] = ['x', 'y', 'width', 'height'].map((name) => Number(attributes[name]))
        assert.ok(x! >= 0 && x! + w! <= width! + 2 && y! >= 0 && y! + h! <= height!)
        assert.ok((lanes.get(y!) ?? 0) <= x! + 0.02)
        lanes.set(y!, x! + w!)
      }
    }
  })
})

test('lengths of time are short', () => {
  const lengths = [0, 9.994, 99.94, 999.4, 9994, 99_900, 3_600_000, 86_400_000 * 10]
  assert.deepEqual(lengths.map(lengthOf), [
    '0.00 ms',
    '9.99 ms',
    '99.9 ms',
    '999 ms',
    '9.99 s',
    '99.9 s',
    '60 min 00 s',
    '240 h 00 min',
  ])
})

test('the time axis has few ticks, at numbers that people count in', () => {
  for (let length = 1e-4; length < 1e10; length *= 1.7) {
    const ticks = ticksOf(length, 8)
    assert.ok(ticks.length >= 2 && ticks.length <= 9, `${length}: ${ticks.length}`)
    assert.equal(new Set(ticks.map(({ label }) => label)).size, ticks.length)
    assert.ok(ticks.every(({ at }) => at <= length))
  }
  const labels = ticksOf(1540, 4).map(({ label }) => label)
  assert.deepEqual(labels, ['0', '0.5 s', '1 s', '1.5 s'])
})
