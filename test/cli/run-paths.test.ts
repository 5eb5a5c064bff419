/** `kq run`: which paths are watched, found again, left out, and refused. */
import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { after, describe, test } from 'node:test'
import { Directory, MAIN, run, startProgram } from './command.js'
import { plant, Runs } from './running.js'

const directory = new Directory()
after(() => directory.remove())

describe('directories', { concurrency: 2 }, () => {
  test('that are made later are watched with all that is in them', async () => {
    const top = plant(directory, 'later', { z: '' })
    const kq = new Runs([top])
    await kq.watching
    mkdirSync(`${top}/a/b/c/d`, { recursive: true })
    writeFileSync(`${top}/a/b/c/d/e`, '')
    assert.deepEqual(await kq.ran(), [`${top}/a/b/c/d/e`])
    await kq.calm(`${top}/a/b/c/d/e`)
    await kq.calm(`${top}/a/b/f`)
    await kq.end()
  })

  test('that are moved are watched under their new names', async () => {
    const top = plant(directory, 'moved', { 'a/b/c': '', z: '' })
    const kq = new Runs([top])
    await kq.watching
    renameSync(`${top}/a`, `${top}/new`)
    assert.deepEqual(await kq.ran(), [`${top}/new/b/c`, `${top}/a/b/c`])
    await kq.calm(`${top}/new/b/c`)
    // Out of what is watched, and in again.
    renameSync(`${top}/new`, directory.join('outside'))
    assert.deepEqual(await kq.ran(), [`${top}/new/b/c`])
    appendFileSync(directory.join('outside/b/c'), 'x')
    await kq.calm(`${top}/z`)
    renameSync(directory.join('outside'), `${top}/back`)
    assert.deepEqual(await kq.ran(), [`${top}/back/b/c`])
    await kq.end()
  })

  test('two that change names are told apart', async () => {
    const top = plant(directory, 'swapped', { 'a/one': '', 'b/two': '' })
    const kq = new Runs([top])
    await kq.watching
    renameSync(`${top}/a`, `${top}/c`)
    renameSync(`${top}/b`, `${top}/a`)
    renameSync(`${top}/c`, `${top}/b`)
    const paths = await kq.ran()
    assert.deepEqual(
      paths.sort(),
      ['a/one', 'a/two', 'b/one', 'b/two'].map((p) => `${top}/${p}`),
    )
    await kq.calm(`${top}/a/two`)
    await kq.calm(`${top}/b/one`)
    await kq.end()
  })

  test('as deep as there are names', async () => {
    const top = plant(directory, 'deep', {})
    const deep = `${top}/${'d/'.repeat(1000)}`
    mkdirSync(deep, { recursive: true })
    const kq = new Runs([top])
    assert.equal((await kq.watching).directories, 1001)
    await kq.calm(`${deep}a`)
    await kq.end()
  })
})

describe('a path that is removed', { concurrency: 2 }, () => {
  test('is a change, and is found again', async () => {
    const top = plant(directory, 'again', { a: '', z: '' })
    const kq = new Runs([`${top}/a`, `${top}/z`])
    await kq.watching
    unlinkSync(`${top}/a`)
    assert.deepEqual(await kq.ran(), [`${top}/a`])
    writeFileSync(`${top}/other`, '')
    await kq.calm(`${top}/z`)
    await kq.calm(`${top}/a`)
    await kq.calm(`${top}/a`)
    await kq.end()
  })

  test('with the directories above it is found again', async () => {
    const top = plant(directory, 'above', { 'p/q/r/a': '', z: '' })
    const kq = new Runs([`${top}/p/q/r`, `${top}/z`])
    await kq.watching
    for (let round = 0; round < 3; round++) {
      rmSync(`${top}/p`, { recursive: true })
      assert.deepEqual(await kq.ran(), [`${top}/p/q/r/a`])
      mkdirSync(`${top}/p`)
      mkdirSync(`${top}/p/q`)
      await kq.calm(`${top}/z`)
      mkdirSync(`${top}/p/q/r`)
      writeFileSync(`${top}/p/q/r/a`, '')
      assert.deepEqual(await kq.ran(), [`${top}/p/q/r/a`])
      await kq.calm(`${top}/p/q/r/a`)
    }
    await kq.end()
  })

  test('is not followed to where it is moved with a directory above', async () => {
    const top = plant(directory, 'carried', { 'p/q/a': '', z: '' })
    const kq = new Runs([`${top}/p/q/a`, `${top}/z`])
    await kq.watching
    renameSync(`${top}/p`, `${top}/old`)
    assert.deepEqual(await kq.ran(), [`${top}/p/q/a`])
    appendFileSync(`${top}/old/q/a`, 'x')
    await kq.calm(`${top}/z`)
    mkdirSync(`${top}/p/q`, { recursive: true })
    await kq.calm(`${top}/p/q/a`)
    await kq.end()
  })
})

