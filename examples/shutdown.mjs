// One loop for several sources, and an orderly end: a timer that brings work, an
// event of the program's own that asks to reload, and a signal that aborts the loop.
// What has happened but was not handed out stays in the queue and is done last.
//
//     node examples/shutdown.mjs [--simulated]      sends itself SIGTERM after a while
import { run } from './kernels.mjs'

const WORK = 1
const RELOAD = 2
const [CONFIG, CERTIFICATES] = [0x1, 0x2]

await run(import.meta.url, {
  async main(calls, unix) {
    const { EV_ADD, EV_CLEAR, EV_SET, EVFILT_TIMER, EVFILT_USER, kqueue, NOTE_FFOR } = calls
    const kq = kqueue()
    kq.kevent([EV_SET(WORK, EVFILT_TIMER, EV_ADD | EV_CLEAR, 0, 20)])
    const reload = calls.userEvent(kq, RELOAD)

    const end = new AbortController()
    unix.onSignal('SIGTERM', () => end.abort())

    let worked = 0
    function handle({ filter, fflags }) {
      if (filter === EVFILT_TIMER) {
        worked++
        console.log('work')
        // Two requests before the next look at the queue are one event with both flags.
        if (worked === 2) {
          reload.trigger(NOTE_FFOR | CONFIG)
          reload.trigger(NOTE_FFOR | CERTIFICATES)
        }
        if (worked === 4) unix.kill(unix.pid, 'SIGTERM')
      } else if (filter === EVFILT_USER) {
        const what = `${fflags & CONFIG ? 'config ' : ''}${fflags & CERTIFICATES ? 'certs' : ''}`
        console.log(`reload ${what}`)
      }
    }

    try {
      for await (const event of kq.events({ signal: end.signal })) handle(event)
    } catch (error) {
      if (!end.signal.aborted) throw error
    }
    reload.trigger()
    for (const event of kq.kevent(null, 64, 0)) if (event.filter === EVFILT_USER) handle(event)
    kq.close()
    console.log('ended in order')
  },
})
