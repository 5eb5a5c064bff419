/** vnodeEvents: what happens to a file or directory, by path or descriptor, with names. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import {
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_OPEN,
  NOTE_RENAME,
  NOTE_WRITE,
  type VnodeEvent,
  vnodeEvents,
} from 'kqueue'
import * as posix from '../native/posix.js'
import { directory, names, noted, watches, watching } from './files.js'
import { descriptors } from './processes.js'
import { cleanUp, pipe } from './queues.js'

cleanUp()

/** The events of a file from now on, and a way to end them. */
function events(...[file, notes, given]: Parameters<typeof vnodeEvents>) {
  const iterator = vnodeEvents(file, notes, given)
  /** In the end nobody waits for the last. */
  const ask = () => {
    const coming = iterator.next()
    coming.catch(() => {})
    return coming
  }
  let coming = ask()
  return async (): Promise<[string, string[]]> => {
    const { value } = (await coming) as { value: VnodeEvent }
    coming = ask()
    return [names(value.notes), value.names]
  }
}

/** The same, ended by a signal. */
function endable(file: Parameters<typeof vnodeEvents>[0], notes?: number) {
  const controller = new AbortController()
  const next = events(file, notes, { signal: controller.signal })
  return { next, end: () => controller.abort() }
}

describe('vnodeEvents', () => {
  it('tells what happens to a file, by path, URL or descriptor', async () => {
    const path = join(directory(), 'file')
    fs.writeFileSync(path, '')
    const fd = fs.openSync(path, 'r')
    for (const file of [path, pathToFileURL(path), Buffer.from(path), fd]) {
      const { next, end } = endable(file)
      fs.appendFileSync(path, 'x')
      assert.deepEqual(await next(), ['WRITE EXTEND', []])
      fs.chmodSync(path, 0o640)
      assert.deepEqual(await next(), ['ATTRIB', []])
      end()
    }
    fs.closeSync(fd)
  })

  it('tells the names of entries', async () => {
    const path = directory()
    fs.mkdirSync(join(path, 'inner'))
    const { next, end } = endable(path)
    fs.writeFileSync(join(path, 'one'), '')
    fs.writeFileSync(join(path, 'two'), '')
    fs.unlinkSync(join(path, 'two'))
    assert.deepEqual(await next(), ['WRITE', ['one', 'two']])
    fs.renameSync(join(path, 'one'), join(path, 'ünï'))
    assert.deepEqual(await next(), ['WRITE', ['one', 'ünï']])
    fs.writeFileSync(join(path, 'inner/hidden'), '')
    fs.appendFileSync(join(path, 'ünï'), 'not an entry')
    fs.chmodSync(path, 0o750)
    assert.deepEqual(await next(), ['ATTRIB', []])
    fs.rmSync(join(path, 'inner'), { recursive: true })
    assert.deepEqual(await next(), ['WRITE LINK', ['inner']])
    end()
  })

  it('gives each event the names that belong to it, however they are taken', async () => {
    const path = directory()
    const many = endable(path)
    const other = watching(posix.open(path))
    const seen: string[] = []
    for (let i = 0; i < 100; i++) {
      fs.writeFileSync(join(path, `file${i}`), '')
      // Another queue of the thread takes in what has happened.
      if (i % 3 === 0) assert.equal(noted(other), 'WRITE')
      if (i % 7 === 0) seen.push(...(await many.next())[1])
    }
    while (seen.length < 100) seen.push(...(await many.next())[1])
    assert.deepEqual(
      seen,
      Array.from({ length: 100 }, (_, i) => `file${i}`),
    )
    many.end()
    posix.close(other.knotes()[0]!.ident)
  })

  it('loses nothing while the loop is elsewhere', async () => {
    const path = directory()
    const { next, end } = endable(path)
    fs.writeFileSync(join(path, 'one'), '')
    assert.deepEqual(await next(), ['WRITE', ['one']])
    fs.writeFileSync(join(path, 'two'), '')
    await new Promise((resolve) => setImmediate(resolve))
    fs.writeFileSync(join(path, 'three'), '')
    const [, first] = await next()
    const rest = first.length === 2 ? [] : (await next())[1]
    assert.deepEqual([...first, ...rest], ['two', 'three'])
    end()
  })

  it('follows the file, not its path, and reports its end', async () => {
    const path = join(directory(), 'file')
    fs.writeFileSync(path, '')
    const { next, end } = endable(path)
    fs.renameSync(path, `${path}-renamed`)
    assert.deepEqual(await next(), ['RENAME', []])
    fs.writeFileSync(path, 'another')
    fs.unlinkSync(`${path}-renamed`)
    assert.deepEqual(await next(), ['DELETE', []])
    end()
  })

  it('reports what was asked for, and is no event itself', async () => {
    const path = join(directory(), 'file')
    fs.writeFileSync(path, '')
    const { next, end } = endable(path, NOTE_OPEN | NOTE_RENAME)
    const second = endable(path, NOTE_ATTRIB)
    second.end()
    fs.chmodSync(path, 0o640)
    fs.closeSync(fs.openSync(path, 'r'))
    assert.deepEqual(await next(), ['OPEN', []])
    end()
  })

  it('goes on when the descriptor that was given is closed', async () => {
    const path = join(directory(), 'file')
    fs.writeFileSync(path, '')
    const fd = fs.openSync(path, 'r')
    const { next, end } = endable(fd)
    fs.closeSync(fd)
    fs.appendFileSync(path, 'x')
    assert.deepEqual(await next(), ['WRITE EXTEND', []])
    end()
  })

  it('opens a fifo without waiting', async () => {
    const path = join(directory(), 'fifo')
    posix.mkfifo(path)
    const { next, end } = endable(path)
    fs.unlinkSync(path)
    assert.deepEqual(await next(), ['DELETE', []])
    end()
  })

  it('closes what it opened when the loop is left or throws', async () => {
    const path = directory()
    const before = descriptors()
    for (const leave of [() => {}, () => assert.fail('left')]) {
      try {
        const iterator = vnodeEvents(path)
        const first = iterator.next()
        fs.utimesSync(path, 1, 1)
        await first
        fs.utimesSync(path, 1, 1)
        for await (const { notes } of iterator) {
          assert.equal(notes, NOTE_ATTRIB)
          leave()
          break
        }
      } catch (error) {
        assert.equal((error as Error).message, 'left')
      }
      assert.deepEqual(watches(), [])
      assert.ok(descriptors() <= before)
    }
  })

  it('rejects with what is wrong', async () => {
    const before = descriptors()
    const rejects = async (code: string, ...given: unknown[]) => {
      const call = vnodeEvents as (...values: unknown[]) => ReturnType<typeof vnodeEvents>
      await assert.rejects(call(...given).next(), { code })
    }
    const [r] = pipe()
    await rejects('ENOENT', '/no/such/file')
    await rejects('ENOTDIR', '/dev/null/file')
    await rejects('EBADF', 12345)
    await rejects('EBADF', -1)
    await rejects('EINVAL', r)
    await rejects('EINVAL', '/dev/null')
    await rejects('ENOTSUP', '/proc/self/status')
    await rejects('ERR_INVALID_ARG_TYPE', null)
    await rejects('ERR_INVALID_ARG_TYPE', {})
    await rejects('ERR_INVALID_ARG_TYPE', '/', 'NOTE_WRITE')
    await rejects('EINVAL', '/', 1.5)
    await rejects('ERR_INVALID_ARG_TYPE', '/', NOTE_WRITE, { signal: 1 })
    assert.equal(descriptors(), before + 2)
  })

  it('rejects with the reason of a signal', async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    const before = descriptors()
    const iterator = vnodeEvents(directory(), NOTE_DELETE, { signal: controller.signal })
    const coming = iterator.next()
    assert.equal(watches().length, 2)
    controller.abort(reason)
    await assert.rejects(coming, reason)
    assert.deepEqual(await iterator.next(), { value: undefined, done: true })
    assert.deepEqual(watches(), [])
    assert.ok(descriptors() <= before)
    const late = vnodeEvents('/', NOTE_DELETE, { signal: controller.signal })
    await assert.rejects(late.next(), reason)
  })
})