describe('symbolic links', { concurrency: 2 }, () => {
  test('in a path are followed, and watched themselves', async () => {
    const top = plant(directory, 'links', { 'one/a': '', 'two/a': '', z: '' })
    symlinkSync('one', `${top}/current`)
    const kq = new Runs([`${top}/current`, `${top}/z`])
    await kq.watching
    await kq.calm(`${top}/one/a`)
    symlinkSync('two', `${top}/next`)
    renameSync(`${top}/next`, `${top}/current`)
    assert.deepEqual(await kq.ran(), [`${top}/two/a`, `${top}/one/a`])
    appendFileSync(`${top}/one/a`, 'x')
    await kq.calm(`${top}/two/a`)
    unlinkSync(`${top}/current`)
    assert.deepEqual(await kq.ran(), [`${top}/two/a`])
    await kq.calm(`${top}/z`)
    symlinkSync(`${top}/one`, `${top}/current`)
    assert.deepEqual(await kq.ran(), [`${top}/one/a`])
    await kq.end()
  })

  test('of several steps, through a directory that is a link', async () => {
    const top = plant(directory, 'steps', { 'v1/etc/a': '', 'v2/etc/a': '' })
    symlinkSync('v1', `${top}/data`)
    symlinkSync('data/etc/a', `${top}/config`)
    const kq = new Runs([`${top}/config`])
    await kq.watching
    await kq.calm(`${top}/v1/etc/a`)
    symlinkSync('v2', `${top}/tmp`)
    renameSync(`${top}/tmp`, `${top}/data`)
    assert.deepEqual(await kq.ran(), [`${top}/v2/etc/a`, `${top}/v1/etc/a`])
    await kq.calm(`${top}/v2/etc/a`)
    await kq.end()
  })

  test('that are found are watched and not followed', async () => {
    const top = plant(directory, 'found', { 'in/z': '', 'out/a': '' })
    symlinkSync('../out/a', `${top}/in/file`)
    symlinkSync('../out', `${top}/in/directory`)
    symlinkSync('..', `${top}/in/loop`)
    const kq = new Runs([`${top}/in`])
    await kq.watching
    appendFileSync(`${top}/out/a`, 'x')
    await kq.calm(`${top}/in/z`)
    unlinkSync(`${top}/in/file`)
    symlinkSync('nowhere', `${top}/in/file`)
    assert.deepEqual(await kq.ran(), [`${top}/in/file`])
    await kq.end()
  })

  test('around in a circle are no path', async () => {
    symlinkSync('circle', directory.join('circle'))
    const { code, stderr } = await run(['run', directory.join('circle'), '--', 'true'])
    assert.equal(code, 1)
    assert.match(stderr, /circle: ELOOP: [^\n]+\n$/)
  })
})

