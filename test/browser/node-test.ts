/**
 * `node:test` for a browser, as far as the tests use it: what `describe` and `it` declare
 * while a module is imported is kept, and `run` runs it.
 */

// What tests may wait for. The modules of the package are checked not to use it.
Object.assign(globalThis, { setImmediate: (call: () => void) => setTimeout(call, 0) })

interface Options {
  skip?: boolean | string
}

interface Context {
  name: string
  diagnostic(message: string): void
}

type Body = (t: Context) => unknown
type Hook = () => unknown

/** How one test ended; `error` of one that failed, `skipped` with the reason. */
export interface Result {
  readonly name: string
  readonly error?: string
  readonly skipped?: string
}

class Suite {
  readonly before: Hook[] = []
  readonly after: Hook[] = []
  readonly beforeEach: Hook[] = []
  readonly afterEach: Hook[] = []
  readonly parts: (Suite | Test)[] = []

  constructor(
    readonly name: string,
    readonly options: Options,
    readonly parent: Suite | null,
  ) {}

  get path(): string {
    return this.parent === null ? '' : `${this.parent.path}${this.name} > `
  }

  /** What this suite and those around it do for each test. */
  each(when: 'beforeEach' | 'afterEach'): Hook[] {
    const outer = this.parent?.each(when) ?? []
    return when === 'beforeEach' ? [...outer, ...this[when]] : [...this[when], ...outer]
  }
}

interface Test {
  readonly name: string
  readonly options: Options
  readonly body: Body
}

let current = new Suite('', {}, null)

function declared<B>(given: [Options, B] | [B]): [Options, B] {
  return given.length === 1 ? [{}, given[0]] : given
}

export function describe(name: string, ...given: [Options, () => void] | [() => void]): void {
  const [options, body] = declared(given)
  const suite = new Suite(name, options, current)
  current.parts.push(suite)
  current = suite
  try {
    body()
  } finally {
    current = suite.parent!
  }
}

export function it(name: string, ...given: [Options, Body] | [Body]): void {
  const [options, body] = declared(given)
  current.parts.push({ name, options, body })
}

export { describe as suite, it as test }

export function before(hook: Hook): void {
  current.before.push(hook)
}

export function after(hook: Hook): void {
  current.after.push(hook)
}

export function beforeEach(hook: Hook): void {
  current.beforeEach.push(hook)
}

export function afterEach(hook: Hook): void {
  current.afterEach.push(hook)
}

/** Runs what was declared since the last time, in order. */
export async function run(): Promise<Result[]> {
  const results: Result[] = []
  const suite = current
  current = new Suite('', {}, null)
  await runSuite(suite, results)
  return results
}

async function runSuite(suite: Suite, results: Result[]): Promise<void> {
  if (suite.options.skip) {
    results.push({ name: suite.path, skipped: String(suite.options.skip) })
    return
  }
  try {
    for (const hook of suite.before) await hook()
    for (const part of suite.parts) {
      if (part instanceof Suite) await runSuite(part, results)
      else results.push(await runTest(suite, part))
    }
    for (const hook of suite.after) await hook()
  } catch (error) {
    results.push({ name: `${suite.path}hooks`, error: text(error) })
  }
}

async function runTest(suite: Suite, { name: own, options, body }: Test): Promise<Result> {
  const name = suite.path + own
  if (options.skip) return { name, skipped: String(options.skip) }
  try {
    for (const hook of suite.each('beforeEach')) await hook()
    await body({ name, diagnostic: () => {} })
    for (const hook of suite.each('afterEach')) await hook()
    return { name }
  } catch (error) {
    return { name, error: text(error) }
  }
}

function text(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
