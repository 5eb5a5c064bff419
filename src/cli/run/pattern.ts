/**
 * A path with wildcards, which stands for what it matches now and later.
 *
 *     const { directory, pattern } = patternOf('src/**' + '/*.ts') ?? plainPath
 *     pattern.matches('a/b.ts') // below `directory`
 */
import { globToRegExp } from './glob.js'

const WILD = /[*?[{]/

export class Pattern {
  readonly #whole: RegExp
  /** For each directory on the way to a match; what is deeper may be any. */
  readonly #way: RegExp[] = []
  readonly #deep: boolean

  /** @param text the path below the directory in which it is looked for */
  constructor(readonly text: string) {
    this.#whole = globToRegExp(text)
    const names = text.split('/')
    let depth = names.findIndex((name) => name.includes('**') || /[{}]/.test(name))
    this.#deep = depth !== -1
    if (depth === -1) depth = names.length - 1
    for (let i = 1; i <= depth; i++) {
      this.#way.push(globToRegExp(names.slice(0, i).join('/')))
    }
  }

  matches(path: string): boolean {
    return this.#whole.test(path)
  }

  /** Whether there may be matches in this directory. */
  enters(path: string): boolean {
    const depth = path.split('/').length
    const names = this.#way[depth - 1]
    if (names !== undefined) return names.test(path)
    const last = this.#way.at(-1)
    if (!this.#deep) return false
    return last === undefined || last.test(path.split('/').slice(0, this.#way.length).join('/'))
  }
}

/**
 * A path with wildcards as a directory without any, and what is to be found there;
 * undefined when there are no wildcards in it.
 */
export function patternOf(path: string): { directory: string; pattern: Pattern } | undefined {
  const names = path.split('/').filter((name, i) => i === 0 || (name !== '' && name !== '.'))
  const first = names.findIndex((name) => WILD.test(name))
  if (first === -1) return undefined
  const above = names.slice(0, first).map((name) => name.replace(/\\(.)/gs, '$1'))
  const directory = first === 0 ? '.' : above.join('/') || '/'
  return { directory, pattern: new Pattern(names.slice(first).join('/')) }
}
