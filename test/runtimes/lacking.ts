/** Which tests run in Bun and Deno, and what of them is not for these, and why. */
import type { Lacking } from './runner.js'

export type Runtime = 'bun' | 'deno'

const EVERYWHERE = [
  'scenarios/scenarios',
  'api/programs',
  'api/tables',
  'node/aio-refused',
  'node/conveniences',
  'node/hostile-changelists',
  'node/hostile-values',
  'node/iteration',
  'node/keep-alive',
  'node/wait',
]

/** Of the rest some need what the runtime lacks, some take minutes, and some were not looked into. */
const FILES: Record<Runtime, readonly string[]> = {
  bun: [
    ...EVERYWHERE,
    'node/empty',
    'node/fork',
    'node/fork-filters',
    'node/injected-forks',
    'node/process-descriptor',
  ],
  deno: EVERYWHERE,
}

interface Lack {
  readonly runtimes: readonly Runtime[]
  /** A regular expression of the names of tests. */
  readonly tests: string
  readonly reason: string
}

const LACKS: readonly Lack[] = [
  {
    runtimes: ['deno'],
    tests: 'scenarios on Linux > Fork',
    reason: 'Deno hands no descriptors to a child: fork is ENOSYS',
  },
  {
    runtimes: ['deno'],
    tests: 'scenarios on Linux > .*(terminal|its two ends)',
    reason: 'stty is given a descriptor, which Deno does not hand on',
  },
  {
    runtimes: ['deno'],
    tests: 'scenarios on Linux > .*([Ss]ignal|SIGNAL)',
    reason: 'Deno ends the process some time after a signal: EVFILT_SIGNAL is ENOSYS',
  },
]

/** The files of tests that a runtime runs, by their paths below `build/test`. */
export const files = (runtime: Runtime): string[] => FILES[runtime].map((name) => `${name}.test.js`)

/** What a runtime does not run. */
export const lackingIn = (runtime: Runtime): Lacking =>
  LACKS.filter((lack) => lack.runtimes.includes(runtime)).map(({ tests, reason }) => [
    tests,
    reason,
  ])
