/** `kq run` in a repository: what git ignores is left out. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { after, describe, test } from 'node:test'
import { GitIgnore, type Rules } from '#cli/run/gitignore.js'
import { Directory } from './command.js'
import { call, has, plant, Runs } from './running.js'

const directory = new Directory()
after(() => directory.remove())
const skip = !(await has('git'))

/** Where no settings of this user are found. */
const home = directory.join('home')
fs.mkdirSync(home)
const env = { HOME: home, XDG_CONFIG_HOME: `${home}/config`, GIT_CONFIG_NOSYSTEM: '1' }

let made = 0

async function repository(files: Record<string, string>): Promise<string> {
  const top = plant(directory, `repository${made++}`, files)
  await call('git', ['init', '-q', top])
  return top
}

function put(path: string): void {
  fs.mkdirSync(dirname(path), { recursive: true })
  fs.appendFileSync(path, 'x')
}

/** Writes all: those that are run for. */
async function changed(
  top: string,
  files: string[],
  options: string[] = [],
  paths = [top],
): Promise<string[]> {
  const kq = new Runs(paths, ['true'], ['-p', ...options], { env })
  await kq.watching
  for (const file of files) put(`${top}/${file}`)
  const ran = await kq.ran()
  await kq.end()
  return ran.map((path) => path.slice(top.length + 1)).sort()
}

