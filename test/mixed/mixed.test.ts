/**
 * Random programs that ask queues synchronously, await them and iterate over them all at once, on
 * real Linux, against what must hold. They are the same each time; `KQUEUE_MIXED_RUNS=N` runs so
 * many times as many, and `KQUEUE_MIXED_SEED=N` others. A program that shows a difference is
 * printed as short as it gets, ready to be pasted below.
 */
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cleanUp } from '../node/queues.js'
import { programs, show } from './command.js'
import { mixed } from './program.js'

cleanUp()

const environment = process.env
const seed = Number(environment.KQUEUE_MIXED_SEED ?? 1)
const PROGRAMS = Math.ceil(2000 * Number(environment.KQUEUE_MIXED_RUNS ?? 1))

describe('Asking, awaiting and iterating at once', () => {
  it('tell of what there is, and of nothing else', async (t) => {
    await mixed([])
    let done = 0
    const property = fc.asyncProperty(programs, (program) => {
      done++
      return mixed(program)
    })
    const { counterexample, errorInstance } = await fc.check(property, { seed, numRuns: PROGRAMS })
    t.diagnostic(`seed ${seed}: ${done} programs`)
    if (counterexample === null) return
    const text = `KQUEUE_MIXED_SEED=${seed}\n${errorInstance}\n${show(counterexample[0])}`
    throw new Error(text, { cause: errorInstance })
  })
})
