/** `kq --vnode` of directories: names, what is below, and lines as inotifywait(1) has them. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { after, describe, test } from 'node:test'
import { Directory, type Event, MAIN, type Running, run, start, startProgram } from './command.js'

const directory = new Directory()
after(() => directory.remove())

interface Told extends Event {
  names?: string[]
  type?: string
  path?: string
  from?: string
  directory?: boolean
}

let made = 0
function top(): string {
  const path = directory.join(`top${made++}`)
  fs.mkdirSync(path)
  return path
}

/** Starts kq, with a path that is there, which is told when all is watched. */
async function watching(command: string, ...args: string[]): Promise<Running> {
  const kq = start([command, ...args, '--exist', directory.path])
  assert.match(await kq.line(), /exist|CREATE/)
  return kq
}

/** A line of JSON, without what all have. */
async function told(kq: Running): Promise<Partial<Told>> {
  const {
    time: _t,
    ident: _i,
    data: _d,
    filter: _f,
    source: _s,
    ...rest
  } = JSON.parse(await kq.line()) as Told
  return rest
}

describe('a directory', { concurrency: 2 }, () => {
  test('is told with the names that came and went', async () => {
    const path = top()
    const kq = await watching('watch', '--vnode', path, '--json')
    fs.mkdirSync(`${path}/a`)
    const one = { flags: [], fflags: ['NOTE_WRITE', 'NOTE_LINK'], names: ['a'] }
    assert.deepEqual(await told(kq), one)
    fs.rmdirSync(`${path}/a`)
    assert.deepEqual(await told(kq), one)
    fs.chmodSync(path, 0o700)
    assert.deepEqual(await told(kq), { flags: [], fflags: ['NOTE_ATTRIB'], names: [] })
    kq.child.kill('SIGINT')
    assert.equal((await kq.ended).code, 130)
  })

  test('of which only one note is asked for is told of nothing else', async () => {
    const path = top()
    const kq = await watching('watch', '--vnode', `${path}:attrib`)
    fs.writeFileSync(`${path}/a`, '')
    fs.chmodSync(path, 0o700)
    assert.match(await kq.line(), / {2}attributes changed$/)
    kq.child.kill('SIGINT')
    await kq.ended
  })
})

describe('--recursive', { concurrency: 2 }, () => {
  test('tells what happens below, to its end', async () => {
    const path = top()
    const kq = await watching('watch', '-r', '--vnode', path, '--json')
    fs.mkdirSync(`${path}/a/b`, { recursive: true })
    fs.writeFileSync(`${path}/a/b/c`, '')
    const flags: string[] = []
    const made = { type: 'create', flags, fflags: ['NOTE_WRITE'] }
    assert.deepEqual(await told(kq), { ...made, path: `${path}/a`, directory: true })
    assert.deepEqual(await told(kq), { ...made, path: `${path}/a/b`, directory: true })
    assert.deepEqual(await told(kq), { ...made, path: `${path}/a/b/c`, directory: false })
    fs.renameSync(`${path}/a/b/c`, `${path}/d`)
    assert.deepEqual(await told(kq), {
      ...{ type: 'rename', flags, fflags: ['NOTE_RENAME'] },
      ...{ from: `${path}/a/b/c`, path: `${path}/d`, directory: false },
    })
    fs.appendFileSync(`${path}/d`, 'x')
    assert.deepEqual(await told(kq), {
      ...made,
      type: 'write',
      path: `${path}/d`,
      directory: false,
    })
    fs.rmSync(path, { recursive: true })
    let last = await told(kq)
    while (last.path !== `${path}/`) last = await told(kq)
    assert.deepEqual(last, {
      ...{ type: 'delete', flags: ['EV_EOF'], fflags: ['NOTE_DELETE'] },
      ...{ path: `${path}/`, directory: true },
    })
    kq.child.kill('SIGINT')
    await kq.ended
  })

  test('ends when the directory is gone', async () => {
    const path = top()
    const kq = start(['watch', '-r', '--vnode', path, '--timer', '1ms', '--count', '100000'])
    await kq.line()
    fs.rmdirSync(path)
    for (let line = ''; !line.endsWith(`  removed ${path}/`); ) line = await kq.line()
    kq.child.kill('SIGINT')
    await kq.ended
    const over = await run(['wait', '--all', '-r', '--vnode', path])
    assert.match(over.stderr, /ENOENT/)
  })

  test('tells each of many files once, however slowly it is read', async () => {
    const path = top()
    const kq = await watching('watch', '-r', '--vnode', path, '--format', '%e %f')
    const names = Array.from({ length: 3000 }, (_, i) => `${i}`)
    for (const name of names) fs.mkdirSync(`${path}/${name}`)
    const lines = []
    while (lines.length < names.length) lines.push(await kq.line())
    assert.deepEqual(
      lines,
      names.map((name) => `CREATE,ISDIR ${name}`),
    )
    kq.child.kill('SIGINT')
    await kq.ended
  })

  test('takes a descriptor, and shows its path', async () => {
    const path = top()
    const fd = fs.openSync(path, 'r')
    const kq = start(['wait', '-r', '--vnode', '3', '--json', '--all', '--timer', '1'], {
      fds: [fd],
    })
    fs.closeSync(fd)
    await kq.line()
    fs.writeFileSync(`${path}/x`, '')
    assert.equal((await told(kq)).path, `${path}/x`)
    assert.equal((await kq.ended).code, 0)
  })

  test('is over when nobody reads', async () => {
    const path = top()
    const script = '"$1" "$2" watch -r --vnode "$3" --exist "$3" | head -1; echo "$PIPESTATUS"'
    const { stdout } = await startProgram('bash', [
      ...['-c', script, 'bash', process.execPath, MAIN, path],
    ]).ended
    assert.match(stdout, /is there, a directory\n0\n$/)
  })

  test('leaves a file what it is', async () => {
    const path = top()
    fs.writeFileSync(`${path}/file`, '')
    const kq = await watching('watch', '-r', '--vnode', `${path}/file`, '--format', '%w|%f|%e')
    fs.appendFileSync(`${path}/file`, 'x')
    assert.equal(await kq.line(), `${path}/file||MODIFY`)
    fs.chmodSync(`${path}/file`, 0o600)
    assert.equal(await kq.line(), `${path}/file||ATTRIB`)
    fs.renameSync(`${path}/file`, `${path}/other`)
    assert.equal(await kq.line(), `${path}/file||MOVE_SELF`)
    fs.unlinkSync(`${path}/other`)
    assert.match(await kq.line(), /^.*\|\|(ATTRIB,)?DELETE_SELF$/)
    kq.child.kill('SIGINT')
    await kq.ended
  })
})

