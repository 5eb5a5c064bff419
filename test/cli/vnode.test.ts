/** `kq --vnode`: files and directories from the shell. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { after, describe, test } from 'node:test'
import { Directory, run, start } from './command.js'

const directory = new Directory()
after(() => directory.remove())

function file(name: string): string {
  const path = directory.join(name)
  fs.writeFileSync(path, 'hello')
  return path
}

/** A line without its time and source. */
const text = (line: string): string => line.split('  ').at(-1)!

describe('kq watch --vnode', { concurrency: 2 }, () => {
  test('prints what happens to a file, whatever its name', async () => {
    const path = file('log')
    // Each line is of what was done before; the timer says that both are watched.
    const kq = start(['watch', '--vnode', path, '--timer', '1ms', '--json', '--count', '100000'])
    await kq.line()
    const next = async (): Promise<string[]> => {
      for (;;) {
        const event = JSON.parse(await kq.line())
        if (event.filter === 'EVFILT_VNODE') return event.fflags
      }
    }
    fs.appendFileSync(path, '!')
    assert.deepEqual(await next(), ['NOTE_WRITE', 'NOTE_EXTEND'])
    fs.renameSync(path, `${path}-renamed`)
    assert.deepEqual(await next(), ['NOTE_RENAME'])
    fs.unlinkSync(`${path}-renamed`)
    assert.deepEqual(await next(), ['NOTE_DELETE'])
    kq.child.kill('SIGINT')
    assert.equal((await kq.ended).code, 130)
  })

  test('says it in words', async () => {
    fs.mkdirSync(directory.join('inner'))
    const kq = start(['watch', '--vnode', directory.join('inner'), '--timer', '1ms'])
    await kq.line()
    const next = async (): Promise<string> => {
      for (;;) {
        const line = await kq.line()
        if (line.includes('--vnode')) return text(line)
      }
    }
    fs.mkdirSync(directory.join('inner/one'))
    assert.equal(await next(), 'entries changed, subdirectories changed: one')
    fs.rmdirSync(directory.join('inner/one'))
    assert.equal(await next(), 'entries changed, subdirectories changed: one')
    fs.rmdirSync(directory.join('inner'))
    assert.equal(await next(), 'removed')
    kq.child.kill('SIGTERM')
    assert.equal((await kq.ended).code, 143)
  })
})

describe('kq wait --vnode', { concurrency: 2 }, () => {
  test('ends with the note that was asked for, and leaves others alone', async () => {
    const path = file('pid')
    const kq = start(['wait', '--all', '--timer', '1ms', '--vnode', `${path}:delete`])
    assert.equal(text(await kq.line()), 'expired')
    fs.appendFileSync(path, 'x')
    fs.chmodSync(path, 0o600)
    fs.unlinkSync(path)
    assert.equal(text(await kq.line()), 'removed')
    const { code, stderr } = await kq.ended
    assert.deepEqual([code, stderr], [0, ''])
  })

  test('takes a descriptor of the shell', async () => {
    const path = file('given')
    const fd = fs.openSync(path, 'r')
    const { code } = await run(['wait', '--vnode', '3:open,read', '--timeout', '0'], { fds: [fd] })
    fs.closeSync(fd)
    assert.equal(code, 124)
  })

  test('is over after its time when nothing happens', async () => {
    const { code, stdout } = await run(['wait', '--vnode', file('still'), '--timeout', '10ms'])
    assert.deepEqual([code, stdout], [124, ''])
  })

  test('takes a colon that is part of the path', async () => {
    for (const name of ['a:b', 'c:', 'd:delete']) {
      const path = file(name)
      const value = name === 'd:delete' ? `${path}:write` : path
      assert.equal((await run(['wait', '--vnode', value, '--timeout', '0'])).code, 124)
    }
  })

  test('says which notes there are', async () => {
    const path = file('some')
    const usage = await run(['wait', '--vnode', `${path}:delete,wirte`])
    assert.equal(usage.code, 2)
    assert.match(usage.stderr, /asks for 'wirte', which is none of write, extend, link/)
    const missing = await run(['wait', '--vnode', `${path}:wirte`])
    assert.equal(missing.code, 1)
    assert.match(missing.stderr, /ENOENT: no such file; and 'wirte' is none of write, extend/)
  })

  test('names what cannot be watched', async () => {
    for (const [path, error] of [
      ['/nowhere', /--vnode \/nowhere: ENOENT: no such file or directory\n$/],
      ['/dev/null', /--vnode \/dev\/null: EINVAL: /],
      ['/proc/self/status', /ENOTSUP: .* does not tell when files of procfs change/],
      ['99999', /--vnode 99999: EBADF: /],
    ] as const) {
      const { code, stderr } = await run(['wait', '--vnode', path])
      assert.match(stderr, error)
      assert.equal(code, 1)
    }
  })
})
