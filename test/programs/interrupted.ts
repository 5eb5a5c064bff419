/** Processes that are sent SIGUSR1 again and again once they have said that they are ready. */
import { writeSync } from 'node:fs'
import { EV_ADD, EV_SET, EVFILT_USER, type KqueueError, kqueue, NOTE_TRIGGER } from 'kqueue'
import { runCase } from './cases.js'

const cases = {
  'handles it'() {
    const kq = kqueue()
    process.once('SIGUSR1', () => {
      console.log('handled')
      process.exit(0)
    })
    setTimeout(() => {}, 60_000)
    writeSync(1, 'ready\n')
    try {
      kq.kevent([], 1, 20_000)
      console.log('nothing')
    } catch (error) {
      const { code, errno, syscall } = error as KqueueError
      console.log(code, errno, syscall)
    }
  },

  'asks again'() {
    process.on('SIGUSR1', () => {})
    const kq = kqueue()
    kq.kevent([EV_SET(1, EVFILT_USER, EV_ADD)])
    writeSync(1, 'ready\n')
    try {
      kq.kevent([], 1, 20_000)
    } catch (error) {
      console.log((error as KqueueError).code)
    }
    kq.kevent([EV_SET(1, EVFILT_USER, 0, NOTE_TRIGGER)])
    console.log(kq.kevent([], 1, 1000).length)
    process.exit()
  },

  async waits() {
    let signals = 0
    process.on('SIGUSR1', () => signals++)
    const waiting = kqueue().wait({ timeout: 300 })
    console.log('ready')
    console.log((await waiting).length, signals > 0)
    process.exit()
  },
}

export type Cases = typeof cases
await runCase(cases)
