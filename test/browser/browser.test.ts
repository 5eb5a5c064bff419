/**
 * `kqueue/core` and `kqueue/sim` in headless Chromium: their own tests, the model and the
 * scenarios on the simulated kernel. `KQUEUE_CHROMIUM` names another executable than
 * /usr/bin/chromium. Tests that need what only Node.js has are left out, by name.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { join, relative } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'
import ts from 'typescript'
import { importsOf, lacking, root, serve } from './modules.js'
import type { Result } from './node-test.js'

const executable = process.env.KQUEUE_CHROMIUM ?? '/usr/bin/chromium'
const skip = existsSync(executable) ? false : `there is no Chromium at ${executable}`
/** ms for the tests of one file. */
const PATIENCE = 180_000

const compiled = join(root, 'build/test')

/** The compiled files of a directory whose names end like this. */
function files(directory: string, ending: string): string[] {
  const names = readdirSync(directory, { recursive: true }).map(String)
  return names.filter((name) => name.endsWith(ending)).map((name) => join(directory, name))
}

const tests = ['core', 'sim', 'model'].flatMap((name) => files(join(compiled, name), '.test.js'))
const able = tests.filter((file) => lacking(file).length === 0)
const leftOut = tests
  .filter((file) => !able.includes(file))
  .map((file) => `${relative(compiled, file)} (imports ${lacking(file).join(', ')})`)

/** The chapters are what the suite imports for nothing but their scenarios. */
const suite = join(compiled, 'scenarios/scenarios.test.js')
const chapters = [...readFileSync(suite, 'utf8').matchAll(/^import '(.*)';?$/gm)].map(([, path]) =>
  join(compiled, 'scenarios', path!),
)

describe('in Chromium', { skip }, () => {
  let browser: Browser
  /** One for all pages: what it has loaded and compiled it keeps for the next. */
  let context: BrowserContext
  let server: Server
  let url: string

  before(async () => {
    const served = await serve()
    server = served.server
    url = served.url
    browser = await chromium.launch({
      executablePath: executable,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
      ],
    })
    context = await browser.newContext()
  })

  after(async () => {
    await browser?.close()
    server?.close()
  })

  /** Imports modules one after the other in a fresh page, and runs what they declare. */
  async function runInPage(...modules: string[]): Promise<Result[]> {
    const trouble: string[] = []
    const page = await context.newPage()
    page.on('pageerror', (error) => trouble.push(error.message))
    page.on('requestfailed', (request) => trouble.push(`not served: ${request.url()}`))
    await page.goto(url)
    const paths = modules.map((path) => `/${relative(root, path)}`)
    const script = `(async () => {
      for (const path of ${JSON.stringify(paths)}) await import(path)
      return (await import('node:test')).run()
    })()`
    const results = await page.evaluate<Result[]>(script)
    await page.close()
    return [...results, ...trouble.map((error) => ({ name: 'the page', error }))]
  }

  function assertPassed(results: readonly Result[]): string {
    const failed = results.filter(({ error }) => error !== undefined)
    const texts = failed.map(({ name, error }) => `${name}\n${error}`)
    assert.deepEqual(texts, [])
    const skipped = results.filter(({ skipped }) => skipped !== undefined)
    const passed = results.length - skipped.length
    assert.ok(passed > 0, 'there are tests')
    return `${passed} tests passed${skipped.map(({ name }) => `, skipped: ${name}`).join('')}`
  }

  for (const file of able) {
    it(`${relative(compiled, file)} passes`, { timeout: PATIENCE }, async (t) => {
      t.diagnostic(assertPassed(await runInPage(file)))
    })
  }

  it('the scenarios on the simulated kernel pass', { timeout: PATIENCE }, async (t) => {
    assert.ok(chapters.length > 20)
    t.diagnostic(assertPassed(await runInPage(...chapters, join(compiled, 'browser/scenarios.js'))))
  })

  it('a test that fails is seen', async () => {
    const [failed] = await runInPage(join(compiled, 'browser/failing.js'))
    assert.match(failed?.error ?? '', /1 is not 2/)
  })

  it('what is left out needs Node.js', (t) => {
    t.diagnostic(leftOut.length === 0 ? 'nothing is left out' : `left out: ${leftOut.join('; ')}`)
    assert.ok(able.length > leftOut.length)
  })
})

describe('the modules for browsers', () => {
  it('import nothing but each other', () => {
    for (const name of ['core', 'sim']) {
      assert.deepEqual(lacking(join(root, 'dist', name, 'index.js')), [])
      for (const file of files(join(root, 'dist', name), '.js')) {
        const foreign = importsOf(file).filter((specifier) => !specifier.startsWith('.'))
        assert.deepEqual(foreign, [], relative(root, file))
      }
    }
  })

  // Compiled with the globals of the language and no others: no process, no Buffer, and
  // nothing of browsers either.
  it('use nothing but the language', () => {
    const sources = ['core', 'sim'].map((name) => join(root, 'src', name, 'index.ts'))
    const program = ts.createProgram(sources, {
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      noEmit: true,
      types: [],
    })
    const complaints = ts.getPreEmitDiagnostics(program)
    const texts = complaints.map(({ file, messageText }) => {
      return `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    })
    assert.deepEqual(texts, [])
  })
})
