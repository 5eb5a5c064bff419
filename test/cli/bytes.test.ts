/** Words and paths that are not UTF-8. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { bytesOf, textOf } from '#cli/bytes.js'
import { Directory, MAIN, startProgram } from './command.js'

const directory = new Directory()
after(() => directory.remove())

/** A script, in which $odd is a path with bytes that are no UTF-8, and kq the command. */
function shell(script: string) {
  const before = 'odd=$(printf "$3/a\\377b"); node=$1 main=$2; kq() { "$node" "$main" "$@"; }'
  const words = ['bash', process.execPath, MAIN, directory.path]
  return startProgram('bash', ['-c', `${before}; ${script}`, ...words]).ended
}

describe('a text', () => {
  test('says which bytes it was', () => {
    const text = (bytes: readonly number[]): string => textOf(Buffer.from(bytes).toString('latin1'))
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const latin1 = Buffer.from(bytes).toString('latin1')
        assert.equal(bytesOf(textOf(latin1)), latin1)
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (each) => {
        assert.equal(textOf(bytesOf(each)), each)
      }),
    )
    // A byte alone, one too few, an overlong slash, half of a pair, and beyond Unicode.
    assert.equal(text([0x61, 0xff]), 'a\udcff')
    assert.equal(text([0xe2, 0x82, 0x41]), '\udce2\udc82A')
    assert.equal(text([0xc0, 0xaf]), '\udcc0\udcaf')
    assert.equal(text([0xed, 0xb0, 0x80]), '\udced\udcb0\udc80')
    assert.equal(text([0xf4, 0x90, 0x80, 0x80]), '\udcf4\udc90\udc80\udc80')
    assert.equal(text([0xf0, 0x9f, 0x98, 0x80, 0xc3, 0xa4]), '\u{1f600}ä')
  })
})

describe('a path that is not UTF-8', { concurrency: 2 }, () => {
  const path = Buffer.concat([Buffer.from(`${directory.path}/a`), Buffer.from([0xff, 0x62])])
  writeFileSync(path, 'hello')

  test('is read, and named by its bytes', async () => {
    const { code, stdout, stderr } = await shell(
      'kq wait --read "$odd" && kq wait --cat --read "$odd"',
    )
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /--read [^\n]*\/a\\xffb {2}5 bytes to read\nhello$/)
  })

  test('is one string in JSON, of which the bytes can be had again', async () => {
    const { stdout } = await shell('kq wait --read "$odd" --json')
    const { source } = JSON.parse(stdout) as { source: string }
    assert.equal(source, `--read ${directory.path}/a\udcffb`)
    assert.match(stdout, /a\\udcffb/)
  })

  test('is watched for what happens to it', async () => {
    const { code } = await shell('kq wait --vnode "$odd" --timeout 0')
    assert.equal(code, 124)
  })

  test('that is not there is named in the error', async () => {
    const { code, stderr } = await shell('kq wait --vnode "$odd"none')
    assert.equal(code, 1)
    assert.match(stderr, /^kq: --vnode [^\n]*a\\xffb[^\n]*: ENOENT: [^\n]+\n$/)
  })

  test('stays apart from one that has the character Node.js puts in its place', async () => {
    writeFileSync(directory.join('a\ufffdb'), 'another')
    const { stdout } = await shell(
      'kq wait --cat --read "$odd"; kq wait --cat --read "$3/a\ufffdb"',
    )
    assert.equal(stdout, 'helloanother')
  })

  test('is given to the command of kq run, as a word and in its environment', async () => {
    const script = 'printf %s "$1" "$KQ_PATH" | od -An -tx1 | tr -d " \\n"'
    // Until it is noticed: nobody tells when it is watched.
    const write = 'while kill -0 $! 2>/dev/null; do echo x >> "$odd"w; sleep 0.3; done; wait $!'
    const { code, stdout, stderr } = await shell(
      `> "$odd"w; kq run -pz "$odd"w -- sh -c '${script}' sh /_ & ${write}`,
    )
    assert.deepEqual([code, stderr], [0, ''])
    const hex = `${path.toString('hex')}77`
    assert.equal(stdout, hex + hex)
  })

  test('may be the current directory', async () => {
    mkdirSync(Buffer.concat([path, Buffer.from('dir')]))
    const { stdout, code } = await shell('cd "$odd"dir && echo 1 > f && kq run -z f -- cat /_')
    assert.deepEqual([stdout, code], ['1\n', 0])
  })

  test('may be the program', async () => {
    const { stdout, code } = await shell(
      `cp /bin/echo "$odd"echo && kq run -z "$odd" -- "$odd"echo a "b  c" '$d'`,
    )
    assert.deepEqual([stdout, code], ['a b  c $d\n', 0])
  })
})