describe('in a repository', { concurrency: 2, skip }, () => {
  test('.gitignore is obeyed, that of a directory below before that above', async () => {
    const top = await repository({
      '.gitignore': '*.o\n/build\nlogs/\n',
      'src/.gitignore': '!keep.o\nbuild\n',
      'src/deep/a.o': '',
    })
    const files = ['a.c', 'a.o', 'build/x', 'logs/x', 'src/build/x', 'src/keep.o', 'src/deep/b.o']
    const more = ['src/deep/keep.o', 'deep/build/x']
    assert.deepEqual(await changed(top, [...files, ...more]), [
      'a.c',
      'deep/build/x',
      'src/deep/keep.o',
      'src/keep.o',
    ])
  })

  test('so are info/exclude, and the file of the user', async () => {
    const top = await repository({})
    fs.appendFileSync(`${top}/.git/info/exclude`, 'excluded\n')
    fs.mkdirSync(`${home}/config/git`, { recursive: true })
    fs.writeFileSync(`${home}/config/git/ignore`, '*.own\n')
    const files = ['excluded', 'a.own', 'a.configured', 'z']
    assert.deepEqual(await changed(top, files), ['a.configured', 'z'])
    fs.writeFileSync(`${home}/.gitconfig`, '[core]\n  excludesFile = ~/patterns\n')
    fs.writeFileSync(`${home}/patterns`, '*.configured\n')
    assert.deepEqual(await changed(top, files), ['a.own', 'z'])
    fs.rmSync(`${home}/.gitconfig`)
  })

  test('also where a directory of it is named, or a pattern', async () => {
    const top = await repository({ '.gitignore': '*.o\n', 'src/a.c': '' })
    const files = ['src/a.c', 'src/a.o']
    assert.deepEqual(await changed(top, files, [], [`${top}/src`]), ['src/a.c'])
    assert.deepEqual(await changed(top, files, [], [`${top}/src/*`]), ['src/a.c'])
  })

  test('not with --no-gitignore; with --no-ignore nothing is left out', async () => {
    const top = await repository({ '.gitignore': '*.o\n' })
    assert.deepEqual(await changed(top, ['a.o', 'a~'], ['--no-gitignore']), ['a.o'])
    assert.deepEqual(await changed(top, ['a.o', 'a~'], ['--no-ignore']), ['a.o', 'a~'])
  })

  test('what is named counts, and what is in it', async () => {
    const top = await repository({ '.gitignore': 'out\n*.o\n', 'out/.gitignore': '*.tmp\n' })
    put(`${top}/a.o`)
    const paths = [`${top}/a.o`, `${top}/out`]
    const files = ['a.o', 'b.o', 'out/c.o', 'out/c.tmp', 'out/d/e']
    assert.deepEqual(await changed(top, files, [], paths), ['a.o', 'out/c.o', 'out/d/e'])
  })

  test('a repository within has rules of its own', async () => {
    const top = await repository({ '.gitignore': '*.o\n', 'inner/.gitignore': '*.c\n' })
    await call('git', ['init', '-q', `${top}/inner`])
    assert.deepEqual(await changed(top, ['a.c', 'a.o', 'inner/a.c', 'inner/a.o']), [
      'a.c',
      'inner/a.o',
    ])
  })

  test('a worktree has the exclude of its repository', async () => {
    const top = await repository({ a: '' })
    fs.appendFileSync(`${top}/.git/info/exclude`, 'excluded\n')
    const who = ['-c', 'user.name=x', '-c', 'user.email=x@example.org']
    await call('git', [...who, 'commit', '-q', '--allow-empty', '-m', 'one'], top)
    const tree = directory.join('worktree')
    await call('git', ['worktree', 'add', '-q', tree], top)
    assert.deepEqual(await changed(tree, ['excluded', 'z']), ['z'])
  })

  test('what is ignored may change meanwhile', async () => {
    const top = await repository({ '.gitignore': 'a\n', a: '', b: '', 'sub/z': '' })
    const kq = new Runs([top], ['true'], ['-p'], { env })
    await kq.watching
    put(`${top}/a`)
    await kq.calm(`${top}/b`)
    fs.writeFileSync(`${top}/.gitignore`, 'b\n')
    assert.deepEqual(await kq.ran(), [`${top}/.gitignore`])
    put(`${top}/b`)
    await kq.calm(`${top}/a`)
    fs.writeFileSync(`${top}/sub/.gitignore`, 'z\nnew/\n')
    assert.deepEqual(await kq.ran(), [`${top}/sub/.gitignore`])
    put(`${top}/sub/z`)
    put(`${top}/sub/new/y`)
    await kq.calm(`${top}/a`)
    fs.rmSync(`${top}/sub/.gitignore`)
    assert.deepEqual(await kq.ran(), [`${top}/sub/.gitignore`])
    await kq.calm(`${top}/sub/new/y`)
    await kq.end()
  })

  test('also above what is watched, where the change itself is none', async () => {
    const top = await repository({ 'src/a': '', 'src/b': '' })
    const kq = new Runs([`${top}/src`], ['true'], ['-p'], { env })
    await kq.watching
    fs.writeFileSync(`${top}/.gitignore`, 'a\n')
    await kq.calm(`${top}/src/b`)
    put(`${top}/src/a`)
    await kq.calm(`${top}/src/b`)
    fs.appendFileSync(`${top}/.git/info/exclude`, 'c\n')
    await kq.calm(`${top}/src/b`)
    put(`${top}/src/c`)
    await kq.calm(`${top}/src/b`)
    await kq.end()
  })
})

test('elsewhere .gitignore says nothing', async () => {
  const top = plant(directory, 'plain', { '.gitignore': '*.o\n' })
  assert.deepEqual(await changed(top, ['a.o', 'a.c']), ['a.c', 'a.o'])
})

