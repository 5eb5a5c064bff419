/** What keeps a process alive, and what a process leaves to its end. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { run } from './processes.js'
import { cleanUp } from './queues.js'

cleanUp()

/** Runs a program to its end, which must be a good one; what it printed. */
function output(code: string): string {
  const { status, signal, stdout, stderr } = run(code)
  assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: '' })
  return stdout
}

const TIMER = `
  const kq = K.kqueue()
  kq.kevent([K.EV_SET(1, K.EVFILT_TIMER, K.EV_ADD, 0, 50)])
  process.on('exit', () => console.log('exit'));
`

describe('A process', () => {
  it('lives as long as somebody waits', () => {
    const code = `${TIMER} kq.wait().then(([{ ident }]) => console.log('event', ident))`
    assert.equal(output(code), 'event 1\nexit\n')
  })

  it('ends while somebody waits for a queue that is unref', () => {
    assert.equal(output(`${TIMER} kq.unref().wait().then(() => console.log('event'))`), 'exit\n')
    assert.equal(output(`${TIMER} kq.wait().then(() => console.log('x')); kq.unref()`), 'exit\n')
  })

  it('ends at once even when the wait that is unref has a timeout', () => {
    const code = `${TIMER} kq.unref().wait({ timeout: 20 }).then(() => console.log('over'))`
    assert.equal(output(code), 'exit\n')
  })

  it('lives for a queue that is ref again', () => {
    const code = `${TIMER} kq.unref().unref().ref()
      kq.wait().then(() => console.log('event'))`
    assert.equal(output(code), 'event\nexit\n')
    const late = `${TIMER} kq.unref().wait().then(() => console.log('event')); kq.ref()`
    assert.equal(output(late), 'event\nexit\n')
  })

  it('lives for one of two queues of which the other is unref', () => {
    const code = `${TIMER}
      const other = K.kqueue().unref()
      other.wait().then(() => console.log('other'))
      kq.wait().then(() => console.log('event'))`
    assert.equal(output(code), 'event\nexit\n')
  })

  it('serves waits of unref queues while something else keeps it alive', () => {
    const code = `${TIMER} kq.unref().wait().then(() => (console.log('event'), clearInterval(id)))
      const id = setInterval(() => {}, 1000)`
    assert.equal(output(code), 'event\nexit\n')
  })

  it('ends by itself with queues that nobody waits for', () => {
    assert.equal(output(`${TIMER} K.kqueue(); kq.fd`), 'exit\n')
  })

  it('ends when the last wait is over, aborted or closed', () => {
    for (const end of [
      'kq.wait().then(() => console.log("over"))',
      'kq.wait({ timeout: 1 }).then(() => console.log("over"))',
      'kq.wait().catch(() => console.log("over")); setImmediate(() => kq.close())',
      'kq.wait({ signal: AbortSignal.timeout(5) }).catch(() => console.log("over")); setTimeout(() => {}, 20)',
      '(async () => { for await (const _ of kq) break; console.log("over") })()',
    ]) {
      assert.equal(output(TIMER + end), 'over\nexit\n')
    }
  })

  it('lives as long as a loop over its events, and ticks', () => {
    const code = `
      let n = 0
      for await (const { expirations } of K.ticks(2)) if ((n += expirations) >= 5) break
      console.log('ticked')`
    assert.equal(output(code), 'ticked\n')
  })

  it('can call process.exit and throw while somebody waits', () => {
    assert.equal(output(`${TIMER} kq.wait(); setImmediate(() => process.exit(0))`), 'exit\n')
    const { status, stderr } = run(`${TIMER} kq.wait(); setImmediate(() => { throw 'x' })`)
    assert.equal(status, 1)
    assert.match(stderr, /Uncaught|'x'/)
  })

  it('can use queues in an exit handler', () => {
    const code = `${TIMER}
      process.on('exit', () => console.log(kq.kevent([], 1, 1000).length))`
    assert.equal(output(code), 'exit\n1\n')
  })
})

describe('ref and unref', () => {
  it('answer the queue, also when it is closed', () => {
    const code = `${TIMER}
      console.log(kq.ref() === kq, kq.unref() === kq)
      kq.close()
      console.log(kq.ref() === kq, kq.unref() === kq)`
    assert.equal(output(code), 'true true\ntrue true\nexit\n')
  })
})
