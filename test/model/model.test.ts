/**
 * Random programs on the simulated kernel against a plain model of what may be reported.
 * They are the same each time, unless `KQUEUE_MODEL_STEPS=N` asks for at least so many steps,
 * which begin with a new seed; `KQUEUE_MODEL_SEED=N` begins with this one. A program that shows a difference is printed as short as it gets, ready to be
 * pasted below.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  KQUEUE_CPONFORK,
  NOTE_ABSTIME,
  NOTE_EXIT,
  NOTE_MSECONDS,
  NOTE_TRACK,
  NOTE_TRIGGER,
} from 'kqueue/sim'
import { programs, show } from './commands.js'
import { type Change, type Command, Failure, run } from './program.js'

const environment = typeof process === 'undefined' ? {} : process.env
const { KQUEUE_MODEL_SEED: seedGiven, KQUEUE_MODEL_STEPS: stepsGiven } = environment
const leastSteps = Number(stepsGiven ?? 120_000)
const firstSeed = Number(seedGiven ?? (stepsGiven === undefined ? 1 : Date.now() % 1e9))
/** Programs of one seed. */
const BATCH = 500

/** Runs programs until there were enough steps: how many programs and steps. */
function explore(): { programs: number; steps: number } {
  const done = { programs: 0, steps: 0 }
  const property = fc.property(programs, (program: Command[]) => {
    done.programs++
    done.steps += program.length
    run(program)
  })
  for (let seed = firstSeed; done.steps < leastSteps; seed++) {
    const { counterexample, errorInstance: failure } = fc.check(property, { seed, numRuns: BATCH })
    if (counterexample === null) continue
    const program = counterexample[0]
    const end = failure instanceof Failure ? failure.step + 1 : program.length
    const text = `KQUEUE_MODEL_SEED=${seed}\n${failure}\n${show(program.slice(0, end))}`
    throw new Error(text, { cause: failure })
  }
  return done
}

/** Changes of a queue of process 1, or of another, and a look at what is pending. */
function kevent(kq: number, changes: Partial<Change>[], { p = 0, nevents = 8 } = {}): Command {
  const whole = changes.map((given) => ({
    ...{ ident: 1, filter: EVFILT_USER, flags: EV_ADD, fflags: 0, data: 0, udata: 0 },
    ...given,
  }))
  return { do: 'kevent', p, kq, changes: whole, nevents, timeout: 0 }
}

const fork: Command = { do: 'fork', p: 0 }

describe('the simulated kernel and the model', () => {
  it('agree about random programs', (t) => {
    const done = explore()
    t.diagnostic(`seed ${firstSeed}: ${done.programs} programs, ${done.steps} steps`)
    assert.ok(done.programs >= BATCH)
  })

  it('agree that timers which are due at the same moment are due before anybody wakes', () => {
    const timer = { filter: EVFILT_TIMER, data: 1 }
    // A day and 1 ms after the epoch, which is 1 ms after the start.
    const absolute = { ...timer, fflags: NOTE_ABSTIME | NOTE_MSECONDS, data: 86_400_001 }
    const sleep = kevent(0, [{ ...timer, ident: 2 }], { nevents: 1 })
    run([
      kevent(0, [{ ...absolute, ident: 1 }], { nevents: 0 }),
      { ...sleep, timeout: 3 } as Command,
      kevent(0, []),
    ])
  })

  it('agree that the copy of an announcement is not what changes find', () => {
    run([
      kevent(0, [{ filter: EVFILT_PROC, fflags: NOTE_TRACK }]),
      fork,
      kevent(0, [{ ident: 2, filter: EVFILT_PROC, flags: EV_DELETE }], { nevents: 0 }),
      fork,
      kevent(0, [{ ident: 2, filter: EVFILT_PROC, fflags: NOTE_EXIT }], { p: 2, nevents: 0 }),
      { do: 'exit', p: 1, status: 1 },
      kevent(0, [], { p: 1 }),
    ])
  })

  it('agree that an edge that was handed out is not handed out by the copy', () => {
    run([
      { do: 'kqueue', p: 0, flags: KQUEUE_CPONFORK },
      kevent(2, [{ fflags: NOTE_TRIGGER }]),
      kevent(0, [{ ident: 6, filter: EVFILT_READ, flags: EV_ADD | EV_CLEAR }]),
      fork,
      kevent(0, [], { p: 1 }),
    ])
  })

  it('agree that a child is followed whose pid was that of an exit still to be reported', () => {
    run([
      fork,
      kevent(0, [{ ident: 2, filter: EVFILT_PROC, fflags: NOTE_EXIT }]),
      { do: 'exit', p: 1, status: 1 },
      { do: 'waitpid', p: 0, pid: 2 },
      // Pids 3 to 6; then it starts again.
      ...Array<Command>(4).fill(fork),
      kevent(0, [{ filter: EVFILT_PROC, fflags: NOTE_TRACK }], { nevents: 0 }),
      fork,
      kevent(0, []),
      kevent(0, [{ ident: 2, filter: EVFILT_PROC, flags: EV_DELETE }]),
    ])
  })
})
