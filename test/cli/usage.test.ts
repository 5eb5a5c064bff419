/** What kq says of itself, and of words that it does not understand. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { UsageError } from '#cli/errors.js'
import { parseOptions } from '#cli/options.js'
import { wait } from '#cli/wait.js'
import { watch } from '#cli/watch.js'
import { run } from './command.js'

const MANIFEST = fileURLToPath(new URL('../../../package.json', import.meta.url))

describe('help', { concurrency: 2 }, () => {
  const pages: [string[], number][] = [
    [[], 2],
    [['--help'], 0],
    [['-h'], 0],
    [['watch', '--help'], 0],
    [['watch', '-h'], 0],
    [['wait', '--help'], 0],
    [['wait', '--timer', '1h', '--help'], 0],
  ]
  for (const [args, status] of pages) {
    test(`kq ${args.join(' ')} prints help in 80 columns and exits ${status}`, async () => {
      const { code, stdout, stderr } = await run(args)
      assert.equal(code, status)
      assert.equal(stderr, '')
      assert.match(stdout, /--read FD\|PATH/)
      assert.match(stdout, /--timer TIME/)
      assert.match(stdout, /^Examples:/m)
      for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
    })
  }

  test('there are at least three examples', async () => {
    const { stdout } = await run(['--help'])
    assert.ok(stdout.split(/^Examples:$/m)[1]!.match(/^ {4}kq /gm)!.length >= 3)
  })

  test('each command has a page with its own options', async () => {
    const [watch, wait] = await Promise.all([run(['watch', '-h']), run(['wait', '-h'])])
    assert.match(watch.stdout, /--count N/)
    assert.doesNotMatch(watch.stdout, /--all/)
    assert.match(wait.stdout, /--all/)
    assert.doesNotMatch(wait.stdout, /--count/)
  })

  for (const option of ['--version', '-V']) {
    test(`${option} prints the version of the package`, async () => {
      const { version } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { version: string }
      const { code, stdout } = await run([option])
      assert.deepEqual([code, stdout], [0, `${version}\n`])
    })
  }

  for (const command of ['', 'watch', 'wait', 'run', 'trace', 'completion', 'help']) {
    test(`kq help ${command} prints what --help does`, async () => {
      const words = command === '' ? [] : [command]
      const [help, option] = await Promise.all([run(['help', ...words]), run([...words, '--help'])])
      assert.deepEqual(help, option)
      assert.equal(help.code, 0)
    })
  }

  test('the package names the command', () => {
    const { bin } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { bin: { kq: string } }
    const main = fileURLToPath(new URL(`../../../${bin.kq}`, import.meta.url))
    assert.ok(existsSync(main))
    assert.match(readFileSync(main, 'utf8'), /^#!\/usr\/bin\/env node\n/)
  })
})

describe('bad usage is refused with one line that says how to write it', () => {
  const wrong: [string, RegExp][] = [
    ['watch', /needs a condition; write .* kq watch --timer 1s/],
    ['wait --json', /needs a condition/],
    ['watch fifo', /'fifo' belongs to no option; .* --read fifo/],
    ['watch --timer 1s -- --read', /'--read' belongs to no option/],
    ['watch --frob', /watch has no option --frob; kq watch --help/],
    ['watch -x', /no option -x/],
    ['watch --no-json --timer 1s', /no option --no-json/],
    ['wait --count 1 --timer 1s', /wait has no option --count/],
    ['watch --all --timer 1s', /watch has no option --all/],
    ['watch --read', /--read needs a value; write --read FD\|PATH/],
    ['watch --read --json', /--read needs a value; .*--read=--json/],
    ['watch --json --timer', /--timer needs a value; write --timer TIME/],
    ['watch --json=yes --timer 1s', /--json takes no value/],
    ['watch --json= --timer 1s', /--json takes no value/],
    ['wait --read -1', /--read -1 is not a descriptor, .* \.\/-1/],
    ['wait --write +3', /--write \+3 is not a descriptor/],
    ['wait --read=', /--read '' names nothing/],
    ['wait --write=', /--write '' names nothing/],
    ['wait --fs=yes', /--fs takes no value; write --fs alone/],
    ['wait --net=', /--net '' names nothing; write --net IFNAME, or --net/],
    ['wait --net lo eth0', /'eth0' belongs to no option/],
    ['wait --net --timer', /--timer needs a value/],
    ['wait --timer 0', /--timer 0 is no time/],
    ['wait --timer 0.1ns', /--timer 0.1ns is no time/],
    ['wait --timer -5', /--timer '-5' is not a time; write .* --timer 500ms/],
    ['wait --timer 5x', /not a time/],
    ['wait --timer 1e3', /not a time/],
    ['wait --timer 0x10', /not a time/],
    ['wait --timer 1.2.3s', /not a time/],
    ['wait --timer .', /not a time/],
    ['wait --timer=', /--timer '' is not a time/],
    ['wait --timer NaN', /not a time/],
    ['wait --timer constructor', /not a time/],
    ['wait --timer 999999999h', /longer than 292 years/],
    ['wait --timer 1s --timeout soon', /--timeout 'soon' is not a time/],
    ['wait --timer 1s --timeout 1s --timeout 2s', /--timeout is given twice/],
    ['watch --timer 1s --count 0', /--count '0' is not a whole number from 1/],
    ['watch --timer 1s --count 1.5', /--count '1.5'/],
    ['watch --timer 1s --count -1', /--count '-1'/],
    ['watch --timer 1s --count many', /--count 'many'/],
    ['watch --timer 1s --count 99999999999999999999', /--count '9+'/],
    ['watch --timer 1s --count 1 --count 2', /--count is given twice/],
    ['wait --exit', /--exit needs a value; write --exit PID/],
    ['wait --exit 0', /--exit '0' is not the number of a process; .* --exit 1234/],
    ['wait --exit -5', /--exit '-5' is not the number of a process/],
    ['wait --fork 1.5', /--fork '1.5' is not the number/],
    ['wait --exec sh', /--exec 'sh' is not the number/],
    ['watch --track 2147483648', /--track '2147483648' is not the number/],
    ['wait --signal=', /--signal '' is not a signal; .* --signal USR1/],
    ['wait --signal 0', /--signal '0' is not a signal/],
    ['wait --signal 65', /--signal '65' is not a signal/],
    ['wait --signal FROB', /--signal 'FROB' is not a signal/],
    ['wait --signal constructor', /--signal 'constructor' is not a signal/],
    ['wait --signal RTMIN+31', /--signal 'RTMIN\+31' is not a signal/],
    ['wait --signal RTMIN-1', /--signal 'RTMIN-1' is not a signal/],
    ['wait --signal KILL', /--signal SIGKILL can never be seen/],
    ['wait --signal 19', /--signal SIGSTOP can never be seen/],
    // Whatever else is wrong: nothing is opened before all words are understood.
    ['watch --read /nowhere --timer x', /--timer 'x' is not a time/],
  ]
  for (const [text, message] of wrong) {
    test(`kq ${text}`, () => {
      const [name, ...words] = text.split(' ')
      const { options } = name === 'wait' ? wait : watch
      assert.throws(
        () => parseOptions(name!, options, words),
        (error) => {
          assert.ok(error instanceof UsageError)
          assert.match(error.message, /^[^\n]+$/)
          assert.match(error.message, message)
          return true
        },
      )
    })
  }

  const started: [string, RegExp][] = [
    [
      'frob',
      /no command 'frob'; write kq watch, kq wait, kq run, kq trace, kq completion or kq help/,
    ],
    ['completion', /completion needs a shell; .* kq completion bash/],
    ['completion tcsh', /no completion for 'tcsh'; write bash, zsh or fish/],
    ['completion bash zsh', /completion is for one shell; leave out 'zsh'/],
    ['help frob', /no command 'frob'/],
    ['help constructor', /no command 'constructor'/],
    ['help wait watch', /help is about one command; leave out 'watch'/],
    ['help --json', /help has no option --json/],
    ['--json watch', /no option --json; a command comes first/],
    ['watch', /needs a condition/],
    ['wait --timer 0', /--timer 0 is no time/],
  ]
  for (const [words, message] of started) {
    test(`kq ${words} exits 2`, async () => {
      const { code, stdout, stderr } = await run(words.split(' '))
      assert.equal(code, 2)
      assert.equal(stdout, '')
      assert.match(stderr, /^kq: [^\n]+\n$/)
      assert.match(stderr, message)
    })
  }

  test('a word with a newline and an escape stays on the line', async () => {
    const { code, stderr } = await run(['watch', 'a\nb\x1b[31mc'])
    assert.equal(code, 2)
    assert.match(stderr, /^kq: 'a\\x0ab\\x1b\[31mc' [^\n]+\n$/)
  })
})