describe('vnodeEvents of more than the system keeps', () => {
  const QUEUED = Number(fs.readFileSync('/proc/sys/fs/inotify/max_queued_events', 'latin1'))

  it('tells all notes and no names, and then goes on', { skip: QUEUED > 100_000 }, async () => {
    const path = directory('/dev/shm')
    const { next, end } = endable(path, NOTE_WRITE | NOTE_DELETE)
    for (let i = 0; i <= QUEUED; i++)
      posix.close(posix.open(join(path, `${i}`), posix.constants.O_CREAT))
    assert.deepEqual(await next(), ['DELETE WRITE', []])
    fs.unlinkSync(join(path, '0'))
    assert.deepEqual(await next(), ['WRITE', ['0']])
    end()
  })

  it('or than a program takes, as well', async () => {
    const path = directory('/dev/shm')
    const { next, end } = endable(path, NOTE_WRITE | NOTE_DELETE)
    const other = watching(posix.open(path), NOTE_WRITE)
    for (let i = 0; i < 70_000; i++) {
      fs.mkdirSync(join(path, `${i}`))
      fs.rmdirSync(join(path, `${i}`))
      if (i % 4000 === 0) noted(other)
    }
    noted(other)
    assert.deepEqual(await next(), ['DELETE WRITE', []])
    fs.writeFileSync(join(path, 'file'), '')
    assert.deepEqual(await next(), ['WRITE', ['file']])
    posix.close(other.knotes()[0]!.ident)
    end()
  })
})
