/**
 * EVFILT_SIGNAL: how often a signal was sent to this process, whatever it does with it.
 * See kqueue(2), "EVFILT_SIGNAL", and `filt_signal` of FreeBSD.
 */
import assert from 'node:assert/strict'
import {
  EV_CLEAR,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ONESHOT,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
} from 'kqueue/core'
import {
  add,
  byIdent,
  chapter,
  enable,
  expectError,
  expectEvents,
  expectGone,
  expectNothing,
  LONG,
  pending,
  remove,
  wait,
} from './scenario.js'
import type { SignalName, World } from './world.js'

const scenario = chapter('EVFILT_SIGNAL', { filters: [EVFILT_SIGNAL], needs: ['processes'] })

/** Their numbers on Linux, which the simulated kernel has too. */
const NUMBERS: Record<SignalName, number> = {
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGTERM: 15,
  SIGCHLD: 17,
}
const { SIGUSR1, SIGUSR2, SIGCHLD } = NUMBERS
const SIGSTOP = 19

function watch(signal: number, flags = 0) {
  return add(signal, EVFILT_SIGNAL, flags)
}

/** Makes the signals of these scenarios do no harm. */
function harmless(w: World): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) w.processes!.sigaction(signal, 'ignore')
}

function send(w: World, signal: SignalName, times = 1): void {
  const { pid } = w.processes!
  for (let i = 0; i < times; i++) w.processes!.kill(pid, signal)
}

const ignored = { needs: ['sigaction'] } as const
const alone = { needs: ['sigaction', 'no-zombies'] } as const

scenario('a signal is reported, with EV_CLEAR whether asked for or not', ignored, (w) => {
  harmless(w)
  const q = w.kqueue()
  q.kevent([{ ...watch(SIGUSR1), udata: 'mine' }])
  expectNothing(q)
  send(w, 'SIGUSR1')
  expectEvents(wait(q), {
    ident: SIGUSR1,
    filter: EVFILT_SIGNAL,
    flags: EV_CLEAR,
    fflags: 0,
    data: 1,
    udata: 'mine',
  })
  expectNothing(q)
})

scenario('the times since the last event are counted', ignored, (w) => {
  harmless(w)
  const q = w.kqueue()
  q.kevent([watch(SIGUSR1)])
  for (const times of [3, 1, 10]) {
    send(w, 'SIGUSR1', times)
    expectEvents(wait(q), { ident: SIGUSR1, data: times })
  }
})

scenario('a signal that is ignored is reported', ignored, (w) => {
  w.processes!.sigaction('SIGUSR2', 'ignore')
  const q = w.kqueue()
  q.kevent([watch(SIGUSR2)])
  send(w, 'SIGUSR2')
  expectEvents(wait(q), { ident: SIGUSR2, data: 1 })
})

scenario('a signal that has a handler is reported, and the handler runs', ignored, (w) => {
  let handled = 0
  w.processes!.sigaction('SIGUSR1', () => handled++)
  const q = w.kqueue()
  q.kevent([watch(SIGUSR1)])
  send(w, 'SIGUSR1', 2)
  expectEvents(wait(q), { ident: SIGUSR1, data: 2 })
  assert.equal(handled, 2)
})

scenario('signals from before the knote are not reported', ignored, (w) => {
  harmless(w)
  const q = w.kqueue()
  send(w, 'SIGUSR1')
  q.kevent([watch(SIGUSR1)])
  expectNothing(q, 5)
})

scenario('signals are told apart', ignored, (w) => {
  harmless(w)
  const q = w.kqueue()
  q.kevent([watch(SIGUSR1), watch(SIGUSR2)])
  send(w, 'SIGUSR2')
  expectEvents(wait(q), { ident: SIGUSR2, data: 1 })
  send(w, 'SIGUSR1', 2)
  send(w, 'SIGUSR2', 3)
  expectEvents(byIdent(wait(q)), { ident: SIGUSR1, data: 2 }, { ident: SIGUSR2, data: 3 })
})

