/** KqueueError: the shape of Node's own system errors. */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { constants } from 'node:os'
import { describe, it } from 'node:test'
import * as core from 'kqueue/core'
import { check, ENOENT, EV_SET, errnoName, KqueueError } from 'kqueue/core'

describe('KqueueError', () => {
  it('has the shape of an error of node:fs', () => {
    let node: NodeJS.ErrnoException | undefined
    try {
      statSync('/there/is/no/such/file')
    } catch (error) {
      node = error as NodeJS.ErrnoException
    }
    const error = new KqueueError(ENOENT, 'kevent')
    assert.ok(error instanceof Error)
    assert.equal(error.code, node!.code)
    assert.equal(error.errno, node!.errno)
    assert.equal(error.syscall, 'kevent')
    assert.equal(error.name, 'KqueueError')
    assert.match(error.message, /^ENOENT: no such \w+, kevent$/)
    assert.match(error.stack!, /^KqueueError: ENOENT/)
    assert.match(String(error), /^KqueueError: ENOENT/)
  })

  it('says why, and where in the changelist', () => {
    const change = EV_SET(1, -11, 2)
    const error = new KqueueError(22, 'kevent', { reason: 'because', change, index: 7 })
    assert.equal(error.message, 'EINVAL: invalid argument, kevent: because (changelist[7])')
    assert.equal(error.change, change)
    assert.equal(error.index, 7)
  })

  it('has neither change nor index when no change failed', () => {
    const error = new KqueueError(9, 'kevent')
    assert.equal('change' in error, false)
    assert.equal('index' in error, false)
  })

  it('has a name for an errno that it does not know', () => {
    const error = new KqueueError(4095, 'kevent')
    assert.deepEqual([error.code, error.errno], ['E4095', -4095])
    assert.match(error.message, /E4095/)
  })

  it('survives structuredClone with its message', () => {
    const clone = structuredClone(new KqueueError(9, 'kevent', { reason: 'closed' }))
    assert.match((clone as Error).message, /EBADF.*closed/)
  })
})

describe('errno numbers', () => {
  it('are those of Linux under their names', { skip: process.platform !== 'linux' }, () => {
    const numbers = Object.entries(core).filter(
      ([name, value]) => /^E[A-Z]+$/.test(name) && typeof value === 'number',
    ) as [string, number][]
    assert.ok(numbers.length > 30)
    for (const [name, number] of numbers) {
      assert.equal(number, constants.errno[name as keyof typeof constants.errno], name)
      assert.equal(errnoName(number), name)
    }
  })
})

describe('check', () => {
  it('passes results on and throws negative errnos', () => {
    assert.equal(check(0, 'kevent'), 0)
    assert.equal(check(5, 'kevent'), 5)
    assert.throws(() => check(-24, 'kqueue', 'close some'), {
      code: 'EMFILE',
      errno: -24,
      syscall: 'kqueue',
      message: /close some/,
    })
  })
})
