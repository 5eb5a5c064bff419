/** NumberTable: what it holds is what a Map would. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { NumberTable } from '#core/table.js'

const number = fc.oneof(
  fc.nat({ max: 40 }),
  fc.nat({ max: 5000 }),
  fc.integer({ min: -3, max: 3 }),
  fc.maxSafeInteger(),
)
const step = fc.record({ set: fc.integer({ min: 0, max: 3 }).map((n) => n > 0), number })

interface Entry {
  number: number
  i: number
}

describe('NumberTable', () => {
  it('holds what was set, under numbers of any size', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const table = new NumberTable<Entry>(({ number }) => number)
        const map = new Map<number, Entry>()
        for (const [i, { set, number }] of steps.entries()) {
          if (set) {
            table.set({ number, i })
            map.set(number, { number, i })
          } else {
            table.delete(number)
            map.delete(number)
          }
          assert.deepEqual(table.get(number), map.get(number))
        }
        assert.equal(table.size, map.size)
        for (const [number, value] of map) assert.deepEqual(table.get(number), value)
        assert.deepEqual(new Set(table.values()), new Set(map.values()))
      }),
    )
  })
})
