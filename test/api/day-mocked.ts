/** The program of a day with its import mocked by node:test. Runs with the flag for that. */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { SimKernel } from 'kqueue/sim'

test('a program whose import is mocked runs on virtual time', async () => {
  const kernel = new SimKernel()
  let seen = ''
  kernel.spawn(async ({ system }) => {
    mock.module('kqueue', { namedExports: system })
    const { day } = await import('./day.js')
    seen = await day()
  })
  await kernel.run()
  assert.equal(seen, '24 hours, and timer 1')
  assert.equal(kernel.now, 86_460_000_000_000n)
})