describe('what is ignored is what git says', { skip }, () => {
  const NAMES = [
    'a',
    'b',
    'foo',
    'foo.o',
    'bar.ts',
    'x y',
    '[z]',
    'build',
    '#h',
    '!n',
    'e ',
    'Foo',
    'q*',
    'ä',
  ]
  const PATTERNS = [
    ...['a', 'b/', '/foo', '*.o', '!*.o', '!foo.o', 'build/', '!build/', '**/a', 'a/**', 'a/*'],
    ...['!a/b', 'foo/bar.ts', '/a/b', '\\#h', '\\!n', '#c', 'e\\ ', 'e  ', '[ab]', '[!a]', 'f?o'],
    ...['*', '!*/', '!bar.ts', 'x\\ y', 'x y/', '\\[z\\]', 'q\\*', '/', '', 'foo/**/bar.ts', 'ä'],
    ...['foo\\', '[[:alpha:]]', 'a/b/', '!/a/', '**/foo/bar.ts', 'a/**/b', '\ufeffa'],
  ]

  test('of random names and patterns', async () => {
    const { default: fc } = await import('fast-check')
    const path = fc
      .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 })
      .map((names) => names.join('/'))
    const content = fc
      .tuple(fc.array(fc.constantFrom(...PATTERNS), { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([lines, crlf]) => lines.join(crlf ? '\r\n' : '\n'))
    const input = fc.record({
      files: fc.array(path, { maxLength: 25 }),
      ignores: fc.array(fc.tuple(fc.option(path), content), { minLength: 1, maxLength: 5 }),
      exclude: content,
      own: content,
    })
    fc.assert(
      fc.property(input, (given) => {
        const top = directory.join(`random${made++}`)
        arrange(top, given)
        assert.deepEqual(ignoredByRules(top), ignoredByGit(top))
        fs.rmSync(top, { recursive: true })
      }),
      { numRuns: 60 },
    )
  })

  interface Given {
    files: string[]
    ignores: [string | null, string][]
    exclude: string
    own: string
  }

  function arrange(top: string, { files, ignores, exclude, own }: Given): void {
    spawnSync('git', ['init', '-q', top], { env: { ...process.env, ...env } })
    const write = (path: string, content: string): void => {
      try {
        fs.mkdirSync(dirname(path), { recursive: true })
        fs.writeFileSync(path, content)
      } catch {
        // There is another with that name.
      }
    }
    for (const file of files) write(`${top}/${file}`, '')
    for (const [at, content] of ignores) write(`${top}/${at ? `${at}/` : ''}.gitignore`, content)
    write(`${top}/.git/info/exclude`, exclude)
    write(`${top}/.own`, own)
    spawnSync('git', ['-C', top, 'config', 'core.excludesFile', `${top}/.own`])
  }

  /** In a walk that enters only what is not ignored. */
  function ignoredByRules(top: string): string[] {
    const git = new GitIgnore()
    const found: string[] = []
    const walk = (at: string, rules: Rules): void => {
      for (const entry of fs.readdirSync(Buffer.from(at, 'latin1'), ENTRIES)) {
        const path = `${at}/${entry.name}`
        if (entry.name === '.git') continue
        const isDirectory = entry.isDirectory()
        if (rules.ignores(path, isDirectory)) found.push(path)
        else if (isDirectory) walk(path, git.below(rules, path)!)
      }
    }
    walk(top, git.at(top)!)
    return found.sort()
  }

  const ENTRIES = { withFileTypes: true, encoding: 'latin1' } as const

  function ignoredByGit(top: string): string[] {
    const all: string[] = []
    const walk = (at: string): void => {
      for (const entry of fs.readdirSync(Buffer.from(`${top}/${at}`, 'latin1'), ENTRIES)) {
        if (entry.name === '.git') continue
        all.push(at + entry.name)
        if (entry.isDirectory()) walk(`${at}${entry.name}/`)
      }
    }
    walk('')
    const { stdout } = spawnSync('git', ['check-ignore', '-z', '--stdin', '--no-index'], {
      cwd: top,
      input: Buffer.from(all.join('\0'), 'latin1'),
      encoding: 'latin1',
    })
    const ignored = new Set(stdout.split('\0').filter(Boolean))
    const above = (path: string) =>
      path.split('/').map((_, i, names) => names.slice(0, i).join('/'))
    return [...ignored]
      .filter((path) => !above(path).some((each) => ignored.has(each)))
      .map((path) => `${top}/${path}`)
      .sort()
  }
})
