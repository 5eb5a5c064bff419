/** What the tests of mounts and of links share: both have an event that takes two descriptors. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EV_ADD, EV_SET, type Kqueue } from 'kqueue'
import type { Cases as Scarce } from '../programs/scarce.js'
import type { Cases as Workers } from '../programs/workers.js'
import { casesOf, descriptors, ended, message, run, start } from './processes.js'
import { LONG } from './queues.js'

const scarce = casesOf<Scarce>('scarce')
const workers = casesOf<Workers>('workers')

/** The fflags of the event that comes. */
export function notes(kq: Kqueue): number {
  const events = kq.kevent([], 8, LONG)
  assert.equal(events.length, 1)
  return events[0]!.fflags
}

export const silent = (kq: Kqueue): void => assert.deepEqual(kq.kevent([], 8, 20), [])

/** @param ident with `filter`, an event that can be had */
export function itLeavesNoDescriptors(ident: number, filter: number): void {
  const add = EV_SET(ident, filter, EV_ADD)

  it('are closed with a worker that is terminated while it waits', async () => {
    const before = descriptors()
    const worker = start(workers('blocks', [add]))
    await message(worker)
    await worker.terminate()
    await ended(worker)
    assert.ok(descriptors() <= before)
  })

  it('that are not free make EMFILE, and nothing is left', () => {
    const { stdout, stderr } = run(scarce('adds an event', add), { files: 64 })
    assert.equal(stderr, '')
    assert.equal(stdout.trim(), 'EMFILE EMFILE added 1')
  })
}
