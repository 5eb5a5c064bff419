/**
 * The programs in README.md and docs/*.md run as they stand. A program is a block
 * marked `js` whose first line is an import. Where it has comments `// prints: ...`,
 * these are, in their order, the lines that it prints.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { ROOT, runProgram } from './program.js'

/** Inside the package, so that the import of its own name resolves. */
const SNIPPETS = join(ROOT, 'build', 'docs-snippets')
const BLOCK = /^```js\n(import .*?)^```$/gms
const PRINTS = /\/\/ prints: (.*)$/gm

interface Program {
  /** Where it begins: 'docs/timers.md:12'. */
  readonly place: string
  readonly text: string
}

function pages(): string[] {
  const docs = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))
  const paths = ['README.md', ...docs.sort().map((name) => join('docs', name))]
  return paths.filter((path) => existsSync(join(ROOT, path)))
}

function programs(page: string): Program[] {
  const text = readFileSync(join(ROOT, page), 'utf8')
  return [...text.matchAll(BLOCK)].map((match) => {
    const line = text.slice(0, match.index).split('\n').length + 1
    return { place: `${page}:${line}`, text: match[1]! }
  })
}

describe('the programs in the documents', { concurrency: 2 }, () => {
  rmSync(SNIPPETS, { recursive: true, force: true })
  mkdirSync(SNIPPETS, { recursive: true })
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-docs-'))
  after(() => rmSync(directory, { recursive: true }))

  for (const { place, text } of pages().flatMap(programs)) {
    test(`${place} runs`, async (t) => {
      const name = basename(place).replace('.md:', '-')
      const path = join(SNIPPETS, `${name}.mjs`)
      await writeFile(path, text)
      const { code, stdout, stderr } = await runProgram(
        path,
        mkdtempSync(join(directory, name)),
        t.signal,
      )
      assert.equal(stderr, '')
      assert.equal(code, 0)
      const expected = [...text.matchAll(PRINTS)].map((match) => match[1]!)
      if (expected.length > 0) assert.deepEqual(stdout.trimEnd().split('\n'), expected)
    })
  }
})
