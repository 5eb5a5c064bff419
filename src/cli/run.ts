/**
 * `kq run`: runs a command again whenever a path changes. `run/` has the parts.
 */
import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { kqueue, userEvent } from '../index.js'
import { textOf } from './bytes.js'
import type { Command, World } from './command.js'
import { complain } from './errors.js'
import { isForeground } from './foreground.js'
import { Changes } from './run/changes.js'
import { Filter } from './run/filter.js'
import { GitIgnore } from './run/gitignore.js'
import { readPaths } from './run/input.js'
import { type Ending, Job, type JobOptions, statusOf } from './run/job.js'
import { isKey, Keys } from './run/keys.js'
import { Loop } from './run/loop.js'
import { OPTIONS, parseRun, type RunRequest } from './run/options.js'
import { absolute, assertWatchable, givenAs } from './run/paths.js'
import type { Given } from './run/places.js'
import { type Report, reportFor } from './run/report.js'
import { Tree } from './run/tree.js'

/** How often a program that is being written is tried, and how long to wait in between, ms. */
const MOST_TRIES = 50
const BETWEEN_TRIES = 20

/**
 * What changes so soon after a command has begun that is to be restarted is likely to be its own
 * work, and later that of somebody who works on it: ms.
 */
const STARTING = 500

/** What is moved away may be told of so much later, since it may come somewhere else: ms. */
const LATE = 10

/** The word of a command that stands for the first path that has changed. */
const PATH_WORD = '/_'

export const run: Command<RunRequest> = {
  name: 'run',
  synopsis: '[OPTION...] PATH... -- COMMAND [WORD...]',
  summary: 'run a command again whenever a path changes',
  about: [
    'Runs the command, and runs it again whenever one of the files, or something in one of the directories, has changed. What changes while it runs is one more run when it has ended; with --restart it is ended at once.',
    "A PATH in quotes may be a pattern, as 'src/**/*.ts'; - stands for the lines of standard input. What git ignores is left out.",
    'On a terminal, the space bar runs the command again and q quits, while no command has the terminal.',
    'The first word /_ of the command stands for the path that has changed first, which is also in its environment as KQ_PATH.',
  ],
  options: OPTIONS,
  examples: [
    { text: 'Test on each save:', line: 'kq run -c src test -- npm test' },
    {
      text: 'A server that is started again, with its children:',
      line: 'kq run -r -e js,json . -- node server.js',
    },
    { text: 'The file that was saved:', line: 'kq run -p queries -- psql -f /_' },
    { text: 'What git knows:', line: 'git ls-files -z | kq run -0 -- make' },
    { text: 'A line for the shell:', line: "kq run -s src -- 'make 2>&1 | tail'" },
  ],
  status: [
    ['0', 'q was pressed, or nobody reads its lines any more'],
    ['1', 'a path cannot be watched'],
    ['2', 'bad usage'],
    ['130, 131', 'interrupted, quit'],
    ['143', 'terminated; hung up, kq dies of SIGHUP, which a shell shows as 129'],
    [
      'others',
      'with --once that of the command, 128 and its number for a signal; 126 and 127 when it cannot be executed or is not found',
    ],
  ],

  read: parseRun,
  run: async (request, world) => new Runs(request, world, await givenBy(request, world)).run(),
}

/** What is to be watched. @throws (rejects with) SourceError */
async function givenBy({ paths, input }: RunRequest, { signal }: World): Promise<Given[]> {
  const more = input === undefined ? [] : await readPaths(input, signal)
  return [
    ...paths.map(givenAs),
    ...more.map((path) => ({ path: absolute(path), word: textOf(path) })),
  ]
}

class Runs {
  readonly #request: RunRequest
  readonly #world: World
  readonly #report: Report
  readonly #changes: Changes
  readonly #queue = kqueue()
  /** Something has happened. */
  readonly #news = userEvent(this.#queue, 1)
  readonly #tree: Tree
  /** Paths that are not there yet, and of which that was not said. */
  readonly #missing: string[]
  /** The path that was named first. */
  readonly #first: string
  readonly #keys: Keys | undefined
  readonly #loop = new Loop()
  /** When the last run began: ms. */
  #began = 0
  /** When it had ended, something had changed. */
  #isInside = false
  /** The run that began last. */
  #job: Job | undefined
  /** Its end has not been told. */
  #running = false
  #count = 0

  /** @throws SourceError */
  constructor(request: RunRequest, world: World, given: readonly Given[]) {
    this.#request = request
    this.#world = world
    this.#report = reportFor(request, world.output)
    world.interruption.heed(['SIGQUIT'])
    const wake = () => this.#news.trigger()
    this.#changes = new Changes(request.delay, wake)
    this.#first = textOf(given[0]!.path)
    this.#missing = assertWatchable(given)
    const git = request.gitignore ? new GitIgnore() : undefined
    this.#keys = Keys.open(this.#queue)
    this.#tree = new Tree(given, { filter: new Filter(request), git }, this.#changes, wake)
  }

