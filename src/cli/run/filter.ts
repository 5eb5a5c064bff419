/**
 * Which of the names that are found in a directory count. Paths that the user has named
 * count always, and are not asked for here.
 *
 *     const filter = new Filter({ ignored: ['dist'], extensions: ['ts'], defaults: true })
 *     filter.enters('/project/src/run.ts', 'run.ts') && filter.counts('run.ts')
 */
import { resolve } from 'node:path'
import { type Bytes, textOf } from '../bytes.js'
import { globToRegExp, literally } from './glob.js'
import type { RunRequest } from './options.js'
import { currentDirectory } from './paths.js'

/** What no command is to be run for, unless it is asked for. */
export const IGNORED = [
  // Version control, and packages of others.
  '.git',
  '.hg',
  '.svn',
  '.bzr',
  '_darcs',
  '.jj',
  'node_modules',
  '__pycache__',
  '*.pyc',
  '.DS_Store',
  // What editors write beside a file: vim, emacs, gedit, kate and JetBrains.
  '*~',
  '*.sw[a-z]',
  '*.swpx',
  '4913',
  '.#*',
  '#*#',
  '.goutputstream-*',
  '.*.kate-swp',
  '*___jb_tmp___',
  '*___jb_old___',
] as const

export type FilterOptions = Pick<RunRequest, 'ignored' | 'extensions' | 'defaults'>

export class Filter {
  readonly #names: RegExp[]
  readonly #paths: RegExp[]
  readonly #endings: string[]

  /** @throws SourceError */
  constructor({ ignored, extensions, defaults }: FilterOptions) {
    const patterns = ignored.map((pattern) => pattern.replace(/(?<=.)\/+$/, ''))
    const names = patterns.filter((pattern) => !pattern.includes('/'))
    const paths = patterns.filter((pattern) => pattern.includes('/'))
    const here = paths.length > 0 ? literally(currentDirectory()) : '/'
    this.#names = [...(defaults ? IGNORED : []), ...names].map(globToRegExp)
    this.#paths = paths.map((pattern) => globToRegExp(resolve(here, pattern)))
    this.#endings = extensions.map((extension) => `.${extension}`)
  }

  /** Whether all that have no extensions count, such as directories. */
  get countsAll(): boolean {
    return this.#endings.length === 0
  }

  /** Whether what has this absolute path is looked at, and if it is a directory what is in it. */
  enters(path: Bytes, name: Bytes): boolean {
    const text = textOf(name)
    if (this.#names.some((pattern) => pattern.test(text))) return false
    return this.#paths.length === 0 || !this.#paths.some((pattern) => pattern.test(textOf(path)))
  }

  /** Whether a file of this name counts. */
  counts(name: Bytes): boolean {
    return this.countsAll || this.#endings.some((ending) => textOf(name).endsWith(ending))
  }
}
