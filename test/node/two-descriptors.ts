/** What the tests of mounts and of links share: both have an event that takes two descriptors. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Kqueue } from 'kqueue'
import { descriptors, ended, message, runFile, start } from './processes.js'
import { LONG } from './queues.js'

/** The fflags of the event that comes. */
export function notes(kq: Kqueue): number {
  const events = kq.kevent([], 8, LONG)
  assert.equal(events.length, 1)
  return events[0]!.fflags
}

export const silent = (kq: Kqueue): void => assert.deepEqual(kq.kevent([], 8, 20), [])

/** @param ident with `filter`, an event that can be had */
export function itLeavesNoDescriptors(ident: number, filter: number): void {
  it('are closed with a worker that is terminated while it waits', async () => {
    const before = descriptors()
    const worker = start(
      `const kq = K.kqueue()
      kq.kevent([K.EV_SET(shared.ident, shared.filter, K.EV_ADD)])
      parentPort.postMessage(1)
      kq.kevent([], 1)`,
      { ident, filter },
    )
    await message(worker)
    await worker.terminate()
    await ended(worker)
    assert.ok(descriptors() <= before)
  })

  it('that are not free make EMFILE, and nothing is left', () => {
    const { stdout, stderr } = runFile('few-descriptors', [ident, filter], { files: 64 })
    assert.equal(stderr, '')
    assert.equal(stdout.trim(), 'EMFILE EMFILE added 1')
  })
}