describe('--format', { concurrency: 2 }, () => {
  test('has the conversions of inotifywait', async () => {
    const path = top()
    const format = '%T %w|%f|%e|%;e|%n|%%'
    const timefmt = ['--timefmt', '%Y']
    const kq = await watching('watch', '--vnode', path, '--format', format, ...timefmt)
    assert.equal(await kq.line(), '|%')
    const year = new Date().getFullYear()
    const next = async (): Promise<string> => {
      const line = await kq.line()
      assert.equal(await kq.line(), '|%')
      return line
    }
    fs.mkdirSync(`${path}/a b`)
    assert.equal(await next(), `${year} ${path}/|a b|CREATE,ISDIR|CREATE;ISDIR|`)
    fs.renameSync(`${path}/a b`, `${path}/c`)
    assert.equal(await next(), `${year} ${path}/|a b|MOVED_FROM,ISDIR|MOVED_FROM;ISDIR|`)
    assert.equal(await next(), `${year} ${path}/|c|MOVED_TO,ISDIR|MOVED_TO;ISDIR|`)
    fs.writeFileSync(`${path}/c/below`, '')
    fs.rmSync(`${path}/c/below`)
    fs.rmdirSync(`${path}/c`)
    assert.equal(await next(), `${year} ${path}/|c|DELETE,ISDIR|DELETE;ISDIR|`)
    fs.rmdirSync(path)
    assert.equal(await next(), `${year} ${path}/||DELETE_SELF|DELETE_SELF|`)
    kq.child.kill('SIGINT')
    await kq.ended
  })

  test('writes paths between NUL characters, and as they are', async () => {
    const path = top()
    const kq = start(
      [
        ...['wait', '--all', '--vnode', path, '--exist', path],
        ...['--format', '%w%f%0', '--no-newline'],
      ],
      { stdout: 'pipe' },
    )
    await new Promise((resolve) => kq.child.stdout!.once('data', resolve))
    fs.writeFileSync(`${path}/new\nline\x1b`, '')
    const { stdout } = await kq.ended
    assert.equal(stdout, `${path}\0${path}/new\nline\x1b\0`)
  })

  test('and --recursive say what cannot be meant', async () => {
    const path = top()
    const vnode = ['--vnode', path]
    for (const [args, complaint] of [
      [[...vnode, '--format', '%q'], /--format has no %q, but %w, %f/],
      [[...vnode, '--format', 'a%'], /--format has no %, but/],
      [[...vnode, '--format', '%T'], /%T needs a --timefmt/],
      [[...vnode, '--format', '%T', '--timefmt', '%Q'], /--timefmt has no %Q/],
      [[...vnode, '--timefmt', '%F'], /--timefmt is of --format/],
      [[...vnode, '--no-newline'], /--no-newline is of --format/],
      [[...vnode, '--format', '%w', '--json'], /two ways to print/],
      [[...vnode, '--timer', '1s', '--format', '%w'], /--timer 1s is none/],
      [['--exist', path, '--recursive'], /--recursive is of --vnode/],
    ] as const) {
      const { code, stderr } = await run(['watch', ...args])
      assert.match(stderr, complaint)
      assert.equal(code, 2, stderr)
    }
    const silent = await run(['watch', '-r', '--vnode', '/proc/self'])
    assert.match(silent.stderr, /ENOTSUP: .*procfs/)
    assert.equal(silent.code, 1)
    const note = await run(['watch', '-r', '--vnode', `${path}:open`])
    assert.match(note.stderr, /EINVAL: what is in a directory, .*; not open\n$/)
    assert.equal(note.code, 1)
  })
})