describe('what is left out', { concurrency: 2 }, () => {
  const files = {
    'a.js': '',
    'b.ts': '',
    'c.test.js': '',
    README: '',
    '.git/index': '',
    'node_modules/x/index.js': '',
    'sub/node_modules/y.js': '',
    'dist/out.js': '',
    'src/gen/d.js': '',
    'src/e.js': '',
    '.a.js.swp': '',
    'a.js~': '',
    '4913': '',
    '.#a.js': '',
  }
  let made = 0

  /** Writes all files: those that were worth a run. */
  async function changed(
    options: string[],
    setting?: (top: string) => string[],
  ): Promise<string[]> {
    const top = plant(directory, `left-out${made++}`, files)
    const kq = new Runs([top], ['true'], ['--postpone', ...options, ...(setting?.(top) ?? [])])
    await kq.watching
    for (const name of Object.keys(files)) appendFileSync(`${top}/${name}`, 'x')
    const paths = await kq.ran()
    await kq.end()
    return paths.map((path) => path.slice(top.length + 1)).sort()
  }

  const ordinary = [
    'README',
    'a.js',
    'b.ts',
    'c.test.js',
    'dist/out.js',
    'src/e.js',
    'src/gen/d.js',
  ]

  test('version control, packages, and what editors write', async () => {
    assert.deepEqual(await changed([]), ordinary)
  })

  test('nothing with --no-ignore', async () => {
    assert.deepEqual(await changed(['--no-ignore']), Object.keys(files).sort())
  })

  test('--ignore: by name, by path', async () => {
    assert.deepEqual(await changed(['--ignore', 'dist', '-i', '*.test.*']), [
      'README',
      'a.js',
      'b.ts',
      'src/e.js',
      'src/gen/d.js',
    ])
    const paths = (top: string) => [
      '-i',
      `${top}/src/gen/`,
      '-i',
      `${top}/{dist,b.ts}`,
      '-i',
      `${top}/**/c.*`,
    ]
    assert.deepEqual(await changed([], paths), ['README', 'a.js', 'src/e.js'])
    assert.deepEqual(await changed(['--no-ignore', '-i', 'node_modules', '-i', '[!ab]*']), [
      'a.js',
      'a.js~',
      'b.ts',
    ])
  })

  test('--exts', async () => {
    const scripts = ['a.js', 'c.test.js', 'dist/out.js', 'src/e.js', 'src/gen/d.js']
    assert.deepEqual(await changed(['-e', 'js']), scripts)
    assert.deepEqual(await changed(['--exts', '.js,ts']), [...scripts, 'b.ts'].sort())
    assert.deepEqual(await changed(['-e', 'ts', '-e', 'test.js']), ['b.ts', 'c.test.js'])
  })

  test('no path that is named', async () => {
    const top = plant(directory, 'named', { 'node_modules/x/a.txt': '', 'z.js': '' })
    const kq = new Runs([`${top}/node_modules/x/a.txt`, top], ['true'], ['-p', '-e', 'js'])
    await kq.watching
    await kq.calm(`${top}/node_modules/x/a.txt`)
    await kq.calm(`${top}/z.js`)
    await kq.end()
  })

  test('a file that does not count may be replaced by a directory', async () => {
    const top = plant(directory, 'kinds', { out: '', 'z.js': '' })
    const kq = new Runs([top], ['true'], ['-p', '-e', 'js'])
    await kq.watching
    unlinkSync(`${top}/out`)
    mkdirSync(`${top}/out`)
    writeFileSync(`${top}/out/a.js`, '')
    assert.deepEqual(await kq.ran(), [`${top}/out/a.js`])
    await kq.calm(`${top}/out/a.js`)
    await kq.end()
  })
})

describe('names', { concurrency: 2 }, () => {
  test('need not be UTF-8', async () => {
    const top = plant(directory, 'bytes', { z: '' })
    const name = Buffer.concat([Buffer.from(`${top}/`), Buffer.from([0x61, 0xff, 0x62])])
    const kq = new Runs([top])
    await kq.watching
    for (let i = 0; i < 2; i++) {
      writeFileSync(name, 'x', { flag: 'a' })
      assert.deepEqual(await kq.ran(), [`${top}/a\udcffb`])
    }
    mkdirSync(Buffer.concat([name, Buffer.from('d')]))
    await kq.ran()
    await kq.end()
  })

  test('may be those of other languages, and of options', async () => {
    const top = plant(directory, 'наблюдать', { 'ä ö/文件.js': '', '--json': '' })
    const kq = new Runs([top], ['sh', '-c', 'printf "%s\\n" "$1" >&2', 'sh', '/_'])
    await kq.watching
    await kq.calm(`${top}/ä ö/文件.js`)
    await kq.calm(`${top}/--json`)
    const { stderr } = await kq.end()
    assert.equal(stderr, `${top}/ä ö/文件.js\n${top}/--json\n`)
  })
})

