/** The pages of the manual that are packed. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const pages = readdirSync(join(root, 'dist/man')).toSorted()

/** What a program says of a page; undefined where it is not installed. */
function verdict(command: string, ...args: string[]): string | undefined {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, MANWIDTH: '80', MANPAGER: 'cat', LC_ALL: 'C.UTF-8' },
  })
  if (error) return undefined
  assert.equal(status, 0, stderr + stdout)
  return stderr + stdout
}

describe('the manual', () => {
  test('is named by the package, each page', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      man: string[]
    }
    assert.deepEqual(manifest.man.map((path) => path.replace('./dist/man/', '')).toSorted(), pages)
  })

  for (const page of pages) {
    const path = join(root, 'dist/man', page)

    test(`${page} has nothing that mandoc would have otherwise`, (t) => {
      const words = verdict('mandoc', '-Tlint', path)
      if (words === undefined) t.skip('there is no mandoc')
      else assert.equal(words, '')
    })

    test(`${page} is shown by man without a warning, with its options`, (t) => {
      const shown = verdict('man', '--warnings', '-l', path)
      if (shown === undefined) return t.skip('there is no man')
      assert.doesNotMatch(shown, /warning/)
      assert.match(shown, /^SYNOPSIS\n +kq/m)
      assert.match(shown, /^EXIT STATUS/m)
      if (page !== 'kq.1') assert.match(shown, /-h, --help/)
    })
  }
})