  async run(): Promise<number> {
    const { signal, output } = this.#world
    const leaveReader = this.#request.json ? output.watchReader() : () => {}
    const close = () => this.#tree.close()
    signal.addEventListener('abort', close)
    try {
      await this.#tree.begin()
      signal.throwIfAborted()
      this.#complain()
      await this.#report.watching(this.#tree.size())
      return await this.#repeat()
    } finally {
      leaveReader()
      signal.removeEventListener('abort', close)
      this.#running = false
      this.#keys?.close()
      await this.#tree.close()
      this.#queue.close()
      await this.#stopForGood()
    }
  }

  async #repeat(): Promise<number> {
    const { signal } = this.#world
    this.#changes.clear()
    if (!this.#request.postpone) await this.#start()
    for (;;) {
      if (!this.#running || this.#request.restart) this.#keys?.listen()
      const [event] = await this.#queue.wait({ nevents: 1, timeout: this.#left(), signal })
      const key = isKey(event) ? this.#keys?.pressed() : undefined
      if (key === 'quit') return 0
      this.#tree.assertWatching()
      this.#complain()
      const ending = await this.#tellEnd()
      if (ending !== undefined && this.#request.once) return statusOf(ending)
      if (key === 'again' || this.#left() === 0) await this.#start()
    }
  }

  /** ms until the command is to be run, undefined as long as nothing calls for that. */
  #left(): number | undefined {
    if (this.#running && !this.#request.restart) return undefined
    return this.#changes.due(performance.now())
  }

  #complain(): void {
    const [absent, ...absents] = this.#missing.splice(0)
    if (absent !== undefined) {
      complain(`not there yet, and waited for: ${absent}${andMore(absents)}`)
    }
    const [first, ...others] = this.#tree.refused()
    if (first !== undefined) complain(`not watched: ${first}${andMore(others)}`)
  }

  /** Tells of the end of the run, if it has come. */
  async #tellEnd(): Promise<Ending | undefined> {
    const job = this.#job
    if (!this.#running || job?.ending === undefined) return undefined
    this.#running = false
    if (this.#request.noQueue) await delay(LATE)
    await this.#tree.settle()
    if (this.#request.noQueue) this.#changes.clear()
    this.#isInside = !this.#changes.empty
    await this.#report.ended(this.#count, job, job.ending)
    return job.ending
  }

  async #start(): Promise<void> {
    const { restart, json } = this.#request
    if (restart) await this.#stop()
    // What has happened until now is what this run will see.
    await this.#tree.settle()
    this.#world.signal.throwIfAborted()
    const inside = restart ? this.#changes.since <= this.#began + STARTING : this.#isInside
    const paths = this.#changes.take()
    this.#warn(this.#loop.next(paths, inside))
    if (!restart) this.#keys?.rest()
    this.#report.beginning()
    const deaf = this.#request.input !== undefined
    const options = { env: environment(paths), apart: restart, deaf, aside: json }
    const job = await begin(this.#words(paths), options, this.#world.signal)
    this.#job = job
    this.#began = performance.now()
    this.#running = true
    job.ended.then(() => {
      if (this.#running && this.#job === job) this.#news.trigger()
    })
    await this.#report.started(++this.#count, job, paths)
  }

  /** @param path what the command seems to write itself */
  #warn(path: string | undefined): void {
    if (path === undefined) return
    complain(
      `the last runs were each for what changed while the command ran, as ${path}; if it writes that itself, leave it out by --ignore, or use --no-queue`,
    )
  }

  #words([first = resolve(this.#first)]: readonly string[]): string[] {
    const { shell, command } = this.#request
    if (shell) return ['/bin/sh', '-c', command.join(' ')]
    const words = [...command]
    const at = words.indexOf(PATH_WORD)
    if (at !== -1) words[at] = first
    return words
  }

  /** Ends the command, and what an ended one has left in its session, to start it again. */
  async #stop(): Promise<void> {
    const { signal, stopTimeout } = this.#request
    await this.#job?.stop(signal, stopTimeout, this.#world.interruption.hurry)
    await this.#tellEnd()
    this.#world.signal.throwIfAborted()
  }

  async #stopForGood(): Promise<void> {
    const job = this.#job
    if (job === undefined) return
    const { interruption } = this.#world
    // The terminal has sent it to the command as well, which may want to go on.
    if (interruption.isKey && !this.#request.restart && isForeground()) {
      await Promise.race([job.ended, abortOf(interruption.insisted)])
    }
    await job.stop(interruption.name, this.#request.stopTimeout, interruption.hurry)
  }
}

function andMore(others: readonly unknown[]): string {
  return others.length > 0 ? `, and ${others.length} more` : ''
}

function abortOf(signal: AbortSignal): Promise<unknown> {
  return signal.aborted ? Promise.resolve() : once(signal, 'abort')
}

/** What the command gets. */
function environment([first]: readonly string[]): NodeJS.ProcessEnv {
  const { KQ_PATH: _other, ...env } = process.env
  return first === undefined ? env : { ...env, KQ_PATH: first }
}

/** Who writes a program may still have it open, and then it cannot be executed. */
async function begin(words: string[], options: JobOptions, over: AbortSignal): Promise<Job> {
  for (let tries = MOST_TRIES; ; tries--) {
    const job = new Job(words, options)
    if (!job.busy || tries === 0) return job
    await delay(BETWEEN_TRIES, undefined, { signal: over }).catch(() => over.throwIfAborted())
  }
}
