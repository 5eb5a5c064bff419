/**
 * `kq run` and the ways in which editors and tools save: one run each, and the file goes on
 * being watched under its name.
 */
import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { after, describe, test } from 'node:test'
import { Directory } from './command.js'
import { call, has, plant, Runs } from './running.js'

const directory = new Directory()
after(() => directory.remove())

/** Writes, and has it on the disk before it goes on. */
function writeDown(path: string): void {
  const fd = openSync(path, 'w')
  writeSync(fd, `${Math.random()}`)
  fsyncSync(fd)
  closeSync(fd)
}

/** How a file is saved; `n` counts. */
const WAYS: Record<string, (path: string, n: number) => unknown> = {
  'written in place': (path, n) => appendFileSync(path, `${n}`),
  'truncated and written': (path) => {
    truncateSync(path)
    writeDown(path)
  },
  'written beside and renamed over it': (path, n) => {
    writeDown(`${path}.${n}.tmp`)
    renameSync(`${path}.${n}.tmp`, path)
  },
  'deleted and made again': (path) => {
    unlinkSync(path)
    writeDown(path)
  },
  'renamed to a backup and made again, as vim does': (path) => {
    const test = `${path}/../4913`.replace(/[^/]*\/\.\.\//, '')
    writeFileSync(test, '')
    unlinkSync(test)
    renameSync(path, `${path}~`)
    writeDown(path)
    chmodSync(path, 0o644)
    unlinkSync(`${path}~`)
  },
  'copied to a backup and written': (path) => {
    writeDown(`${path}~`)
    truncateSync(path)
    writeDown(path)
    unlinkSync(`${path}~`)
  },
  'linked to a backup and replaced': (path) => {
    linkSync(path, `${path}~`)
    writeDown(`${path}.new`)
    renameSync(`${path}.new`, path)
    unlinkSync(`${path}~`)
  },
  'sed -i': (path, n) => call('sed', ['-i', `1s/^/${n}/`, path]),
  'mv from elsewhere': (path) => {
    writeDown(directory.join('elsewhere'))
    renameSync(directory.join('elsewhere'), path)
  },
}

const VIM = ['-u', 'NONE', '-N', '-es']
if (await has('vim')) {
  for (const copy of ['no', 'yes', 'auto']) {
    WAYS[`vim with backupcopy=${copy}`] = (path, n) => {
      const set = `set writebackup backup backupcopy=${copy}`
      return call('vim', [...VIM, '-c', set, '-c', `normal i${n}`, '-c', 'wq', path])
    }
  }
}

const ROUNDS = 4

describe('a file that is saved', { concurrency: 4 }, () => {
  let made = 0
  for (const [way, save] of Object.entries(WAYS)) {
    for (const named of [true, false]) {
      test(`${way}, ${named ? 'named itself' : 'in a directory'}`, async () => {
        const top = plant(directory, `saved${made++}`, { 'a.js': 'one\ntwo\n', z: '' })
        const kq = new Runs(named ? [`${top}/a.js`, `${top}/z`] : [top])
        await kq.watching
        for (let n = 0; n < ROUNDS; n++) {
          await save(`${top}/a.js`, n)
          const paths = await kq.ran()
          assert.deepEqual(paths, [`${top}/a.js`])
        }
        await kq.calm(`${top}/z`)
        const { stderr } = await kq.end()
        assert.equal(stderr, '')
      })
    }
  }

  test('no descriptor is left behind', async () => {
    const top = plant(directory, 'descriptors', { 'a.js': '' })
    const kq = new Runs([top])
    await kq.watching
    let before = 0
    for (let n = 0; n < 10; n++) {
      writeDown(`${top}/a.js.new`)
      renameSync(`${top}/a.js.new`, `${top}/a.js`)
      mkdirSync(`${top}/sub/deep`, { recursive: true })
      writeFileSync(`${top}/sub/deep/b.js`, '')
      await kq.ran()
      rmSync(`${top}/sub`, { recursive: true })
      await kq.ran()
      if (n === 0) before = kq.descriptors()
    }
    assert.equal(kq.descriptors(), before)
    await kq.end()
  })
})

describe('git', async () => {
  const skip = !(await has('git'))

  test('a checkout of another branch is one run', { skip }, async () => {
    const names = Array.from({ length: 300 }, (_, i) => `d${i % 10}/f${i}.js`)
    const top = plant(directory, 'git', Object.fromEntries(names.map((name) => [name, 'main\n'])))
    const who = ['-c', 'user.name=x', '-c', 'user.email=x@example.org']
    const git = (...args: string[]) => call('git', [...who, ...args], top)
    await git('init', '-q', '-b', 'main')
    await git('add', '.')
    await git('commit', '-qm', 'one')
    await git('checkout', '-qb', 'other')
    for (const name of names.slice(0, 200)) appendFileSync(`${top}/${name}`, 'other\n')
    rmSync(`${top}/d9`, { recursive: true })
    mkdirSync(`${top}/new`)
    for (let i = 0; i < 50; i++) writeFileSync(`${top}/new/${i}.js`, '')
    await git('add', '-A')
    await git('commit', '-qm', 'two')

    const kq = new Runs([top])
    await kq.watching
    for (const branch of ['main', 'other', 'main']) {
      await git('checkout', '-q', branch)
      const paths = await kq.ran()
      assert.equal(paths.length, 260)
      assert.ok(paths.every((path) => !path.includes('/.git/')))
      assert.equal(existsSync(`${top}/new`), branch === 'other')
    }
    await kq.calm(`${top}/z`)
    await kq.end()
  })
})
