/** `kq --exist` and `kq --gone`: names that come and go. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { after, describe, test } from 'node:test'
import { kqueue } from 'kqueue'
import { PathWatch } from '#cli/path-watch.js'
import { within } from '../patience.js'
import { Directory, events, MAIN, type Running, run, start } from './command.js'

const directory = new Directory()
after(() => directory.remove())

let made = 0
function top(): string {
  const path = directory.join(`top${made++}`)
  fs.mkdirSync(path)
  return path
}

/** Starts kq, with a path that is there, which is told when all is watched. */
async function waiting(...args: string[]): Promise<Running> {
  const kq = start(['wait', '--all', ...args, '--exist', directory.path])
  await kq.line()
  return kq
}

async function isMet(kq: Running): Promise<void> {
  const { code, stderr } = await kq.ended
  assert.deepEqual([code, stderr], [0, ''])
}

describe('kq wait --exist', { concurrency: 2 }, () => {
  test('waits for a name of which no directory is there', async () => {
    const path = top()
    const kq = await waiting('--exist', `${path}/a/b/c`)
    fs.mkdirSync(`${path}/a`)
    fs.mkdirSync(`${path}/x/b`, { recursive: true })
    fs.writeFileSync(`${path}/x/b/c`, '')
    fs.rmdirSync(`${path}/a`)
    assert.equal((await run(['wait', '--exist', `${path}/a/b/c`, '--timeout', '0'])).code, 124)
    fs.renameSync(`${path}/x`, `${path}/a`)
    await isMet(kq)
  })

  test('is met at once by what is there: files, directories, and what links lead to', async () => {
    const path = top()
    fs.writeFileSync(`${path}/file`, '')
    fs.symlinkSync('file', `${path}/link`)
    for (const name of ['file', 'link', '', '.', '../']) {
      const { code, stdout } = await run(['wait', '--exist', `${path}/${name}`, '--timeout', '0'])
      assert.equal(code, 0)
      assert.match(stdout, /is there/)
    }
    const { code } = await run(['wait', '--exist', `${path}/file/`, '--timeout', '0'])
    assert.equal(code, 124)
  })

  test('takes very many', async () => {
    const path = top()
    const words = Array.from({ length: 300 }, (_, i) => ['--exist', `${path}/${i}`]).flat()
    const kq = await waiting(...words)
    for (let i = 0; i < 300; i++) fs.mkdirSync(`${path}/${i}`)
    await isMet(kq)
  })

  test('follows links whose target is not there, or another', async () => {
    const path = top()
    fs.symlinkSync(`${path}/one/two`, `${path}/link`)
    fs.symlinkSync('loop', `${path}/loop`)
    fs.symlinkSync('nowhere', `${path}/turned`)
    const kqs = [
      await waiting('--exist', `${path}/link/three`),
      await waiting('--exist', `${path}/loop`),
      await waiting('--exist', `${path}/turned/three`),
    ]
    fs.mkdirSync(`${path}/one/two/three`, { recursive: true })
    for (const name of ['loop', 'turned']) {
      fs.symlinkSync('one/two', `${path}/new`)
      fs.renameSync(`${path}/new`, `${path}/${name}`)
    }
    for (const kq of kqs) await isMet(kq)
  })

  test('takes paths that are relative, and not UTF-8', async () => {
    const path = top()
    const script = 'cd "$3" && "$1" "$2" wait --exist "./$(printf \'a\\377\')/b" --json'
    const child = spawn('bash', ['-c', script, 'bash', process.execPath, MAIN, path])
    let stdout = ''
    child.stdout.on('data', (text) => {
      stdout += text
    })
    const name = Buffer.concat([Buffer.from(`${path}/a`), Buffer.of(0xff)])
    fs.mkdirSync(name)
    fs.writeFileSync(Buffer.concat([name, Buffer.from('/b')]), '')
    const [code] = await once(child, 'close')
    assert.equal(code, 0)
    const [event] = events(stdout) as unknown as { path: string; exists: boolean }[]
    assert.deepEqual([event?.path, event?.exists], ['./a\udcff/b', true])
  })

  test('says what can never be, and what nobody tells', async () => {
    const path = top()
    for (const [name, complaint, status] of [
      ['', /names nothing/, 2],
      [`${path}/${'x'.repeat(256)}`, /ENAMETOOLONG/, 1],
      ['/proc/1/nowhere', /ENOTSUP: .*procfs/, 1],
    ] as const) {
      const { code, stderr } = await run(['wait', '--exist', name])
      assert.match(stderr, complaint)
      assert.equal(code, status)
    }
    const removed = 'cd "$3"; rmdir "$3"; "$1" "$2" wait --exist x'
    const child = spawn('bash', ['-c', removed, 'bash', process.execPath, MAIN, path])
    const [code] = await once(child, 'close')
    assert.equal(code, 1)
  })
})