describe('more changes than Linux keeps', { concurrency: 2 }, () => {
  const kept = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'latin1'))

  test('are one run, and nothing is forgotten', { skip: kept > 50_000 }, async () => {
    const names = Array.from({ length: 300 }, (_, i) => `f${i}`)
    const top = plant(
      directory,
      'lost',
      Object.fromEntries(['still', ...names].map((n) => [n, ''])),
    )
    const kq = new Runs([top])
    await kq.watching
    kq.kq.child.kill('SIGSTOP')
    for (let n = 0; n <= kept; n += names.length) {
      for (const name of names) appendFileSync(`${top}/${name}`, 'x')
    }
    mkdirSync(`${top}/new`)
    writeFileSync(`${top}/new/a`, '')
    kq.kq.child.kill('SIGCONT')
    const paths = await kq.ran()
    assert.deepEqual(paths.sort(), [...names, 'new/a'].map((name) => `${top}/${name}`).sort())
    await kq.calm(`${top}/new/a`)
    await kq.calm(`${top}/still`)
    await kq.end()
  })
})

describe('a path that cannot be watched is one line and exit 1', { concurrency: 2 }, () => {
  const cases: [string, RegExp][] = [
    ['/etc/passwd/x', /^kq: \/etc\/passwd\/x: ENOTDIR: not a directory\n$/],
    ['/dev/null', /^kq: \/dev\/null: EINVAL: it is neither a file nor a directory\n$/],
    [
      '/proc/version',
      /^kq: \/proc\/version: ENOTSUP: [^\n]*Linux does not tell when files of procfs/,
    ],
    ['x'.repeat(300), /^kq: x+: ENAMETOOLONG: name too long\n$/],
  ]
  for (const [path, message] of cases) {
    test(path.slice(0, 40), async () => {
      const { code, stdout, stderr } = await run(['run', directory.path, path, '--', 'echo', 'x'])
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, message)
    })
  }

  test('a directory that may not be read is left out with a line', {
    skip: process.getuid?.() === 0,
  }, async () => {
    const top = plant(directory, 'secret', { 'a/c': '', b: '' })
    chmodSync(`${top}/a`, 0)
    const kq = new Runs([top])
    await kq.watching
    await kq.calm(`${top}/b`)
    chmodSync(`${top}/a`, 0o755)
    const { stderr } = await kq.end()
    assert.match(stderr, /^kq: not watched: [^\n]+\/a: EACCES: [^\n]+\n$/)
  })
})

