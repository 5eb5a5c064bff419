/** The addon's sources: who includes whom, and that binding.gyp builds them all. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const native = join(root, 'native')
const sources = readdirSync(native, { recursive: true, encoding: 'utf8' }).filter((path) =>
  /\.[ch]$/.test(path),
)

/** What a file of the addon includes of the addon, from `native/` on. */
function includes(path: string): string[] {
  const text = readFileSync(join(native, path), 'utf8')
  return [...text.matchAll(/^#include "(.*)"$/gm)].map(([, name]) => {
    const beside = posix.join(dirname(path), name!)
    return sources.includes(beside) ? beside : name!
  })
}

const included = new Map(sources.map((path) => [path, includes(path)]))

/** Whether what is in a folder (`glue`, `calls`, `engines/aio`, ...) may include a file. */
function mayInclude(from: string, path: string): boolean {
  const to = dirname(path)
  if (to === from || to === 'glue' || from === '.') return true
  return from.startsWith('engines/') && path === 'engines/engines.h'
}

describe('The sources of the addon', () => {
  it('are where they are looked for', () => {
    assert.ok(sources.includes('addon.c') && sources.includes('glue/env.h'))
    for (const [path, names] of included) {
      for (const name of names) assert.ok(sources.includes(name), `${path} includes ${name}`)
    }
  })

  it('include what is in their own folder and the glue, the glue nothing else', () => {
    const strange = [...included].flatMap(([path, names]) =>
      names.filter((name) => !mayInclude(dirname(path), name)).map((name) => `${path}: ${name}`),
    )
    assert.deepEqual(strange, [])
  })

  it('include each other in no circle', () => {
    const done = new Set<string>()
    const visit = (path: string, way: string[]): void => {
      assert.ok(!way.includes(path), [...way, path].join(' > '))
      if (done.has(path)) return
      for (const name of included.get(path)!) visit(name, [...way, path])
      done.add(path)
    }
    for (const path of sources) visit(path, [])
  })

  it('are all built', () => {
    const gyp = readFileSync(join(root, 'binding.gyp'), 'utf8')
    const built = [...gyp.matchAll(/"native\/(\S*\.c)"/g)].map(([, path]) => path!)
    assert.deepEqual(built.sort(), sources.filter((path) => path.endsWith('.c')).sort())
  })
})
