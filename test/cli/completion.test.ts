/** Completion of kq, in the shells themselves. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { MAIN } from './command.js'

const place = mkdtempSync(join(tmpdir(), 'kq-completion-'))
after(() => rmSync(place, { recursive: true }))
writeFileSync(join(place, 'some-file'), '')

const LIMIT = { cwd: place, encoding: 'utf8', timeout: 60_000 } as const

/** A shell, with the path of its script; undefined where it is not installed. */
function shell(name: string): string | undefined {
  if (spawnSync(name, ['-c', 'true']).status !== 0) return undefined
  const path = join(place, `kq.${name}`)
  writeFileSync(path, execFileSync(process.execPath, [MAIN, 'completion', name]))
  return path
}

const bash = shell('bash')
const zsh = shell('zsh')
const fish = shell('fish')

/** What bash offers for the last of these words. */
function inBash(words: readonly string[]): string[] {
  const program = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kq; printf '%s\\n' "\${COMPREPLY[@]}"`
  const answer = execFileSync('bash', ['--norc', '-c', program, bash!, ...words], LIMIT)
  return [...new Set(answer.trim().split('\n'))]
}

/** What fish offers, without what it says of it. */
function inFish(line: string): string[] {
  const program = 'source $argv[1]; complete -C $argv[2]'
  const answer = execFileSync('fish', ['--no-config', '-c', program, fish!, line], LIMIT)
  return [
    ...new Set(
      answer
        .trim()
        .split('\n')
        .map((each) => each.split('\t')[0]!),
    ),
  ]
}

/** A terminal in which zsh is typed to, and says what the line has become after a tab. */
const TYPIST = `
zmodload zsh/zpty
zpty z 'TERM=dumb zsh -f -i'
zpty -w z "unsetopt zle_bracketed_paste promptcr; autoload -Uz compinit; compinit -u -D; source $1; tell() { print -r -- \\"<\\$BUFFER>\\"; zle send-break }; zle -N tell; bindkey '^X' tell; print o''k"
zpty -r z out '*ok*'
zpty -n -w z "$2"$'\\t\\030'
zpty -r z out '*<*>*'
print -r -- \${\${out##*<}%%>*}
zpty -d z
`

function inZsh(line: string): string {
  return execFileSync('zsh', ['-f', '-c', TYPIST, 'zsh', zsh!, line], LIMIT).trim()
}

/** What is written, and how it goes on. */
const LINES: readonly [string, string][] = [
  ['wat', 'watch'],
  ['wait --sig', '--signal'],
  ['run --stop-t', '--stop-timeout'],
  ['run --signal WINC', 'WINCH'],
  ['run some-f', 'some-file'],
  ['run src -- mkfif', 'mkfifo'],
  ['run src -- ls some-f', 'some-file'],
  ['trace mkfif', 'mkfifo'],
  ['trace --svg x mkfif', 'mkfifo'],
  ['trace -- ls some-f', 'some-file'],
  ['trace -o some-f', 'some-file'],
  ['help tra', 'trace'],
  ['completion zs', 'zsh'],
]

describe('bash completes', { skip: bash === undefined }, () => {
  for (const [line, word] of LINES) {
    test(`kq ${line}`, () => assert.deepEqual(inBash(['kq', ...line.split(' ')]), [word]))
  }

  test('--option=value, which it takes for three words', () => {
    assert.deepEqual(inBash(['kq', 'run', '--signal', '=', 'WINC']), ['WINCH'])
    assert.deepEqual(inBash(['kq', 'trace', '--svg', '=', 'x', 'mkfif']), ['mkfifo'])
  })

  test('each condition and option', () => {
    assert.ok(inBash(['kq', 'wait', '--']).includes('--read'))
    assert.ok(inBash(['kq', 'wait', '--']).includes('--timeout'))
    assert.ok(inBash(['kq', 'trace', '--']).includes('--chrome'))
  })

  test('processes by their numbers', () => {
    assert.ok(inBash(['kq', 'wait', '--exit', String(process.pid)]).includes(String(process.pid)))
  })
})

describe('fish completes', { skip: fish === undefined }, () => {
  for (const [line, word] of LINES) {
    test(`kq ${line}`, () => assert.deepEqual(inFish(`kq ${line}`), [word]))
  }
})

describe('zsh completes', { skip: zsh === undefined }, () => {
  for (const [line, word] of LINES) {
    test(`kq ${line}`, () => {
      const whole = `kq ${[...line.split(' ').slice(0, -1), word].join(' ')}`
      assert.equal(inZsh(`kq ${line}`).replace(/=$/, ''), whole)
    })
  }
})