describe('kq wait --gone', { concurrency: 2 }, () => {
  test('is met when the name goes, or anything on the way to it', async () => {
    const ways: ((path: string) => void)[] = [
      (path) => fs.unlinkSync(`${path}/a/b/c`),
      (path) => fs.renameSync(`${path}/a/b/c`, `${path}/a/b/d`),
      (path) => fs.rmSync(`${path}/a`, { recursive: true }),
      (path) => fs.renameSync(`${path}/a`, `${path}/z`),
      (path) => {
        fs.writeFileSync(`${path}/new`, '')
        fs.renameSync(`${path}/a`, `${path}/z`)
        fs.renameSync(`${path}/new`, `${path}/a`)
      },
    ]
    for (const go of ways) {
      const path = top()
      fs.mkdirSync(`${path}/a/b`, { recursive: true })
      fs.writeFileSync(`${path}/a/b/c`, '')
      const kq = await waiting('--gone', `${path}/a/b/c`)
      go(path)
      await isMet(kq)
    }
  })

  test('is not met when another takes its place, and at once by what is not there', async () => {
    const path = top()
    fs.writeFileSync(`${path}/a`, '')
    const kq = start(['watch', '--gone', `${path}/a`, '--exist', `${path}/a`, '--json'])
    const exists = async (): Promise<boolean> => JSON.parse(await kq.line()).exists
    assert.equal(await exists(), true)
    fs.writeFileSync(`${path}/b`, '')
    fs.renameSync(`${path}/b`, `${path}/a`)
    assert.equal(await exists(), true)
    fs.unlinkSync(`${path}/a`)
    assert.equal(await exists(), false)
    fs.mkdirSync(`${path}/a`)
    assert.equal(await exists(), true)
    kq.child.kill('SIGINT')
    assert.equal((await kq.ended).code, 130)
    assert.equal((await run(['wait', '--gone', `${path}/x/y`])).code, 0)
  })
})

test('no change is missed while others make and remove the path', async () => {
  const path = top()
  const make = "fs.mkdirSync('a/b', { recursive: true }); fs.writeFileSync('a/b/c', ''); "
  const link = "fs.renameSync('a', 'z'); fs.symlinkSync('z', 'a'); "
  const remove = "fs.unlinkSync('a'); fs.rmSync('z', { recursive: true }); "
  for (const [last, isThere] of [
    ['', false],
    [make, true],
    [make + link, true],
  ] as const) {
    for (const name of ['a', 'z']) fs.rmSync(`${path}/${name}`, { recursive: true, force: true })
    const queue = kqueue()
    const watch = new PathWatch(`${path}/a/b/c`, { queue, ident: 1, udata: queue })
    try {
      const script = `for (let i = 0; i < 500; i++) { ${make + link + remove} } ${last}`
      const child = spawn(process.execPath, ['-e', `${script}; fs.writeFileSync('end', '')`], {
        cwd: path,
        stdio: 'inherit',
      })
      const ended = once(child, 'exit')
      // Each look is by an event, and so is the last.
      const follow = async (): Promise<void> => {
        while (!fs.existsSync(`${path}/end`) || (watch.found !== undefined) !== isThere) {
          await queue.wait()
          watch.look()
        }
      }
      await within(follow(), 'the last state')
      await ended
    } finally {
      watch.close()
      queue.close()
      fs.rmSync(`${path}/end`, { force: true })
    }
  }
})
