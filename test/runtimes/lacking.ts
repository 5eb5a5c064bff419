/**
 * What Bun and Deno do not run of the tests, and why: all files of these folders run, but for what
 * is named here.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Lacking } from './runner.js'

export type Runtime = 'bun' | 'deno'

/** The others are of Node.js alone, as its `kq` and its packages are, or were not looked into. */
const FOLDERS = ['api', 'core', 'linux', 'node', 'runtimes', 'scenarios', 'sim']

interface Lack {
  readonly runtimes: readonly Runtime[]
  /** Files by their paths below `build/test`: a regular expression of the whole path. */
  readonly files: string
  /** A regular expression of the names of tests; without it no test of the files is run. */
  readonly tests?: string
  readonly reason: string
}

const BOTH = ['bun', 'deno'] as const

const LACKS: readonly Lack[] = [
  {
    runtimes: BOTH,
    files: 'api/replaced',
    reason: 'the hooks by which a module is replaced are those of Node.js',
  },
  {
    runtimes: BOTH,
    files: 'api/elsewhere',
    tests: 'installing takes no compiler',
    reason: 'Node.js runs the scripts of npm, by which one installs',
  },
  {
    runtimes: BOTH,
    files: 'node/permission',
    reason: 'the flags that take rights away are those of Node.js',
  },
  {
    runtimes: BOTH,
    files: 'node/keep-alive',
    tests: 'who waits again at once',
    reason: 'the addon is not told when those have gone on whom a call from a thread has woken',
  },
  {
    runtimes: BOTH,
    files: 'node/nesting',
    tests: 'is refused when it is|A wait that cannot begin',
    reason: 'there is no event loop above the queue that would be too deep',
  },
  {
    runtimes: BOTH,
    files: 'node/nesting',
    tests: 'then reject it',
    reason: 'a wait is not rejected when the program closes the descriptors of the package',
  },
  {
    runtimes: BOTH,
    files: 'node/(hostile|injected-waits)',
    tests: 'queues that are there go on|of an iteration ends|that cannot be replaced',
    reason: 'the first wait of a queue opens an eventfd for the thread that waits',
  },
  {
    runtimes: ['bun'],
    files: 'node/signal',
    tests: '> 31 is counted',
    reason: 'Bun has a handler of SIGSYS that ends the process: EVFILT_SIGNAL of it is ENOSYS',
  },
  {
    runtimes: ['bun'],
    files: 'node/signal-(copies|listeners|storm|workers)',
    reason: 'process.off puts the default action there for a moment, which ends the process',
  },
  {
    runtimes: ['bun'],
    files: 'node/signal',
    tests: 'is a listener too',
    reason: 'any signal interrupts a blocking call while somebody listens to one',
  },
  {
    runtimes: ['bun'],
    files: 'node/signal',
    tests: 'is EINTR for a queue that does not watch|no more processes|descriptors are scarce',
    reason: 'they fail or do not end in some runs; why was not found',
  },
  {
    runtimes: ['bun'],
    files: 'node/own-numbers',
    reason: 'there is a descriptor more or less than before; whose it is was not found',
  },
  {
    runtimes: ['bun'],
    files: 'node/(aio|links|mounts|vnode-many)',
    tests: 'without a queue|are two a thread|that are terminated while they wait',
    reason:
      'descriptors are counted, and in some runs there is one more or less; whose was not found',
  },
  {
    runtimes: ['bun'],
    files: 'node/process-(conveniences|many)',
    tests: 'all told of once|Many processes|processTree > tells',
    reason: 'an exec of the shell itself is told of in some runs; why was not found',
  },
  {
    runtimes: BOTH,
    files: 'node/steady',
    tests: 'makes an object|compiled code',
    reason: 'objects and compiled code are counted by what Node.js prints of V8',
  },
  {
    runtimes: ['bun'],
    files: 'node/process-(many|trouble)',
    tests: 'NOTE_EXIT works|network of an ancestor|socket was full|, blocking|nobody looks',
    reason: 'what is written to a child goes there when the event loop turns, and the test blocks',
  },
  {
    runtimes: ['bun'],
    files: 'node/fork-storm',
    reason: 'times of process.hrtime in two processes are compared; it begins with each in Bun',
  },
  {
    runtimes: ['bun'],
    files: 'node/injected-namespaces',
    tests: 'is added|is removed',
    reason: 'descriptors are compared, and Bun closes those of a child some time after its end',
  },
  {
    runtimes: ['bun'],
    files: 'node/mounts',
    tests: 'Without /proc',
    reason: 'Bun itself ends with abort(3) where there is no /proc',
  },
  {
    runtimes: ['bun'],
    files: 'node/fork-world',
    tests: 'is what child_process says',
    reason: 'child_process of Bun says the same in another class of error',
  },
  {
    runtimes: ['deno'],
    files: 'node/(fork|fork-.*|injected-forks)',
    reason: 'Deno hands no descriptors to a child: fork is ENOSYS',
  },
  {
    runtimes: ['deno'],
    files: 'node/(signal|signal-.*|image|own-numbers|closed-descriptors)',
    reason: 'each begins with EVFILT_SIGNAL, which is ENOSYS in Deno',
  },
  {
    runtimes: ['deno'],
    files: 'node/(injected-failures|refusals)',
    tests: '[Ss]ignal|statx',
    reason: 'Deno ends the process some time after a signal: EVFILT_SIGNAL is ENOSYS',
  },
  {
    runtimes: ['deno'],
    files: 'scenarios/scenarios',
    tests: 'scenarios on Linux > Fork',
    reason: 'Deno hands no descriptors to a child: fork is ENOSYS',
  },
  {
    runtimes: ['deno'],
    files: 'scenarios/scenarios|node/except',
    tests: 'scenarios on Linux > .*(terminal|its two ends)|tells its master in packet mode',
    reason: 'stty is given a descriptor, which Deno does not hand on',
  },
  {
    runtimes: ['deno'],
    files: 'scenarios/scenarios',
    tests: 'scenarios on Linux > .*([Ss]ignal|SIGNAL)',
    reason: 'Deno ends the process some time after a signal: EVFILT_SIGNAL is ENOSYS',
  },
  {
    runtimes: ['deno'],
    files: 'node/(process|process-.*)',
    tests: 'that we did not start|by name or by number|announces each process|socket was full',
    reason: 'the other process is given a descriptor, which Deno does not hand on',
  },
  {
    runtimes: ['deno'],
    files: 'node/process-(conveniences|many)',
    tests: 'all told of once|processTree > tells',
    reason: 'an exec of the shell itself is told of in some runs; why was not found',
  },
  {
    runtimes: ['deno'],
    files: 'node/(process-many|process-trouble|vnode-trouble)',
    tests: 'ordinary user|Without the right to read',
    reason: 'Deno has no process.setgroups, by which one becomes an ordinary user',
  },
  {
    runtimes: ['deno'],
    files: 'node/descriptor',
    tests: 'closed behind its back',
    reason: 'node:fs of Deno does not close what Deno has not opened',
  },
  {
    runtimes: ['deno'],
    files: 'node/attributes',
    tests: 'An attribute|Pressure stall',
    reason: 'node:fs of Deno reads nothing that Deno has not opened',
  },
  {
    runtimes: ['deno'],
    files: 'node/(mounts|pseudo-files)',
    tests: 'Without /proc|make EMFILE|about bytes|process of its file has ended',
    reason: 'they do not pass there, and why was not found',
  },
  {
    runtimes: ['deno'],
    files: 'node/vnode-many',
    reason: 'it does not end, in a test of workers; why was not found',
  },
  {
    runtimes: ['deno'],
    files: 'node/(vnode|vnode-directory|vnode-trouble)',
    tests: 'fchown|fstat and its link|has lost its name|looking at it|had no name before',
    reason: 'node:fs of Deno answers EBADF for what Deno has not opened',
  },
  {
    runtimes: ['deno'],
    files: 'node/vnode-(events|trouble)',
    tests: 'by path, URL or|that was given is closed|loop is left|reason of a signal|closed unseen',
    reason: 'appendFileSync of Deno sets the mode of a file, which is told of as well',
  },
  {
    runtimes: ['deno'],
    files: 'node/(workers|idle-look)',
    tests: 'Terminating a worker|A hundred workers|again and again > can be terminated',
    reason: 'what a terminated worker has open Deno leaves there',
  },
  {
    runtimes: ['deno'],
    files: 'node/aio-trouble',
    tests: 'by io_uring: .*EFBIG',
    reason: 'Deno does not ignore SIGXFSZ, which ends the process',
  },
  {
    runtimes: ['deno'],
    files: 'api/tree-events',
    tests: 'on Linux > tells of names that come and go',
    reason: 'appendFileSync of Deno sets the mode of a new file, which is told of as well',
  },
  {
    runtimes: ['deno'],
    files: 'linux/trees',
    tests: 'where a character is to be a byte',
    reason: 'node:fs of Deno takes paths that are UTF-8',
  },
  {
    runtimes: ['deno'],
    files: 'linux/trees|node/(aio-trouble|empty|links|mounts)',
    tests: 'in a worker|keep a worker|a worker that|with a worker',
    reason: 'what a terminated worker has open Deno leaves there',
  },
]

const named = ({ files }: Lack, file: string): boolean => new RegExp(`^(${files})$`).test(file)

/** The files of tests, by their paths below `tests`, without the ending. */
export const filesOf = (tests: string): string[] =>
  FOLDERS.flatMap((folder) => readdirSync(join(tests, folder)).map((name) => `${folder}/${name}`))
    .filter((path) => path.endsWith('.test.js'))
    .map((path) => path.slice(0, -'.test.js'.length))

/** What a runtime does not run of a file; or why it runs nothing of it. */
export function lackingIn(runtime: Runtime, file: string): Lacking | string {
  const lacks = LACKS.filter((lack) => lack.runtimes.includes(runtime) && named(lack, file))
  const whole = lacks.find(({ tests }) => tests === undefined)
  return whole?.reason ?? lacks.map(({ tests, reason }) => [tests!, reason] as const)
}