scenario('two queues are both told of a signal', ignored, (w) => {
  harmless(w)
  const queues = [w.kqueue(), w.kqueue()]
  for (const q of queues) q.kevent([watch(SIGUSR1)])
  send(w, 'SIGUSR1', 2)
  for (const q of queues) expectEvents(wait(q), { ident: SIGUSR1, data: 2 })
})

scenario('the exit of a child is reported as SIGCHLD', (w) => {
  const q = w.kqueue()
  q.kevent([watch(SIGCHLD)])
  w.processes!.spawn().exit(0)
  expectEvents(wait(q), { ident: SIGCHLD, data: 1 })
})

scenario('the children of a process that ignores SIGCHLD need no wait', alone, (w) => {
  w.processes!.sigaction('SIGCHLD', 'ignore')
  const q = w.kqueue()
  q.kevent([watch(SIGCHLD)])
  const child = w.processes!.spawn()
  child.exit(0)
  expectEvents(wait(q), { ident: SIGCHLD, data: 1 })
  expectError('ECHILD', () => w.processes!.waitpid(child.pid))
})

scenario('signals of another process are not reported', (w) => {
  const q = w.kqueue()
  q.kevent([watch(SIGUSR1)])
  w.processes!.kill(w.processes!.spawn().pid, 'SIGUSR1')
  expectNothing(q, 5)
})

scenario('SIGKILL, SIGSTOP and what is no signal are refused with EINVAL', (w) => {
  const q = w.kqueue()
  for (const signal of [NUMBERS.SIGKILL, SIGSTOP, 0, -1, 65, 1000]) {
    expectError('EINVAL', () => q.kevent([watch(signal)]))
    expectGone(q, signal, EVFILT_SIGNAL)
  }
})

scenario('a signal ends a wait', { needs: ['sigaction'], filters: [EVFILT_TIMER] }, (w) => {
  harmless(w)
  const q = w.kqueue()
  q.kevent([watch(SIGUSR1), add(1, EVFILT_TIMER, EV_ONESHOT, { data: 5 })])
  expectEvents(wait(q), { ident: 1 })
  send(w, 'SIGUSR1')
  expectEvents(q.kevent([], 8, LONG), { ident: SIGUSR1 })
})

scenario('a one-shot watch of a signal is gone after its event', ignored, (w) => {
  harmless(w)
  const q = w.kqueue()
  q.kevent([watch(SIGUSR1, EV_ONESHOT)])
  send(w, 'SIGUSR1')
  expectEvents(wait(q), { ident: SIGUSR1, flags: EV_CLEAR | EV_ONESHOT })
  send(w, 'SIGUSR1')
  expectNothing(q, 5)
  expectGone(q, SIGUSR1, EVFILT_SIGNAL)
})

scenario('signals while the knote is disabled are counted', ignored, (w) => {
  harmless(w)
  const q = w.kqueue()
  q.kevent([watch(SIGUSR1, EV_DISABLE)])
  send(w, 'SIGUSR1', 4)
  expectNothing(q, 5)
  q.kevent([enable(SIGUSR1, EVFILT_SIGNAL)])
  expectEvents(wait(q), { ident: SIGUSR1, data: 4 })
})

scenario('a dispatched watch of a signal counts until it is enabled', ignored, (w) => {
  harmless(w)
  const q = w.kqueue()
  q.kevent([watch(SIGUSR1, EV_DISPATCH)])
  send(w, 'SIGUSR1')
  expectEvents(wait(q), { ident: SIGUSR1, data: 1 })
  send(w, 'SIGUSR1', 2)
  expectNothing(q, 5)
  q.kevent([enable(SIGUSR1, EVFILT_SIGNAL, EV_DISPATCH)])
  expectEvents(wait(q), { ident: SIGUSR1, data: 2 })
})

scenario('a watch that was deleted reports no signal', ignored, (w) => {
  harmless(w)
  const q = w.kqueue()
  q.kevent([watch(SIGUSR1)])
  send(w, 'SIGUSR1')
  q.kevent([remove(SIGUSR1, EVFILT_SIGNAL)])
  send(w, 'SIGUSR1')
  expectEvents(pending(q))
  expectGone(q, SIGUSR1, EVFILT_SIGNAL)
})