describe('descriptors', { concurrency: 2 }, () => {
  test('are not taken by files: 3,000 in 100 directories under ulimit -n 128', async () => {
    const names = Array.from({ length: 3000 }, (_, i) => [`d${i % 100}/f${i}`, ''])
    const top = plant(directory, 'crowded', Object.fromEntries(names))
    const args = [process.execPath, MAIN, 'run', '--json', '-p', top, '--', 'true']
    const kq = startProgram('sh', ['-c', 'ulimit -n 128; exec "$@"', 'sh', ...args])
    assert.match(await kq.line(), /"files":3000,"directories":101/)
    appendFileSync(`${top}/d7/f7`, 'x')
    assert.match(await kq.line(), /"paths":\["[^"]+\/d7\/f7"\]/)
    mkdirSync(`${top}/new`)
    for (let i = 0; i < 100; i++) writeFileSync(`${top}/new/f${i}`, '')
    await kq.line()
    assert.match(await kq.line(), /"event":"started","run":2/)
    kq.child.kill()
    const { stderr } = await kq.ended
    assert.equal(stderr, '')
  })
})

describe('a path that is not there yet', { concurrency: 2 }, () => {
  test('is waited for with a warning, with its directories', async () => {
    const top = plant(directory, 'yet', { z: '' })
    const kq = new Runs([`${top}/a b/c/file`, `${top}/z`, `${top}/other`])
    const { files, directories } = await kq.watching
    assert.deepEqual([files, directories], [1, 0])
    await kq.calm(`${top}/z`)
    mkdirSync(`${top}/a b`)
    writeFileSync(`${top}/a b/no`, '')
    await kq.calm(`${top}/z`)
    mkdirSync(`${top}/a b/c`)
    await kq.calm(`${top}/a b/c/file`)
    await kq.calm(`${top}/a b/c/file`)
    mkdirSync(`${top}/other/deep`, { recursive: true })
    assert.deepEqual(await kq.ran(), [`${top}/other`, `${top}/other/deep`])
    await kq.calm(`${top}/other/deep/x`)
    const { stderr } = await kq.end()
    assert.equal(stderr, `kq: not there yet, and waited for: ${top}/a b/c/file, and 1 more\n`)
  })

  test('where nothing of it is there', async () => {
    const top = directory.join('nothing')
    const kq = new Runs([`${top}/of/it`])
    await kq.watching
    mkdirSync(top)
    mkdirSync(`${top}/of`)
    await kq.calm(`${top}/of/it`)
    await kq.end()
  })

  test('may be a link that leads nowhere yet', async () => {
    const top = plant(directory, 'dangling', { z: '' })
    symlinkSync('to/there', `${top}/link`)
    const kq = new Runs([`${top}/link`])
    await kq.watching
    mkdirSync(`${top}/to`)
    await kq.calm(`${top}/to/there`)
    await kq.end()
  })
})

describe('a pattern', { concurrency: 2 }, () => {
  const changed = async (pattern: string, files: string[], options: string[] = []) => {
    const top = plant(directory, `pattern${patterns++}`, { 'src/a.ts': '', 'src/sub/b.ts': '' })
    const kq = new Runs([`${top}/${pattern}`], ['true'], ['-p', ...options])
    await kq.watching
    for (const file of files) {
      mkdirSync(dirname(`${top}/${file}`), { recursive: true })
      appendFileSync(`${top}/${file}`, 'x')
    }
    const paths = await kq.ran()
    await kq.end()
    return paths.map((path) => path.slice(top.length + 1)).sort()
  }
  let patterns = 0
  const files = [
    'src/a.ts',
    'src/a.js',
    'src/sub/b.ts',
    'src/new/deep/c.ts',
    'src/node_modules/d.ts',
    'other/e.ts',
    'packages/x/src/f.ts',
    'packages/x/test/g.ts',
  ]

  test('stands for what it matches, also later', async () => {
    assert.deepEqual(await changed('src/**/*.ts', files), [
      'src/a.ts',
      'src/new/deep/c.ts',
      'src/sub/b.ts',
    ])
    assert.deepEqual(await changed('src/*.{ts,js}', files), ['src/a.js', 'src/a.ts'])
    assert.deepEqual(await changed('packages/*/src/**', files), ['packages/x/src/f.ts'])
    assert.deepEqual(await changed('**/{a,e}.ts', files), ['other/e.ts', 'src/a.ts'])
    assert.deepEqual(await changed('{src/sub,other}/*', files), ['other/e.ts', 'src/sub/b.ts'])
    assert.deepEqual(await changed('**/*.*', files, ['-e', 'js', '-i', 'new']), ['src/a.js'])
  })

  test('is none where there is such a path', async () => {
    const top = plant(directory, 'brackets', { '[id].ts': '', 'i.ts': '' })
    const kq = new Runs([`${top}/[id].ts`])
    await kq.watching
    appendFileSync(`${top}/i.ts`, 'x')
    await kq.calm(`${top}/[id].ts`)
    await kq.end()
  })

  test('may be given in a directory that is not there yet', async () => {
    const top = plant(directory, 'nowhere', { z: '' })
    const kq = new Runs([`${top}/a/b/*.js`])
    await kq.watching
    mkdirSync(`${top}/a/b`, { recursive: true })
    writeFileSync(`${top}/a/b/c.ts`, '')
    await kq.calm(`${top}/a/b/c.js`)
    const { stderr } = await kq.end()
    assert.match(stderr, /^kq: not there yet, and waited for: [^\n]*\/a\/b\/\*\.js\n$/)
  })
})
