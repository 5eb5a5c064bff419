/**
 * `examples/watch-tree.mjs` keeps up with git: after checkouts of branches with some
 * thousand files each, what it has told is what is there.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, test } from 'node:test'
import { ROOT } from './program.js'

const top = fs.mkdtempSync(join(tmpdir(), 'kqueue-git-'))
after(() => fs.rmSync(top, { recursive: true, force: true }))

// Nothing is to outlast the test, so nothing need reach the disk.
const SETTINGS = [
  '-c',
  'user.name=nobody',
  '-c',
  'user.email=nobody@localhost',
  '-c',
  'gc.auto=0',
  '-c',
  'core.fsync=none',
]
const git = (...args: string[]): string[] => ['-C', top, ...SETTINGS, ...args]
const hasGit = spawnSync('git', ['--version']).status === 0

function run(...args: string[]): void {
  const { status, stderr } = spawnSync('git', git(...args), {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  assert.equal(status, 0, stderr)
}

/** Writes `count` files in directories three deep; `salt` is in some names and contents. */
function write(count: number, salt: string): void {
  for (let i = 0; i < count; i++) {
    const own = i % 3 === 0 ? salt : 'both'
    const directory = join(top, `${own}${i % 7}`, `${i % 11}`, `${salt}${i % 5}`)
    fs.mkdirSync(directory, { recursive: true })
    fs.writeFileSync(join(directory, `file${i % 2 ? '' : salt}${i}`), `${salt} ${i}\n`)
  }
}

function repository(): void {
  run('init', '-q', '-b', 'first')
  for (const [branch, count] of [
    ['first', 3000],
    ['second', 4000],
  ] as const) {
    if (branch !== 'first') run('checkout', '-q', '--orphan', branch)
    for (const name of fs.readdirSync(top)) {
      if (name !== '.git') fs.rmSync(join(top, name), { recursive: true })
    }
    write(count, branch)
    run('add', '-A')
    run('commit', '-q', '-m', branch)
  }
}

/** Everything below the top. */
function real(): Set<string> {
  return new Set(fs.readdirSync(top, { recursive: true }) as string[])
}

function same(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((path) => other.has(path))
}

describe('watch-tree.mjs', { skip: !hasGit && 'git is not installed', timeout: 300_000 }, () => {
  test('has the picture of the tree after git checkout', async (t) => {
    repository()
    const child = spawn(process.execPath, [join(ROOT, 'examples/watch-tree.mjs'), top], {
      stdio: ['ignore', 'pipe', 'inherit'],
      signal: t.signal,
      killSignal: 'SIGKILL',
    })
    // Aborting is told to the loop below as the end of the lines.
    child.on('error', () => {})
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      const next = async (): Promise<string> => {
        const { value, done } = await lines.next()
        assert.ok(!done, 'it goes on')
        return value
      }
      assert.match(await next(), /^watching \d+ files/)
      const picture = real()
      let marked = ''
      const told = async (): Promise<void> => {
        const line = await next()
        const path = line.slice(2)
        if (line[0] === '-') assert.ok(picture.delete(path), `${path} was there`)
        if (line[0] === '+') {
          assert.ok(!picture.has(path), `${path} is new`)
          picture.add(path)
        }
        if (path === marked) marked = ''
      }
      for (const branch of ['first', 'second', 'first', 'second']) {
        const checkout = spawn('git', git('checkout', '-q', branch), {
          stdio: 'inherit',
          signal: t.signal,
        })
        const [status] = await once(checkout, 'exit')
        assert.equal(status, 0)
        marked = `done-${branch}-${Math.random()}`
        fs.writeFileSync(join(top, marked), '')
        const expected = real()
        while (marked !== '' || !same(picture, expected)) await told()
      }
      // What is new is watched as well.
      const some = [...picture].find((path) => path.endsWith('/file3999'))
      assert.ok(some)
      fs.appendFileSync(join(top, some), 'x')
      while ((await next()) !== `~ ${some}`);
    } finally {
      if (child.kill('SIGKILL')) await once(child, 'exit')
    }
  })
})
