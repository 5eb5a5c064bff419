/** The picture of kq trace, of processes at given times. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { History } from '#cli/trace/history.js'
import { ticksOf } from '#cli/trace/svg/axis.js'
import { picture } from '#cli/trace/svg/picture.js'
import { many, Past } from './histories.js'
import { type Element, everyElement, parseXml } from './xml.js'

interface Bar {
  readonly classes: readonly string[]
  readonly x: number
  readonly y: number
  readonly right: number
  readonly bottom: number
  readonly title: string
}

function barsOf(svg: Element): Bar[] {
  const bars = everyElement(svg).filter(({ name, attributes }) => {
    return name === 'rect' && /\bbar\b/.test(attributes.get('class') ?? '')
  })
  return bars.map(({ attributes, children }) => {
    const [x, y, width, height] = ['x', 'y', 'width', 'height'].map((a) =>
      Number(attributes.get(a)),
    )
    return {
      classes: attributes.get('class')!.split(' '),
      x: x!,
      y: y!,
      right: x! + width!,
      bottom: y! + height!,
      title: children.find(({ name }) => name === 'title')!.text,
    }
  })
}

function pidOf({ title }: Bar): number {
  return Number(/^pid (\d+)/m.exec(title)![1])
}

function assertApart(bars: readonly Bar[]): void {
  const sorted = [...bars].sort((a, b) => a.y - b.y || a.x - b.x)
  for (const [i, bar] of sorted.slice(1).entries()) {
    const before = sorted[i]!
    // To the precision that is written down.
    const isApart = bar.y !== before.y || bar.x >= before.right - 0.02
    assert.ok(isApart, `${bar.title} covers ${before.title}`)
  }
}

describe('the picture', () => {
  for (const count of [1, 3, 50, 101, 302, 5000]) {
    test(`of ${count} processes has a bar for each, inside and apart`, () => {
      const history: History = count === 1 ? new Past(['true']).exit(1, 0, 1).history : many(count)
      const text = picture(history)
      const svg = parseXml(text)
      const bars = barsOf(svg)
      const pids = history.processes.map(({ pid }) => pid)
      assert.deepEqual(
        bars.map(pidOf).sort((a, b) => a - b),
        pids.sort((a, b) => a - b),
      )
      const [width, height] = ['width', 'height'].map((name) => Number(svg.attributes.get(name)))
      for (const { x, y, right, bottom } of bars) {
        assert.ok(x >= 20 && right <= width! - 10 && y > 0 && bottom <= height!)
      }
      assertApart(bars)
      assert.ok(text.length < 5000 + count * 400, `${text.length} characters`)
    })
  }

  test('shows children below their parents, within their time', () => {
    const bars = new Map(barsOf(parseXml(picture(many(150)))).map((bar) => [pidOf(bar), bar]))
    const root = bars.get(1)!
    for (let pid = 2; pid < 150; pid += 2) {
      const [parent, child] = [bars.get(pid)!, bars.get(pid + 1)!]
      assert.ok(parent.y > root.y && child.y > parent.y)
      assert.ok(child.x >= parent.x && child.x <= parent.right)
      assert.match(child.title, new RegExp(`^as ${pid}.s\npid ${pid + 1}, child of ${pid} cc\n`))
    }
  })

  test('says of each how it ended, when it began and how long it took', () => {
    const past = new Past(['make', '-j2'])
      .run(2, ['cc', '-c', 'a.c'], 10, 30)
      .run(3, ['false'], 40, 41, 256)
      .run(4, ['crash'], 50, 60, 11 + 128)
      .fork(5, 1, 70)
      .run(6, ['who'], 80, 90, -1)
      .exit(1, 512, 100)
    const bars = barsOf(parseXml(picture(past.history)))
    assert.deepEqual(
      bars.map(({ title, classes }) => [title, classes[1]]),
      [
        [
          'make -j2\npid 1\nexit 2 after 100 ms\n39.0 ms without children\nbegun at 0.00 ms',
          'failed',
        ],
        ['cc -c a.c\npid 2, child of 1 make\nok after 20.0 ms\nbegun at 10.0 ms', 'p0'],
        ['false\npid 3, child of 1 make\nexit 1 after 1.00 ms\nbegun at 40.0 ms', 'failed'],
        ['crash\npid 4, child of 1 make\nSIGSEGV after 10.0 ms\nbegun at 50.0 ms', 'killed'],
        [
          '(make)\npid 5, child of 1 make\nrunning for at least 30.0 ms\nbegun at 70.0 ms, executes nothing',
          'running',
        ],
        ['who\npid 6, child of 1 make\nunknown after 10.0 ms\nbegun at 80.0 ms', 'unknown'],
      ],
    )
  })

  test('needs nothing from elsewhere, and holds no program', () => {
    const svg = parseXml(picture(many(300)))
    const names = new Set(everyElement(svg).map(({ name }) => name))
    const known = ['svg', 'style', 'defs', 'pattern', 'rect', 'path', 'text', 'title']
    assert.deepEqual(
      [...names].filter((name) => !known.includes(name)),
      [],
    )
    for (const { attributes, text } of everyElement(svg)) {
      for (const [name, value] of attributes) {
        assert.ok(!/^on|href|^src/.test(name))
        assert.ok(name === 'xmlns' || !value.includes('://'))
      }
      assert.ok(!/@import|url\((?!#)/.test(text))
    }
  })

  test('has a background of its own, also for viewers that know little of style sheets', () => {
    const text = picture(many(10))
    assert.ok(!text.includes('var('))
    const svg = parseXml(text)
    const background = everyElement(svg).find(({ attributes }) => attributes.get('class') === 'bg')!
    const sizes = ['width', 'height'].map((name) => background.attributes.get(name))
    assert.equal(background.attributes.get('fill'), '#fff')
    assert.deepEqual(
      sizes,
      ['width', 'height'].map((name) => svg.attributes.get(name)),
    )
  })

  test('is well-formed whatever the words are', () => {
    const words = [
      'a\0b\x01\x1b[31m\x7f\x9f\r\n\t',
      '"\'`&<>&amp;',
      ']]> --> <!-- <![CDATA[ </title><script>alert(1)</script>',
      '\ud800 \udfff \ufffe \uffff \u202e \u2028 \ufeff',
      '界🙂\u0301',
      '',
      'x'.repeat(10_000),
    ]
    const past = new Past(words)
    for (const [i, word] of words.entries()) past.run(2 + i, [word, ...words], i, i + 1)
    for (const history of [past.history, many(200)]) {
      history.root.words = words
      const bars = barsOf(parseXml(picture(history)))
      assert.equal(bars.length, history.processes.length)
      assert.ok(bars[0]!.title.includes(']]> --> <!-- <![CDATA[ </title><script>alert(1)</script>'))
      assert.ok(bars[0]!.title.includes('\\x1b[31m'))
    }
  })

  test('names bars of one program by the words in which they differ', () => {
    const past = new Past(['make'])
    const names = ['list', 'hash', 'tree', 'main', 'scan']
    names.forEach((name, i) => {
      past.run(2 + i, ['cc', '-O2', '-c', '-o', `${name}.o`, `src/${name}.c`], i * 10, i * 10 + 9)
    })
    const texts = everyElement(parseXml(picture(past.exit(1, 0, 60).history)))
    const shown = texts.filter(({ name }) => name === 'text').map(({ text }) => text)
    for (const name of names) assert.ok(shown.includes(`cc ${name}.o src/${name}.c`), `${shown}`)
  })

  test('says when something may be missing', () => {
    const { history } = new Past(['make'])
    history.take({ type: 'lost', pid: 1, time: 1 })
    assert.match(picture(history), /some processes may be missing/)
  })
})

describe('the axis', () => {
  test('has steps in the unit that people would use', () => {
    const labels = (length: number) => ticksOf(length, 8).map(({ label }) => label)
    assert.deepEqual(labels(0.25), ['0', '50 µs', '100 µs', '150 µs', '200 µs', '250 µs'])
    assert.deepEqual(labels(8), [
      '0',
      '1 ms',
      '2 ms',
      '3 ms',
      '4 ms',
      '5 ms',
      '6 ms',
      '7 ms',
      '8 ms',
    ])
    assert.deepEqual(labels(1340), ['0', '0.2 s', '0.4 s', '0.6 s', '0.8 s', '1 s', '1.2 s'])
    assert.deepEqual(labels(95_000), ['0', '0.5 min', '1 min', '1.5 min'])
    assert.deepEqual(labels(9e6), ['0', '0.5 h', '1 h', '1.5 h', '2 h', '2.5 h'])
  })

  test('never has more steps than asked for, however long', () => {
    for (let length = 1e-3; length < 1e12; length *= 1.7) {
      const ticks = ticksOf(length, 8)
      assert.ok(ticks.length >= 2 && ticks.length <= 9, `${length}: ${ticks.length}`)
      for (const { at } of ticks) assert.ok(at <= length)
    }
  })
})
