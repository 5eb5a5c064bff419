/** The numbers in which TypeScript and the addon speak, which both have. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AIO_ALLDONE, AIO_CANCELED, AIO_NOTCANCELED } from 'kqueue'

const built = (path: string): Promise<unknown> =>
  import(new URL(`../../../dist/${path}`, import.meta.url).href)
const numbers = (await built(
  'linux/hub/native.js',
)) as typeof import('../../dist/linux/hub/native.js')
const { native } = (await built(
  'linux/hub/load.js',
)) as typeof import('../../dist/linux/hub/load.js')
const { SIGRTMAX } = (await built(
  'core/filters/signal.js',
)) as typeof import('../../dist/core/filters/signal.js')

describe('The numbers of the addon', () => {
  it('are those of native.ts, name for name, and those that the machine has', () => {
    const ours = { AIO_ALLDONE, AIO_CANCELED, AIO_NOTCANCELED, SIGNAL_END: SIGRTMAX + 1 }
    assert.deepEqual({ ...native().constants }, { ...numbers, ...ours })
  })

  it('cannot be changed', () => {
    assert.ok(Object.isFrozen(native().constants))
  })
})
