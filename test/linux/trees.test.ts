/** treeEvents on Linux: descriptors, limits, lost records, links, names, workers, storms. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { describe, it } from 'node:test'
import { KqueueError, treeEvents, vnodeEvents } from 'kqueue'
import { happened, LinuxPlace, Model, told, walk } from '../api/trees.js'
import { limited, noUsers } from '../node/namespaces.js'
import { casesOf, start } from '../node/processes.js'
import { spawn, until, within } from '../patience.js'
import type { Cases } from '../programs/trees.js'

const trees = casesOf<Cases>('trees')

const descriptors = (): string[] => fs.readdirSync('/proc/self/fd')

function begin(place: LinuxPlace, options = {}) {
  const events = place.watch(options)
  const first = events.next()
  const next = events.next.bind(events)
  let begun: typeof first | undefined = first
  first.catch(() => {})
  events.next = () => {
    const answer = begun ?? next()
    begun = undefined
    return answer
  }
  return events
}

/** What an iteration is refused with. */
async function refusal(events: AsyncGenerator<unknown>): Promise<KqueueError> {
  const error = await within(events.next(), 'the refusal').then(
    () => assert.fail('it is not refused'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof KqueueError)
  return error
}

describe('treeEvents on Linux alone', () => {
  it('tells what differs when records were lost, and which files were written', async () => {
    const most = Number(fs.readFileSync('/proc/sys/fs/inotify/max_queued_events', 'latin1'))
    const place = new LinuxPlace()
    const names = Array.from({ length: 20 }, (_, i) => `d${i}`)
    for (const name of names) {
      place.mkdir(name)
      for (let i = 0; i < 5; i++) place.write(`${name}/old${i}`)
    }
    const model = new Model(walk(place))
    // Times of files are of the tick: those of before are to be earlier.
    await new Promise((resolve) => setTimeout(resolve, 200))
    // On a busy machine others have their turn before all of it is watched.
    let watched = false
    const events = begin(place, { ready: () => (watched = true) })
    await until(() => watched, 'the tree is watched')
    for (let i = 0; i < most + 100; i++) {
      place.write('busy')
      place.chmod('busy')
    }
    for (const name of names.slice(0, 5)) place.rename(name, `${name}-moved`)
    fs.rmSync(place.at('d10'), { recursive: true })
    for (const path of ['d11/a', 'd11/a/b']) place.mkdir(path)
    place.write('d11/a/b/f')
    place.write('d12/old3')
    const all = await happened(place, events).catch((error) => error)
    assert.ok(Array.isArray(all), String(all))
    for (const event of all) model.apply(event)
    assert.deepEqual(model.paths, walk(place).sort())
    const written = all.filter(({ type, path }) => type === 'write' && path.startsWith('d1'))
    assert.deepEqual(
      written.map(({ path }) => path),
      ['d12/old3'],
    )
    place.write('d0-moved/new')
    place.write('d11/a/b/g')
    assert.deepEqual(told(await happened(place, events)), [
      'create d0-moved/new',
      'create d11/a/b/g',
    ])
  })

  it('takes no descriptor a file or directory, and leaves none', async () => {
    const place = new LinuxPlace()
    const once = begin(place)
    place.write('once')
    await place.next(once)
    await once.return()
    const before = descriptors().length
    for (let i = 0; i < 300; i++) {
      place.mkdir(`d${i}`)
      place.write(`d${i}/f`)
    }
    const events = begin(place)
    assert.ok(descriptors().length < before + 10, `${before}, then ${descriptors().length}`)
    place.write('f')
    await place.next(events)
    await events.return()
    assert.equal(descriptors().length, before)
  })

  it('does not follow symbolic links, unless it is asked to', async () => {
    const place = new LinuxPlace()
    place.mkdir('../other')
    fs.symlinkSync('../other', place.at('link'))
    fs.symlinkSync('.', place.at('loop'))
    const plain = begin(place)
    const following = begin(place, { followSymlinks: true })
    place.write('../other/f')
    assert.deepEqual(told(await happened(place, plain)), [])
    assert.deepEqual(told(await happened(place, following)).slice(0, 1), ['create link/f'])
  })

  it('watches names that are not UTF-8', async () => {
    const place = new LinuxPlace()
    const events = begin(place)
    const odd = Buffer.concat([Buffer.from(place.at('d')), Buffer.from([0xff])])
    fs.mkdirSync(odd)
    fs.writeFileSync(Buffer.concat([odd, Buffer.from('/ä')]), '')
    assert.deepEqual(told(await happened(place, events)), ['create d\ufffd', 'create d\ufffd/ä'])
    fs.writeFileSync(Buffer.concat([odd, Buffer.from('/b')]), '')
    assert.deepEqual(told(await happened(place, events)), ['create d\ufffd/b'])
  })

  it('gives such names whole where a character is to be a byte', async () => {
    const place = new LinuxPlace()
    const asked: string[] = []
    const ignore = (path: string) => asked.push(path) === 0
    const events = begin(place, { encoding: 'latin1', ignore })
    const odd = Buffer.concat([Buffer.from(place.at('ä')), Buffer.from([0xff])])
    fs.writeFileSync(odd, '')
    fs.renameSync(odd, place.at('b'))
    assert.deepEqual(told(await happened(place, events)), [
      'create \u00c3\u00a4\u00ff',
      'rename \u00c3\u00a4\u00ff to b',
    ])
    assert.deepEqual(asked.slice(0, 2), ['\u00c3\u00a4\u00ff', 'b'])
  })

  it('says which limit of watches is reached, and leaves nothing', { skip: noUsers }, () => {
    const place = new LinuxPlace()
    for (let i = 0; i < 50; i++) place.mkdir(`d${i}`)
    const made = limited('max_inotify_watches', 20, trees('fails', place.path))
    assert.equal(made.status, 0, made.stderr)
    const [code, name, message, more] = JSON.parse(made.stdout)
    assert.deepEqual([code, name, more], ['ENOSPC', 'KqueueError', 0])
    assert.match(message, /user\.max_inotify_watches of this user namespace allows no more than 20/)
  })

  it('refuses a file system that does not tell, as EVFILT_VNODE does, and leaves nothing', async () => {
    // What the package opens once.
    await refusal(vnodeEvents('/proc/self'))
    await refusal(treeEvents('/proc/self'))
    const before = descriptors()
    for (const path of ['/proc/self', '/proc', '/sys']) {
      const said = await refusal(vnodeEvents(path))
      assert.match(said.reason!, /^Linux does not tell when files of \w+fs change$/)
      let began = false
      const tree = treeEvents(path, { ready: () => (began = true) })
      const { name, code, errno, syscall, reason } = await refusal(tree)
      assert.deepEqual(
        { name, code, errno, syscall, reason },
        {
          name: 'KqueueError',
          code: 'ENOTSUP',
          errno: said.errno,
          syscall: said.syscall,
          reason: said.reason,
        },
      )
      assert.ok(!began)
      assert.equal((await tree.next()).done, true)
    }
    const file = treeEvents('/proc/self/status')
    await assert.rejects(within(file.next(), 'the refusal'), { code: 'ENOTDIR' })
    assert.deepEqual(descriptors(), before)
  })

  it('works in a worker, and ends with it', async () => {
    const place = new LinuxPlace()
    const before = descriptors().length
    const worker = start(trees('tells', place.path))
    const messages: string[] = []
    const come = (what: string) =>
      within(
        new Promise<void>((resolve) => {
          worker.on('message', (message) => {
            messages.push(message)
            if (message === what) resolve()
          })
        }),
        what,
      )
    await come('ready')
    const told = come('file')
    place.write('file')
    await told
    await worker.terminate()
    assert.ok(descriptors().length <= before + 2, 'it has closed what it had')
  })

  it('keeps an exact account of others that do what they like', async () => {
    const place = new LinuxPlace()
    const model = new Model()
    const events = begin(place)
    const storm = `
      cd "$0" && for i in 1 2 3 4 5 6 7 8; do
        mkdir -p a/b/c x/y && touch a/b/c/f x/y/g
        mv a x/y/a && mkdir -p a/b && mv x/y/a/b/c a/b/d && echo more >> a/b/d/f
        mv x z$i && rm -rf a && mkdir a && touch a/new && rm -r a
        cp -r z$i w && mv w/y z$i/w && rm -rf w
      done`
    const child = spawn('sh', ['-c', storm, place.path], { stdio: 'inherit' })
    const done = within(once(child, 'exit'), 'the storm')
    let over = false
    const end = done.then(([status]) => {
      over = true
      place.write('end')
      return status
    })
    for (;;) {
      const { value } = await place.next(events)
      assert.ok(value)
      if (over && value.path === 'end') break
      model.apply(value)
    }
    assert.equal(await end, 0)
    const disk = walk(place).filter((path) => path !== 'end')
    assert.deepEqual(model.paths, disk.sort())
  })
})
