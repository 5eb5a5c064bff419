/** Internal descriptors that the program closes, and whose numbers it gets for files of its own. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { describe, it } from 'node:test'
import { kqueue } from 'kqueue'
import * as posix from '../native/posix.js'
import type { Cases } from '../programs/sources.js'
import { casesOf, ended, message, run, start } from './processes.js'

const list = (): string[] =>
  readdirSync('/proc/self/fd').filter((fd) => existsSync(`/proc/self/fd/${fd}`))

const sources = casesOf<Cases>('sources')

/** The worker's own: a queue that stays open keeps the process's shared ones. */
function prime(): () => void {
  const kq = kqueue()
  kq.kevent([{ ident: 10, filter: -6, flags: 1 }])
  return () => kq.close()
}

describe('The end of a worker', () => {
  it('leaves files alone that have the numbers of its descriptors, and closes the others', async () => {
    const done = prime()
    const before = list()
    for (let which = 0, more = true; more; which++) {
      const worker = start(sources('loses one', which))
      const fd = (await message(worker)) as number
      await worker.terminate()
      const left = list().filter((each) => !before.includes(each))
      assert.deepEqual(left, fd < 0 ? [] : [`${fd}`], `descriptor ${which}: ${fd}`)
      if (fd >= 0) {
        assert.equal(readlinkSync(`/proc/self/fd/${fd}`), readlinkSync('/proc/self/exe'))
        posix.close(fd)
      }
      more = fd >= 0
    }
    done()
  })

  it('leaves them alone when it has lost all its descriptors', async () => {
    const done = prime()
    const before = list()
    const worker = start(sources('loses all'))
    const internal = (await message(worker)) as number[]
    await ended(worker)
    assert.deepEqual(
      list()
        .filter((fd) => !before.includes(fd))
        .map(Number),
      internal,
    )
    for (const fd of internal) posix.close(fd)
    done()
  })
})

describe('A queue in the main thread', () => {
  it('when closed, leaves files alone that have the numbers of internal descriptors', () => {
    const { stdout, stderr, status } = run(sources('loses all and closes its queues'))
    assert.deepEqual([stdout, status], ['0 true\n', 0], stderr)
  })

  it('reads nothing of a pipe that has the numbers of internal descriptors', () => {
    const { stdout, stderr, status } = run(sources('loses all to a pipe'))
    assert.deepEqual([stdout, status], ['4096\n', 0], stderr)
  })

  it('reads nothing of a socket that has the numbers of internal descriptors', () => {
    const { stdout, stderr, status } = run(sources('loses all to a socket'))
    assert.deepEqual([stdout, status], ['15\n', 0], stderr)
  })

  it('is closed also when an eventfd inside is gone', () => {
    const { stdout, stderr, status } = run(sources('closes an eventfd inside'))
    assert.deepEqual([stdout, status], ['0\n', 0], stderr)
  })
})
