/** A test that fails, to see that a failure in the browser is one here. */
import assert from 'node:assert/strict'
import { it } from 'node:test'

it('fails', () => {
  assert.equal(Number('1'), 2)
})
