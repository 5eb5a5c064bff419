/** What `kq run` says of itself, of words that it does not understand, and its patterns. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { UsageError } from '#cli/errors.js'
import { parseRun } from '#cli/run/options.js'
import { run } from './command.js'

interface Glob {
  globToRegExp(pattern: string): RegExp
  literally(text: string): string
}

const { globToRegExp, literally } = (await import(
  new URL('../../../dist/cli/run/glob.js', import.meta.url).href
)) as Glob

describe('kq run --help', () => {
  for (const option of ['--help', '-h']) {
    test(`${option} prints its own options in 80 columns`, async () => {
      const { code, stdout, stderr } = await run(['run', option])
      assert.deepEqual([code, stderr], [0, ''])
      assert.match(stdout, /^Usage: kq run \[OPTION\.\.\.\] PATH\.\.\. -- COMMAND \[WORD\.\.\.\]$/m)
      assert.match(stdout, /-r, --restart/)
      assert.match(stdout, /-e, --exts EXT,\.\.\./)
      assert.doesNotMatch(stdout, /Conditions/)
      for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
    })
  }

  test('kq --help lists it', async () => {
    const { stdout } = await run(['--help'])
    assert.match(stdout, /^ {2}kq run +run a command again/m)
  })
})

describe('bad usage is refused with one line that says how to write it', () => {
  const example = /write for example: kq run src -- make/
  const wrong: [string[], RegExp][] = [
    [[], /run needs a command after --;/],
    [[], example],
    [['src'], /run needs a command after --;/],
    [['src', 'make'], /run needs a command after --;/],
    [['src', '--'], /run needs a command after --;/],
    [['--', 'make'], /run needs a path before --;/],
    [['src', '--', ''], /the command '' is no command/],
    [['', '--', 'make'], /the path '' names nothing/],
    [['-x', 'src', '--', 'make'], /run has no option -x; kq run --help lists/],
    [['--all', 'src', '--', 'make'], /run has no option --all/],
    [['--restart=yes', 'src', '--', 'make'], /--restart takes no value/],
    [['--delay', 'src', '--', 'make'], /--delay 'src' is not a time/],
    [['src', '--delay', '--', 'make'], /--delay needs a value/],
    [['--delay', '999h', 'src', '--', 'make'], /--delay 999h is longer than 24 days/],
    [['--delay', '1s', '--delay', '2s', 'src', '--', 'make'], /--delay is given twice/],
    [['--stop-timeout', 'soon', 'src', '--', 'make'], /--stop-timeout 'soon' is not a time/],
    [['--signal', 'FROB', 'src', '--', 'make'], /--signal 'FROB' is not a signal; .* --signal INT/],
    [['--signal', '0', 'src', '--', 'make'], /--signal '0' is not a signal/],
    [['--signal', 'constructor', 'src', '--', 'make'], /is not a signal/],
    [['-e', 'js,,ts', 'src', '--', 'make'], /--exts 'js,,ts' lacks an extension/],
    [['-e', '', 'src', '--', 'make'], /--exts '' lacks an extension/],
    [['--ignore=', 'src', '--', 'make'], /--ignore '' names nothing/],
    [['-r', '--no-queue', 'src', '--', 'make'], /--restart and --no-queue contradict/],
    // Whatever else is wrong: nothing is looked at before all words are understood.
    [['/nowhere', '--delay', 'x', '--', 'make'], /--delay 'x' is not a time/],
  ]
  for (const [words, message] of wrong) {
    test(`kq run ${words.join(' ')}`, () => {
      assert.throws(
        () => parseRun(words),
        (error) => {
          assert.ok(error instanceof UsageError)
          assert.match(error.message, /^[^\n]+$/)
          assert.match(error.message, message)
          return true
        },
      )
    })
  }

  test('and exits 2', async () => {
    const { code, stdout, stderr } = await run(['run', 'src'])
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /^kq: [^\n]+\n$/)
  })
})

describe('a pattern', () => {
  const cases: [pattern: string, matches: string[], others: string[]][] = [
    ['a.js', ['a.js'], ['axjs', 'a.jsx', 'xa.js', '']],
    ['*.js', ['a.js', '.js', '.a.js'], ['a/b.js', 'a.jsx']],
    ['*', ['a', '.a', ''], ['a/b']],
    ['a?c', ['abc', 'a文c', 'a😀c'], ['ac', 'a/c']],
    ['**', ['a', 'a/b', ''], []],
    ['/p/**/c', ['/p/c', '/p/a/c', '/p/a/b/c'], ['/pc', '/p/ac']],
    ['/p/a**b', ['/p/ab', '/p/a/x/b'], ['/p/a']],
    ['[a-c]', ['a', 'b'], ['d', 'ab', '-']],
    ['[!a-c]x', ['dx'], ['ax', '/x']],
    ['[]x]', [']', 'x'], ['[']],
    ['[^]', ['^'], ['a']],
    ['[z-a]', [], ['z', 'a', '-', '[z-a]']],
    ['[', ['['], ['a']],
    ['a[b', ['a[b'], ['ab']],
    ['*.{js,ts}', ['a.js', 'a.ts'], ['a.j', 'a.jsts', 'a.{js,ts}']],
    ['{a,{b,c}d}', ['a', 'bd', 'cd'], ['ad', 'b']],
    ['{,a}b', ['b', 'ab'], ['{b']],
    ['{a', ['{a'], ['a']],
    ['a}', ['a}'], ['a']],
    ['a,b', ['a,b'], ['a']],
    ['\\*', ['*'], ['a', '\\*']],
    ['\\', ['\\'], ['']],
    ['a+(b)|^$.', ['a+(b)|^$.'], ['aab']],
    [literally('[a]{b,c}*?\\'), ['[a]{b,c}*?\\'], ['ab']],
  ]
  for (const [pattern, matches, others] of cases) {
    test(`${pattern}`, () => {
      const regexp = globToRegExp(pattern)
      for (const text of matches) assert.ok(regexp.test(text), text)
      for (const text of others) assert.ok(!regexp.test(text), text)
    })
  }
})
