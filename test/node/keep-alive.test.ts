/** What keeps a process alive, and what a process leaves to its end. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EV_ADD, EV_SET, EVFILT_TIMER, kqueue } from 'kqueue'
import { native } from '#linux/hub/load.js'
import type { Native } from '#linux/hub/native.js'
import type { Cases } from '../programs/keep-alive.js'
import { casesOf, run } from './processes.js'
import { cleanUp } from './queues.js'

cleanUp()

const keepAlive = casesOf<Cases>('keep-alive')

/** Runs a case to its end, which must be a good one; what it printed. */
function output(name: keyof Cases): string {
  const { status, signal, stdout, stderr } = run(keepAlive(name))
  assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: '' })
  return stdout
}

describe('A process', () => {
  it('lives as long as somebody waits', () => {
    assert.equal(output('waits'), 'event 1\nexit\n')
  })

  it('ends while somebody waits for a queue that is unref', () => {
    assert.equal(output('waits unref'), 'exit\n')
    assert.equal(output('is unref as it waits'), 'exit\n')
  })

  it('ends at once even when the wait that is unref has a timeout', () => {
    assert.equal(output('waits unref with a timeout'), 'exit\n')
  })

  it('lives for a queue that is ref again', () => {
    assert.equal(output('waits ref again'), 'event\nexit\n')
    assert.equal(output('is ref again as it waits'), 'event\nexit\n')
  })

  it('lives for one of two queues of which the other is unref', () => {
    assert.equal(output('waits for two queues, one unref'), 'event\nexit\n')
  })

  it('serves all who wait though a signal of the first one throws', () => {
    assert.equal(output('waits twice, once with a signal that throws'), 'thrown\nevent\nevent\n')
  })

  it('serves waits of unref queues while something else keeps it alive', () => {
    assert.equal(output('waits unref beside an interval'), 'event\nexit\n')
  })

  it('ends by itself with queues that nobody waits for', () => {
    assert.equal(output('does not wait'), 'exit\n')
  })

  it('ends when the last wait is over, aborted or closed', () => {
    assert.equal(output('waits'), 'event 1\nexit\n')
    for (const name of [
      'waits for a moment',
      'closes its queue',
      'aborts its wait',
      'iterates',
    ] as const) {
      assert.equal(output(name), 'over\nexit\n', name)
    }
  })

  it('has nothing said to the event loop for who waits again at once', async () => {
    const addon = native() as { -readonly [name in keyof Native]: Native[name] }
    const { loopRef, loopUnref } = addon
    let told = 0
    const counted = (call: typeof loopRef): typeof loopRef => {
      return (watch) => {
        told++
        call(watch)
      }
    }
    const kq = kqueue()
    kq.kevent([EV_SET(1, EVFILT_TIMER, EV_ADD, 0, 1)])
    await kq.wait()
    addon.loopRef = counted(loopRef)
    addon.loopUnref = counted(loopUnref)
    try {
      for (let i = 0; i < 5; i++) await kq.wait()
      const events = kq.events()
      for (let i = 0; i < 5; i++) await events.next()
      // The first one only, in place of two for each.
      assert.ok(told <= 1, `${told} calls`)
      await new Promise((resolve) => setImmediate(resolve))
      assert.ok(told >= 1)
    } finally {
      addon.loopRef = loopRef
      addon.loopUnref = loopUnref
      kq.close()
    }
  })

  it('lives as long as a loop over its events, and ticks', () => {
    assert.equal(output('ticks'), 'ticked\n')
  })

  it('can call process.exit and throw while somebody waits', () => {
    assert.equal(output('exits as it waits'), 'exit\n')
    const { status, stderr } = run(keepAlive('throws as it waits'))
    assert.equal(status, 1)
    assert.match(stderr, /Uncaught|'x'/)
  })

  it('can use queues in an exit handler', () => {
    assert.equal(output('asks its queue as it exits'), 'exit\n1\n')
  })
})

describe('ref and unref', () => {
  it('answer the queue, also when it is closed', () => {
    assert.equal(output('has ref and unref answer'), 'true true\ntrue true\nexit\n')
  })
})
