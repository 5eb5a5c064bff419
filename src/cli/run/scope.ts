/**
 * What counts in a directory, and in those below it: what the user has named, and what is
 * found where directories were named or patterns given.
 *
 *     const scopes = new Scopes(filter, { path: '/project', place })
 *     scopes.judge('src/run.ts', false).counts
 */
import { type Bytes, textOf } from '../bytes.js'
import type { Filter } from './filter.js'
import { type GitIgnore, hasRules, type Rules } from './gitignore.js'
import type { Pattern } from './pattern.js'
import type { Place } from './places.js'

/** A directory that is watched with what counts below. */
export interface Base {
  /** Absolute, '/' for the root directory. */
  readonly path: Bytes
  readonly place: Place
}

export interface Verdict {
  /** Whether to hear of it, and to enter it. */
  readonly admitted: boolean
  /** Of a file, whether a change of it is one to run for; of a directory, whether all in it is. */
  readonly counts: boolean
  /** Its place on the way to a path of the user, or at its end. */
  readonly place: Place | undefined
}

/** A pattern, and the directory that its paths are below. */
interface Search {
  readonly pattern: Pattern
  readonly from: Bytes
}

interface Scope {
  readonly path: Bytes
  readonly place: Place | undefined
  /** All that is in it counts, if the filter lets it. */
  readonly whole: boolean
  readonly searches: readonly Search[]
  /** What git ignores in it. */
  readonly rules: Rules | undefined
}

export class Scopes {
  readonly #filter: Filter
  readonly #git: GitIgnore | undefined
  readonly #known = new Map<Bytes, Scope>()
  /** That of the last question: most names are asked for directory by directory. */
  #last: { readonly directory: Bytes; readonly scope: Scope }

  /** @param git what it ignores, unless that counts */
  constructor(filter: Filter, base: Base, git: GitIgnore | undefined) {
    this.#filter = filter
    this.#git = git
    const { path, place } = base
    const root = {
      path,
      place,
      whole: place.target,
      searches: place.patterns.map((pattern) => ({ pattern, from: path })),
      rules: isEnd(place) ? git?.at(path) : undefined,
    }
    this.#known.set('', root)
    this.#last = { directory: '', scope: root }
  }

  /** @param path below the base */
  judge(path: Bytes, directory: boolean): Verdict {
    const { scope, name, place } = this.#at(path)
    const named = place?.target === true
    const full = below(scope.path, name)
    const found = this.#finds(scope, full, name, directory)
    if (directory) {
      const counts = named || (found && scope.whole)
      const enters = found && (scope.whole || searchesIn(scope.searches, full).length > 0)
      return { admitted: place !== undefined || enters, counts, place }
    }
    const listed = found && this.#filter.counts(name)
    const counts = named || (listed && (scope.whole || matches(scope.searches, full)))
    const admitted = counts || place !== undefined || isRules(scope, name)
    return { admitted, counts, place }
  }

  /** Whether a file says what counts. */
  isRules(path: Bytes): boolean {
    const { scope, name, place } = this.#at(path)
    return isRules(scope, name) || place?.rules === true
  }

  /** The place of a path, if it is on the way to one of the user, or at its end. */
  placeOf(path: Bytes): Place | undefined {
    return this.#at(path).place
  }

  /** The directory of a path, its name there, and its place. */
  #at(path: Bytes) {
    const cut = path.lastIndexOf('/')
    const scope = this.#of(cut === -1 ? '' : path.slice(0, cut))
    const name = path.slice(cut + 1)
    return { scope, name, place: scope.place?.children.get(name) }
  }

  #of(directory: Bytes): Scope {
    if (this.#last.directory === directory) return this.#last.scope
    let scope = this.#known.get(directory)
    if (scope === undefined) {
      const { scope: above, name, place } = this.#at(directory)
      scope = this.#within(above, name, place)
      this.#known.set(directory, scope)
    }
    this.#last = { directory, scope }
    return scope
  }

  #within(above: Scope, name: Bytes, place: Place | undefined): Scope {
    const path = below(above.path, name)
    const found = this.#finds(above, path, name, true)
    const isNamed = place !== undefined && isEnd(place)
    return {
      path,
      place,
      whole: place?.target === true || (found && above.whole),
      searches: [
        ...(found ? searchesIn(above.searches, path) : []),
        ...(place?.patterns ?? []).map((pattern) => ({ pattern, from: path })),
      ],
      rules: found
        ? this.#git?.below(above.rules, path)
        : isNamed
          ? this.#git?.at(path)
          : undefined,
    }
  }

  /** Whether a name is looked at because of the directory that it is in. */
  #finds({ whole, searches, rules }: Scope, path: Bytes, name: Bytes, directory: boolean): boolean {
    return (
      (whole || searches.length > 0) &&
      this.#filter.enters(path, name) &&
      !rules?.ignores(path, directory)
    )
  }
}

function isEnd({ target, patterns }: Place): boolean {
  return target || patterns.length > 0
}

function isRules({ rules }: Scope, name: Bytes): boolean {
  return rules !== undefined && hasRules(name)
}

export function below(directory: Bytes, name: Bytes): Bytes {
  return directory === '/' ? `/${name}` : `${directory}/${name}`
}

function relative({ from }: Search, path: Bytes): string {
  return textOf(path.slice(from === '/' ? 1 : from.length + 1))
}

function searchesIn(searches: readonly Search[], path: Bytes): readonly Search[] {
  return searches.filter((search) => search.pattern.enters(relative(search, path)))
}

function matches(searches: readonly Search[], path: Bytes): boolean {
  return searches.some((search) => search.pattern.matches(relative(search, path)))
}
