/** The files that `kq trace` writes: what is known of them before the command runs. */
import assert from 'node:assert/strict'
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { after, describe, test } from 'node:test'
import { SourceError } from '#cli/errors.js'
import { Destination } from '#cli/trace/destination.js'
import { Writer } from '#cli/trace/writer.js'
import { Directory, run, type Setting, start } from './command.js'

const directory = new Directory()
after(() => directory.remove())

const OPTIONS = ['--svg', '--output'] as const

/** Runs a command that makes a file, and tells whether it did. */
async function traced(option: string, file: string, setting?: Setting) {
  const mark = directory.join(`mark${marks++}`)
  const ended = await run(['trace', option, file, 'touch', mark], setting)
  return { ...ended, ran: existsSync(mark) }
}
let marks = 0

/** What each option writes, not alone where others write as well. */
const WRITTEN = { '--svg': /<svg [\s\S]*<\/svg>/, '--output': /touch [\s\S]* ok / }

/** Looks at a file as each option does before the command runs. */
const LOOKS = {
  '--svg': (file: string) => new Destination('--svg', file),
  '--output': (file: string) => new Writer(file),
}

describe('a file that cannot be written is refused before the command runs', () => {
  const socket = directory.join('socket')
  const server = createServer().listen(socket).unref()
  after(() => server.close())
  symlinkSync('no/such/target', directory.join('dangling'))
  symlinkSync('loop', directory.join('loop'))
  writeFileSync(directory.join('file'), '')
  const reading = openSync(directory.join('file'), 'r')
  after(() => closeSync(reading))

  const files: [name: string, file: string, reason: string][] = [
    ['a fifo that nobody reads', directory.fifo(), 'ENXIO: no process has this fifo open'],
    ['a socket', socket, 'ENXIO: a socket cannot be opened by its path'],
    ['a directory', directory.path, 'EISDIR'],
    ['a name that only a directory can have', directory.join('new/'), 'EISDIR'],
    ['a file in no directory', directory.join('no/file'), 'ENOENT'],
    ['a file in a file', directory.join('file/in'), 'ENOTDIR'],
    ['a link to where there is no directory', directory.join('dangling'), 'ENOENT'],
    ['a link to itself', directory.join('loop'), 'ELOOP'],
    ['a name that is too long', directory.join('x'.repeat(300)), 'ENAMETOOLONG'],
    ['a file where none can be made', '/proc/picture', 'ENOENT'],
    ['a descriptor that is not open', '/dev/fd/1000', 'EBADF: descriptor 1000 is not open'],
    ['a descriptor to read from', `/dev/fd/${reading}`, `EBADF: descriptor ${reading} is open for`],
  ]
  for (const [name, file, reason] of files) {
    for (const option of OPTIONS) {
      test(`${option} ${name}`, () => {
        const message = new RegExp(`^${option} ${file}: ${reason}[^\n]*$`)
        assert.throws(() => LOOKS[option](file), { constructor: SourceError, message })
      })
    }
  }

  for (const option of OPTIONS) {
    test(`${option}: and kq ends with 1`, async () => {
      const fifo = directory.fifo()
      const { code, stdout, stderr, ran } = await traced(option, fifo)
      assert.deepEqual([code, stdout, ran], [1, '', false])
      assert.match(stderr, new RegExp(`^kq: ${option} ${fifo}: ENXIO: [^\n]+\n$`))
    })
  }
})

describe('a file that can be written', { concurrency: 2 }, () => {
  const descriptors = ['/dev/stdout', '/dev/stderr', '/dev/fd/3', '/proc/self/fd/3'] as const
  for (const option of OPTIONS) {
    for (const name of descriptors) {
      test(`${option} ${name} is the descriptor, whatever it leads to`, async () => {
        const file = directory.join(`descriptor${marks++}`)
        writeFileSync(file, 'before\n')
        const fd = openSync(file, 'a')
        const { code, stdout, stderr, ran } = await traced(option, name, { fds: [fd] })
        closeSync(fd)
        assert.deepEqual([code, ran], [0, true])
        const third = readFileSync(file, 'utf8')
        const text = { '/dev/stdout': stdout, '/dev/stderr': stderr }[name as string] ?? third
        assert.match(text, WRITTEN[option])
        assert.match(third, /^before\n/)
      })
    }

    test(`${option} a fifo that somebody reads`, async () => {
      const fifo = directory.fifo()
      const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
      const { code, ran } = await traced(option, fifo)
      assert.deepEqual([code, ran], [0, true])
      // To its end: nobody has it open for writing any more.
      assert.match(readFileSync(reader, 'utf8'), WRITTEN[option])
      closeSync(reader)
    })

    for (const status of [0, 7]) {
      test(`${option} a fifo whose reader goes away, and a command that ends with ${status}`, async () => {
        const [fifo, gate] = [directory.fifo(), directory.fifo()]
        const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
        const script = `echo up; read go < "$0"; exit ${status}`
        const kq = start(['trace', '--quiet', option, fifo, 'sh', '-c', script, gate])
        await kq.line()
        closeSync(reader)
        writeFileSync(gate, 'go\n')
        const { code, stderr } = await kq.ended
        assert.equal(code, status === 0 ? 1 : status)
        assert.match(stderr, new RegExp(`kq: ${option} ${fifo}: EPIPE: [^\n]+\n$`))
      })
    }

    test(`${option} a link to where a file can be made`, async () => {
      mkdirSync(directory.join(`links${option}`))
      const [link, file] = [directory.join(`links${option}/link`), directory.join(option)]
      symlinkSync(`../${option}`, link)
      const { code } = await traced(option, link)
      assert.equal(code, 0)
      assert.match(readFileSync(file, 'utf8'), WRITTEN[option])
    })
  }

  test('--svg is not waited for after a signal, when its reader reads nothing', async () => {
    const fifo = directory.fifo()
    const full = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
    assert.throws(() => {
      for (;;) writeSync(full, Buffer.alloc(4096))
    }, /EAGAIN/)
    const kq = start(['trace', '--svg', fifo, '--output', '/dev/stdout', 'true'])
    // The tree comes before the picture.
    assert.match(await kq.line(), /^true /)
    kq.child.kill('SIGINT')
    const { code, stderr } = await kq.ended
    assert.equal(code, 1)
    assert.equal(stderr, `kq: --svg ${fifo}: EINTR: SIGINT came before all was written\n`)
    closeSync(full)
  })

  test('--svg leaves a file as it was, or unmade, when the command cannot be executed', async () => {
    const place = directory.join('unmade')
    mkdirSync(place)
    assert.equal((await run(['trace', '--svg', `${place}/new`, './no/program'])).code, 127)
    assert.deepEqual(readdirSync(place), [])
    writeFileSync(`${place}/old`, 'old')
    assert.equal((await run(['trace', '--svg', `${place}/old`, './no/program'])).code, 127)
    assert.equal(readFileSync(`${place}/old`, 'utf8'), 'old')
  })

  test('--svg is made in a directory that the command has made anew', async () => {
    const place = directory.join('anew')
    mkdirSync(place)
    const script = 'rm -r "$0" && mkdir "$0"'
    const { code } = await run(['trace', '--svg', `${place}/svg`, 'sh', '-c', script, place])
    assert.equal(code, 0)
    assert.match(readFileSync(`${place}/svg`, 'utf8'), WRITTEN['--svg'])
  })
})
