/**
 * Trees for tests of treeEvents: a directory on each kernel, what is done to it, and a model
 * to which events are done, strictly, so that it has to become what is there.
 */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Calls, type TreeEvent, type TreeOptions, treeEvents } from 'kqueue'
import { O_APPEND, O_CREAT, O_WRONLY, SimKernel } from 'kqueue/sim'
import { whenOver, within } from '../patience.js'

export type Events = ReturnType<Calls['treeEvents']>

/** A kernel with a directory; paths are of that, `../` leads out of it. */
export interface Place {
  readonly name: string
  readonly path: string
  watch(options?: TreeOptions): Events
  /** The next event, for which somebody may have to run. */
  next(events: Events): Promise<IteratorResult<TreeEvent, void>>
  mkdir(path: string): void
  write(path: string): void
  rename(from: string, to: string): void
  unlink(path: string): void
  rmdir(path: string): void
  chmod(path: string): void
  list(path: string): string[]
  isDirectory(path: string): boolean
}

export class LinuxPlace implements Place {
  readonly name = 'Linux'
  readonly #base = fs.mkdtempSync(join(tmpdir(), 'kqueue-tree-'))
  readonly path = join(this.#base, 'tree')

  constructor() {
    fs.mkdirSync(this.path)
    whenOver(() => fs.rmSync(this.#base, { recursive: true, force: true }))
  }

  at(path: string): string {
    return join(this.path, path)
  }

  watch(options?: TreeOptions): Events {
    const events = treeEvents(this.path, options)
    whenOver(() => events.return())
    return events
  }

  next(events: Events) {
    return within(events.next(), 'an event')
  }

  mkdir(path: string): void {
    fs.mkdirSync(this.at(path))
  }

  write(path: string): void {
    fs.appendFileSync(this.at(path), 'x')
  }

  rename(from: string, to: string): void {
    fs.renameSync(this.at(from), this.at(to))
  }

  unlink(path: string): void {
    fs.unlinkSync(this.at(path))
  }

  rmdir(path: string): void {
    fs.rmdirSync(this.at(path))
  }

  chmod(path: string): void {
    fs.chmodSync(this.at(path), 0o755)
  }

  list(path: string): string[] {
    return fs.readdirSync(this.at(path))
  }

  isDirectory(path: string): boolean {
    return fs.lstatSync(this.at(path)).isDirectory()
  }
}

export class SimPlace implements Place {
  readonly name = 'the simulated kernel'
  readonly path = '/tree'
  readonly kernel = new SimKernel()
  readonly #p = this.kernel.init

  constructor() {
    this.#p.mkdir('/tree')
  }

  at(path: string): string {
    return path.startsWith('../') ? path.slice(2) : `/tree/${path}`
  }

  watch(options?: TreeOptions): Events {
    return this.#p.system.treeEvents(this.path, options)
  }

  async next(events: Events) {
    const next = events.next()
    next.catch(() => {})
    await this.kernel.run()
    return within(next, 'an event')
  }

  mkdir(path: string): void {
    this.#p.mkdir(this.at(path))
  }

  write(path: string): void {
    const fd = this.#p.open(this.at(path), O_WRONLY | O_CREAT | O_APPEND)
    this.#p.write(fd, 'x')
    this.#p.close(fd)
  }

  rename(from: string, to: string): void {
    this.#p.rename(this.at(from), this.at(to))
  }

  unlink(path: string): void {
    this.#p.unlink(this.at(path))
  }

  rmdir(path: string): void {
    this.#p.rmdir(this.at(path))
  }

  chmod(path: string): void {
    this.#p.chmod(this.at(path), 0o755)
  }

  list(path: string): string[] {
    return this.#p.readdir(this.at(path))
  }

  isDirectory(path: string): boolean {
    return this.#p.stat(this.at(path)).type === 'directory'
  }
}

export const PLACES = [() => new LinuxPlace(), () => new SimPlace()]

/** Removes a file, or a directory and what is in it. */
export function remove(place: Place, path: string): void {
  if (!place.isDirectory(path)) {
    place.unlink(path)
    return
  }
  for (const name of place.list(path)) remove(place, `${path}/${name}`)
  place.rmdir(path)
}

/** What is there: paths, those of directories with a slash. */
export function walk(place: Place, path = ''): string[] {
  return place.list(path === '' ? '.' : path).flatMap((name) => {
    const below = path === '' ? name : `${path}/${name}`
    return place.isDirectory(below) ? [`${below}/`, ...walk(place, below)] : [below]
  })
}

/** What should be there, going by the events. */
export class Model {
  readonly #paths = new Map<string, boolean>()

  constructor(paths: string[] = []) {
    for (const path of paths) this.#paths.set(path.replace(/\/$/, ''), path.endsWith('/'))
  }

  get paths(): string[] {
    return [...this.#paths].map(([path, directory]) => (directory ? `${path}/` : path)).sort()
  }

  apply(event: TreeEvent): void {
    const { type, path, from, directory } = event
    const said = JSON.stringify(event)
    const paths = this.#paths
    const above = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : null
    const below = (of: string) => [...paths.keys()].filter((each) => each.startsWith(`${of}/`))
    if (path === '.') return
    if (above !== null) assert.equal(paths.get(above), true, `it is in a directory: ${said}`)
    if (type === 'create') {
      assert.ok(!paths.has(path), `it is new: ${said}`)
      paths.set(path, directory)
      return
    }
    const old = from ?? path
    assert.equal(paths.get(old), directory, `it was there: ${said}`)
    if (type === 'delete') assert.deepEqual(below(path), [], `it is empty: ${said}`)
    if (type === 'delete') paths.delete(path)
    if (type !== 'rename') return
    const moved = [old, ...below(old)].map((each) => [each, paths.get(each)!] as const)
    for (const [each] of moved) paths.delete(each)
    assert.deepEqual(below(path), [], `it takes the place of nothing: ${said}`)
    for (const [each, is] of moved) paths.set(path + each.slice(old.length), is)
  }
}

let marks = 0

/** All events until now. */
export async function happened(place: Place, events: Events): Promise<TreeEvent[]> {
  const mark = `mark-${marks++}`
  place.write(mark)
  const all: TreeEvent[] = []
  for (;;) {
    const { value, done } = await place.next(events)
    assert.ok(!done, 'it goes on')
    if (value.path === mark && value.type === 'create') break
    if (value.path !== mark) all.push(value)
  }
  place.unlink(mark)
  for (;;) {
    const { value, done } = await place.next(events)
    assert.ok(!done, 'it goes on')
    if (value.path === mark && value.type === 'delete') return all
    if (value.path !== mark) all.push(value)
  }
}

/** 'create a/b', 'rename a to b': what was told, of which writes and attributes are left out. */
export function told(events: TreeEvent[]): string[] {
  return events
    .filter(({ type }) => type !== 'write' && type !== 'attributes')
    .map(({ type, path, from }) =>
      from === undefined ? `${type} ${path}` : `${type} ${from} to ${path}`,
    )
}
