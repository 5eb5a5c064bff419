/** Names of directories of trees, as a text and as a map. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

const { Entries, pack } = (await import(
  new URL('../../../dist/api/trees/entries.js', import.meta.url).href
)) as typeof import('../../dist/api/trees/entries.js')

const DIRECTORY = 1

/** Names of which some are in others, as are what comes before them in the text. */
const NAMES = ['a', 'aa', '\x01\x01a', 'b\x00\x01c', 'x'.repeat(255), 'x'.repeat(254), '\xff', 'd']

function entries(names: string[]) {
  const made = new Entries()
  made.reset(names.map((name, i) => pack(name, i % 2 ? DIRECTORY : 0)).join(''))
  return made
}

describe('Entries', () => {
  it('are found in the text, which stays one', () => {
    const some = entries(NAMES)
    for (const [i, name] of NAMES.entries()) assert.equal(some.get(name), i % 2 === 1, name)
    for (const name of ['', 'c', 'xx', 'x'.repeat(253), '\x01a']) {
      assert.equal(some.get(name), undefined, name)
    }
    assert.ok(some.packed)
    assert.equal(new Entries().get('a'), undefined)
  })

  it('are found in a map where there are many, or they change', () => {
    const many = entries(Array.from({ length: 2000 }, (_, i) => `name${i}`))
    assert.equal(many.get('name1999'), true)
    assert.equal(many.get('name1998'), false)
    assert.equal(many.get('name2000'), undefined)
    assert.ok(!many.packed)

    const few = entries(NAMES)
    few.delete('a')
    few.set('new', true)
    assert.deepEqual([few.get('a'), few.get('new'), few.packed], [undefined, true, false])
    few.pack()
    assert.deepEqual([few.get('a'), few.get('new'), few.packed], [undefined, true, true])
    assert.deepEqual(
      few
        .all()
        .map(([name]) => name)
        .sort(),
      [...NAMES.slice(1), 'new'].sort(),
    )
  })
})
