/**
 * `node:test` in little, for runtimes whose own knows less: suites, tests, hooks, and reasons to
 * skip. What a file has registered runs one after the other when `runAll` is called, and a line
 * of JSON is appended to a file as each begins and as it is over: who reads them knows where a
 * process has ended that did not come back.
 */
import { appendFileSync } from 'node:fs'

type Run = (t: Context) => unknown
interface Options {
  skip?: boolean | string
}
type Hooks = Record<'before' | 'beforeEach' | 'afterEach' | 'after', Run[]>

interface Suite {
  readonly kind: 'suite'
  readonly name: string
  readonly skip: boolean | string
  readonly hooks: Hooks
  readonly children: (Suite | Test)[]
}

interface Test {
  readonly kind: 'test'
  readonly name: string
  readonly skip: boolean | string
  readonly run: Run
}

/** What became of a test; `what` is why it failed or was skipped. */
export interface Result {
  readonly name: string
  readonly state: 'begins' | 'passes' | 'fails' | 'skips' | 'ends'
  readonly what: string
}

class Context {
  readonly signal = new AbortController().signal
  skipped: string | undefined

  constructor(readonly name: string) {}

  skip(reason = ''): void {
    this.skipped = reason
  }

  diagnostic(): void {}
}

const suite = (name: string, skip: boolean | string = false): Suite => ({
  kind: 'suite',
  name,
  skip,
  hooks: { before: [], beforeEach: [], afterEach: [], after: [] },
  children: [],
})

const root = suite('')
let current = root

function parts(given: readonly unknown[]): [string, Options, Run] {
  const name = given.find((each) => typeof each === 'string') ?? ''
  const options = given.find((each) => typeof each === 'object' && each !== null) ?? {}
  const run = given.find((each) => typeof each === 'function') ?? (() => {})
  return [name as string, options as Options, run as Run]
}

export function describe(...given: unknown[]): void {
  const [name, { skip }, run] = parts(given)
  const outer = current
  const made = suite(name, skip)
  outer.children.push(made)
  current = made
  try {
    if (!skip) run(new Context(name))
  } finally {
    current = outer
  }
}

export function it(...given: unknown[]): void {
  const [name, { skip = false }, run] = parts(given)
  current.children.push({ kind: 'test', name, skip, run })
}

export const test = it
export const before = (run: Run): unknown => current.hooks.before.push(run)
export const after = (run: Run): unknown => current.hooks.after.push(run)
export const beforeEach = (run: Run): unknown => current.hooks.beforeEach.push(run)
export const afterEach = (run: Run): unknown => current.hooks.afterEach.push(run)

/** Tests that are not run here: what their names match, and why. */
export type Lacking = readonly (readonly [pattern: string, reason: string])[]

class Runner {
  constructor(
    readonly results: string,
    readonly lacking: Lacking,
  ) {}

  tell(name: string, state: Result['state'], what = ''): void {
    appendFileSync(this.results, `${JSON.stringify({ name, state, what })}\n`)
  }

  async suite(made: Suite, outer: readonly Suite[], path: string): Promise<void> {
    const within = [...outer, made]
    const done = await this.hooks(`${path}before`, made.hooks.before)
    for (const each of done ? made.children : []) {
      const name = path + each.name
      if (each.skip) this.tell(name, 'skips', String(each.skip))
      else if (each.kind === 'suite') await this.suite(each, within, `${name} > `)
      else await this.test(each, within, name)
    }
    await this.hooks(`${path}after`, made.hooks.after)
  }

  /** A hook that fails is told of as a test. */
  async hooks(name: string, hooks: readonly Run[]): Promise<boolean> {
    try {
      for (const hook of hooks) await hook(new Context(name))
      return true
    } catch (error) {
      this.tell(name, 'fails', textOf(error))
      return false
    }
  }

  async test({ run }: Test, within: readonly Suite[], name: string): Promise<void> {
    const lack = this.lacking.find(([pattern]) => new RegExp(pattern).test(name))
    if (lack !== undefined) {
      this.tell(name, 'skips', lack[1])
      return
    }
    this.tell(name, 'begins')
    const context = new Context(name)
    let failure: string | undefined
    try {
      for (const { hooks } of within) for (const hook of hooks.beforeEach) await hook(context)
      await run(context)
    } catch (error) {
      failure = textOf(error)
    }
    try {
      for (const { hooks } of [...within].reverse()) {
        for (const hook of hooks.afterEach) await hook(context)
      }
    } catch (error) {
      failure ??= textOf(error)
    }
    if (failure !== undefined) this.tell(name, 'fails', failure)
    else if (context.skipped !== undefined) this.tell(name, 'skips', context.skipped)
    else this.tell(name, 'passes')
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** Runs what has been registered; `results` is the path of the file of results. */
export async function runAll(results: string, lacking: Lacking): Promise<void> {
  const runner = new Runner(results, lacking)
  // Before a module of tests is run, a runtime may have errors of its own to tell.
  process.on('uncaughtException', (error) => {
    runner.tell('uncaught', 'fails', textOf(error))
    process.exit(1)
  })
  await runner.suite(root, [], '')
  runner.tell('', 'ends')
}
