/** Sources that cannot be watched: exit 1, and one line with the source and the errno. */
import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import * as posix from '../native/posix.js'
import { Directory, run } from './command.js'

const directory = new Directory()
after(() => directory.remove())

async function refuses(args: string[], message: RegExp, fds: number[] = []): Promise<void> {
  const { code, stdout, stderr } = await run(args, { fds })
  assert.equal(stdout, '')
  assert.match(stderr, /^kq: [^\n]+\n$/)
  assert.match(stderr, message)
  assert.equal(code, 1)
}

describe('a source that cannot be watched', { concurrency: 2 }, () => {
  for (const command of ['watch', 'wait']) {
    test(`kq ${command}: a path that is not there`, () =>
      refuses(
        [command, '--read', '/nowhere'],
        /^kq: --read \/nowhere: ENOENT: no such file or directory$/m,
      ))
  }

  test('a number that is not decimal is a path', async () => {
    await refuses(['wait', '--read', '1e9'], /--read 1e9: ENOENT/)
    await refuses(['wait', '--read', '0x10'], /--read 0x10: ENOENT/)
  })

  for (const fd of ['99999', '2147483648', '99999999999999999999']) {
    test(`descriptor ${fd}`, () =>
      refuses(['wait', '--write', fd], new RegExp(`--write ${fd}: EBADF: `)))
  }

  test("a descriptor of Node's own is not one that the shell opened", async () => {
    for (const fd of ['3', '4', '5', '8']) {
      await refuses(['wait', '--timer', '1h', '--read', fd], new RegExp(`--read ${fd}: EBADF: `))
    }
  })

  test('a fifo that nobody reads', () =>
    refuses(['wait', '--write', directory.fifo()], /ENXIO: no process has this fifo open for/))

  test('the path of a socket', async () => {
    const { AF_UNIX, SOCK_STREAM, SOCK_CLOEXEC } = posix.constants
    const fd = posix.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)
    posix.bindUnix(fd, directory.join('socket'))
    await refuses(
      ['wait', '--read', directory.join('socket')],
      /ENXIO: a socket cannot be opened by its path; give a connected descriptor/,
    )
    posix.close(fd)
  })

  test('a directory to write', () => refuses(['wait', '--write', directory.path], /: EISDIR: /))

  test('a path through a file', () => {
    writeFileSync(directory.join('plain'), '')
    return refuses(['wait', '--read', directory.join('plain/x')], /: ENOTDIR: /)
  })

  test('a file without permission', { skip: process.getuid?.() === 0 }, () => {
    writeFileSync(directory.join('secret'), '')
    chmodSync(directory.join('secret'), 0)
    return refuses(['wait', '--read', directory.join('secret')], /: EACCES: /)
  })

  test('a name that is too long', () =>
    refuses(['wait', '--read', 'x'.repeat(5000)], /: ENAMETOOLONG: /))

  test('one bad source among good ones', () =>
    refuses(
      ['watch', '--timer', '1ms', '--read', directory.fifo(), '--read', '/nowhere'],
      /--read \/nowhere: ENOENT/,
    ))

  test('a path with a NUL, as a program can give it', async () => {
    const { CONDITIONS } = (await import(
      new URL('../../../dist/cli/conditions.js', import.meta.url).href
    )) as { CONDITIONS: { option: string; parse(value: string): (ident: number) => unknown }[] }
    const read = CONDITIONS.find(({ option }) => option === 'read')!
    assert.throws(() => read.parse('a\0b')(1), { code: 'ERR_INVALID_ARG_VALUE' })
  })

  test('the message shows no control characters', () =>
    refuses(
      ['wait', '--read', '/nowhere\x1b[2J\n\x9b\u202e'],
      /--read \/nowhere\\x1b\[2J\\x0a\\x9b\\u\{202e\}: ENOENT/,
    ))
})
