/** treeEvents, on both kernels. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { within } from '../patience.js'
import { type Events, happened, Model, PLACES, type Place, remove, told, walk } from './trees.js'

/** A tree that is watched: the first `next` has been called. */
async function begin(place: Place, options = {}): Promise<Events> {
  let ready: () => void
  const watched = new Promise<void>((resolve) => (ready = resolve))
  const events = place.watch({ ...options, ready: () => ready() })
  const first = events.next()
  first.catch(() => {})
  await within(watched, 'the tree to be watched')
  const next = events.next.bind(events)
  let begun: typeof first | undefined = first
  events.next = () => {
    const answer = begun ?? next()
    begun = undefined
    return answer
  }
  return events
}

for (const make of PLACES) {
  describe(`treeEvents on ${make.name || make().name}`, () => {
    it('tells of names that come and go, of content and of attributes', async () => {
      const place = make()
      const events = await begin(place)
      place.write('file')
      place.chmod('file')
      place.unlink('file')
      const all = await happened(place, events)
      assert.deepEqual(
        all.map(({ type, path }) => `${type} ${path}`),
        ['create file', 'write file', 'attributes file', 'delete file'],
      )
      await events.return()
    })

    it('tells of each entry of new directories once', async () => {
      const place = make()
      const events = await begin(place)
      for (const path of ['a', 'a/b', 'a/b/c']) place.mkdir(path)
      place.write('a/b/c/f')
      const all = told(await happened(place, events))
      assert.deepEqual(all, ['create a', 'create a/b', 'create a/b/c', 'create a/b/c/f'])
      place.write('a/b/c/g')
      assert.deepEqual(told(await happened(place, events)), ['create a/b/c/g'])
      await events.return()
    })

    it('tells of a rename with both names, and of what is below by the new one', async () => {
      const place = make()
      place.mkdir('a')
      place.mkdir('a/b')
      place.mkdir('c')
      const events = await begin(place)
      place.rename('a', 'c/d')
      place.write('c/d/b/f')
      const all = await happened(place, events)
      assert.deepEqual(told(all), ['rename a to c/d', 'create c/d/b/f'])
      await events.return()
    })

    it('tells of all that is moved into the tree, and out of it', async () => {
      const place = make()
      place.mkdir('../outside')
      place.mkdir('../outside/in')
      place.write('../outside/in/f')
      const events = await begin(place)
      place.rename('../outside', 'x')
      assert.deepEqual(told(await happened(place, events)), [
        'create x',
        'create x/in',
        'create x/in/f',
      ])
      place.rename('x', '../outside')
      place.write('../outside/in/g')
      assert.deepEqual(told(await happened(place, events)), [
        'delete x/in/f',
        'delete x/in',
        'delete x',
      ])
      await events.return()
    })

    it('tells nothing of what is ignored, also after a rename', async () => {
      const place = make()
      for (const path of ['skip', 'skip/deep', 'a', 'a/skip']) place.mkdir(path)
      const asked: string[] = []
      const ignore = (path: string) => {
        asked.push(path)
        return path === 'skip'
      }
      const events = await begin(place, { ignore })
      place.write('skip/f')
      place.write('skip/deep/f')
      assert.deepEqual(await happened(place, events), [])
      assert.ok(!asked.includes('skip/deep'), 'it was not entered')
      place.rename('skip', 'seen')
      assert.deepEqual(told(await happened(place, events)).sort(), [
        'create seen',
        'create seen/deep',
        'create seen/deep/f',
        'create seen/f',
      ])
      place.rename('a', 'skip')
      assert.deepEqual(told(await happened(place, events)), ['delete a/skip', 'delete a'])
      await events.return()
    })

    it('does not enter directories when it is not recursive', async () => {
      const place = make()
      place.mkdir('a')
      const events = await begin(place, { recursive: false })
      place.write('a/f')
      place.mkdir('b')
      place.write('b/f')
      assert.deepEqual(told(await happened(place, events)), ['create b'])
      await events.return()
    })

    it('ends when the directory is removed, or moved away', async () => {
      for (const end of [
        (p: Place) => p.rmdir('../tree'),
        (p: Place) => p.rename('../tree', '../t'),
      ]) {
        const place = make()
        const events = await begin(place)
        end(place)
        let last = await place.next(events)
        for (;;) {
          const next = await place.next(events)
          if (next.done) break
          last = next
        }
        assert.deepEqual(last.value, { type: 'delete', path: '.', directory: true })
      }
    })

    it('rejects with the reason of its signal, before and while it waits', async () => {
      const place = make()
      const reason = new Error('enough')
      const early = place.watch({ signal: AbortSignal.abort(reason) })
      await assert.rejects(early.next(), reason)
      const abort = new AbortController()
      const events = place.watch({ signal: abort.signal })
      const next = events.next()
      abort.abort(reason)
      await assert.rejects(Promise.all([next, place.next(events)]), reason)
    })

    it('refuses what is no directory, and no options', async () => {
      const place = make()
      const wrong = { recursive: 1, ignore: 'x', ready: 1, followSymlinks: 'y', encoding: 1 }
      for (const [name, value] of Object.entries(wrong)) {
        await assert.rejects(place.watch({ [name]: value }).next(), {
          name: 'TypeError',
        })
      }
      const unknown = { encoding: 'hex' as 'utf8' }
      await assert.rejects(place.watch(unknown).next(), {
        name: 'TypeError',
        message: "encoding must be 'utf8' or 'latin1', not 'hex'",
      })
      remove(place, '../tree')
      await assert.rejects(place.watch().next(), { code: 'ENOENT' })
      place.write('../tree')
      await assert.rejects(place.watch().next(), { code: 'ENOTDIR' })
    })

    it('is not misled by what has taken the place of what a record is about', async () => {
      const place = make()
      place.mkdir('b')
      const model = new Model(walk(place))
      const events = await begin(place)
      place.mkdir('c')
      place.rename('c', 'b/a')
      place.rename('b', 'c')
      for (const event of await happened(place, events)) model.apply(event)
      assert.deepEqual(model.paths, ['c/', 'c/a/'])
    })

    it('tells what a model needs to become what is there', async () => {
      const { default: fc } = await import('fast-check')
      const name = fc.constantFrom('a', 'b', 'c')
      const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'))
      const outside = name.map((each) => `../${each}`)
      const step = fc.oneof(
        { weight: 4, arbitrary: fc.record({ do: fc.constant('mkdir' as const), path }) },
        { weight: 3, arbitrary: fc.record({ do: fc.constant('write' as const), path }) },
        {
          weight: 6,
          arbitrary: fc.record({
            do: fc.constant('rename' as const),
            path: fc.oneof({ weight: 4, arbitrary: path }, { weight: 1, arbitrary: outside }),
            to: fc.oneof({ weight: 4, arbitrary: path }, { weight: 1, arbitrary: outside }),
          }),
        },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), path }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('chmod' as const), path }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('look' as const), path }) },
      )
      const steps = fc.array(step, { minLength: 1, maxLength: 40 })
      await fc.assert(
        fc.asyncProperty(steps, fc.array(path, { maxLength: 5 }), async (all, before) => {
          const place = make()
          for (const each of before) attempt(() => place.mkdir(each))
          const model = new Model(walk(place))
          const events = await begin(place)
          const check = async () => {
            for (const event of await happened(place, events)) model.apply(event)
            assert.deepEqual(model.paths, walk(place).sort())
          }
          for (const each of all) {
            if (each.do === 'look') await check()
            else if (each.do === 'rename') attempt(() => place.rename(each.path, each.to))
            else if (each.do === 'remove') attempt(() => remove(place, each.path))
            else attempt(() => place[each.do as 'mkdir' | 'write' | 'chmod'](each.path))
          }
          await check()
          await events.return()
        }),
        { numRuns: 150 },
      )
    })
  })
}

/** What the system refuses is not done. */
function attempt(action: () => void): void {
  try {
    action()
  } catch (error) {
    assert.equal(typeof (error as NodeJS.ErrnoException).code, 'string', String(error))
  }
}
