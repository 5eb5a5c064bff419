/**
 * What git ignores: `.gitignore` of a directory and of those above it in the repository,
 * `info/exclude`, and the user's own file. Files that git tracks although a pattern matches
 * them are not known here. Patterns match bytes, as those of git do.
 *
 *     const git = new GitIgnore()
 *     const rules = git.at('/project/src')
 *     rules?.ignores('/project/src/a.o', false)
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import ignore, { type Ignore } from 'ignore'
import { childProcess } from '../../late.js'
import { type Bytes, bytesOf, pathOf, textOf } from '../bytes.js'

const RULES = '.gitignore'

/** The rules of one directory. Paths are absolute. */
export class Rules {
  constructor(
    /** What patterns are below. */
    readonly root: Bytes,
    readonly patterns: Ignore,
  ) {}

  /** Whether git ignores what is in a directory that it does not ignore. */
  ignores(path: Bytes, directory: boolean): boolean {
    const below = relative(this.root, path)
    return below !== '' && this.patterns.ignores(directory ? `${below}/` : below)
  }
}

export class GitIgnore {
  /** The user's own patterns in each repository. */
  readonly #own = new Map<Bytes, string>()

  /** Those of a directory that was named; undefined where there is no repository. */
  at(directory: Bytes): Rules | undefined {
    const root = rootOf(directory)
    if (root === undefined) return undefined
    let rules = this.#begin(root, root)
    for (const path of between(root, directory)) {
      // What is named counts, and only what it says itself is ignored in it.
      rules = rules.ignores(path, true) ? this.#begin(root, path) : this.#extend(rules, path)
    }
    return rules
  }

  /** Those of a directory below one whose rules are known. */
  below(rules: Rules | undefined, directory: Bytes): Rules | undefined {
    if (isRepository(directory)) return this.#begin(directory, directory)
    return rules && this.#extend(rules, directory)
  }

  /** The files with rules for directories that are not in them: they need not be there. */
  filesAbove(directories: Iterable<Bytes>): Set<Bytes> {
    const files = new Set<Bytes>()
    for (const directory of directories) {
      const root = rootOf(directory)
      if (root === undefined) continue
      files.add(excludeOf(root))
      for (const path of [root, ...between(root, directory)].slice(0, -1)) {
        files.add(`${path}/${RULES}`)
      }
    }
    return files
  }

  /** @param from where patterns begin: the repository, or a directory in it that it ignores */
  #begin(root: Bytes, from: Bytes): Rules {
    let own = this.#own.get(root)
    if (own === undefined) {
      own = contentOf(ownFile(root))
      this.#own.set(root, own)
    }
    const patterns = rulesOf(own, '')
    if (from === root) patterns.push(...rulesOf(contentOf(excludeOf(root)), ''))
    return this.#extend(new Rules(from, matcher().add(patterns)), from)
  }

  #extend(rules: Rules, directory: Bytes): Rules {
    const content = contentOf(`${directory}/${RULES}`)
    if (content === '') return rules
    const added = rulesOf(content, relative(rules.root, directory))
    return new Rules(rules.root, matcher().add(rules.patterns).add(added))
  }
}

/** Whether a name is that of a file with rules. */
export function hasRules(name: Bytes): boolean {
  return name === RULES
}

function matcher(): Ignore {
  return ignore({ ignorecase: false, allowRelativePaths: true })
}

/** The lines of a file as patterns below the root of the repository. */
function rulesOf(content: string, directory: string): { pattern: string }[] {
  return content.split(/\r?\n/).flatMap((line) => {
    const pattern = ruleOf(line, directory)
    return pattern === undefined ? [] : [{ pattern }]
  })
}

/** A line of a file in a directory; undefined when there is no pattern in it. */
function ruleOf(line: string, directory: string): string | undefined {
  // Blanks at the end do not count, unless there is a backslash before.
  const trimmed = /^((?:\\.|[^\\])*?) *$/s.exec(line)?.[1] ?? ''
  if (trimmed === '' || trimmed.startsWith('#')) return undefined
  if (directory === '') return trimmed
  const negative = trimmed.startsWith('!')
  const body = negative ? trimmed.slice(1) : trimmed
  const inner = body.replace(/\/$/, '')
  if (inner === '') return undefined
  const end = inner === body ? '' : '/'
  const at = inner.includes('/') ? inner.replace(/^\//, '') : `**/${inner}`
  return `${negative ? '!' : ''}/${directory.replace(/[\\*?[\] ]/g, '\\$&')}/${at}${end}`
}

/** The directory of the repository that a directory is in. */
function rootOf(directory: Bytes): Bytes | undefined {
  for (let at = directory; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    if (isRepository(at)) return at
  }
  return undefined
}

function isRepository(directory: Bytes): boolean {
  return existsSync(pathOf(`${directory}/.git`)) && existsSync(pathOf(`${gitOf(directory)}/HEAD`))
}

/** Where git keeps what it knows: in a worktree and in a submodule that is elsewhere. */
function gitOf(root: Bytes): Bytes {
  const path = `${root}/.git`
  const link = /^gitdir: (.+)$/m.exec(contentOf(path))?.[1]
  return link === undefined ? path : from(root, link)
}

function excludeOf(root: Bytes): Bytes {
  const git = gitOf(root)
  const common = contentOf(`${git}/commondir`).trim()
  return `${common === '' ? git : from(git, common)}/info/exclude`
}

/** The user's file, as git finds it; where there is no git, the one that it would look for. */
function ownFile(root: Bytes): Bytes {
  try {
    const { execFileSync } = childProcess()
    const answer = execFileSync('git', ['config', '--path', '--get', 'core.excludesFile'], {
      cwd: textOf(root),
      encoding: 'latin1',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return from(root, answer.replace(/\n$/, ''))
  } catch {
    const { XDG_CONFIG_HOME: configuration } = process.env
    return bytesOf(`${configuration || `${homedir()}/.config`}/git/ignore`)
  }
}

function contentOf(path: Bytes): Bytes {
  try {
    if (!existsSync(pathOf(path)) || !statSync(pathOf(path)).isFile()) return ''
    return readFileSync(pathOf(path), 'latin1').replace(/^\xef\xbb\xbf/, '')
  } catch {
    // It may not be read, or has just gone.
    return ''
  }
}

/** A path as it is meant in a directory. */
function from(directory: Bytes, path: Bytes): Bytes {
  return path.startsWith('/') ? path : `${directory}/${path}`
}

function relative(root: Bytes, path: Bytes): Bytes {
  return path === root ? '' : path.slice(root.length + 1)
}

/** The directories below one on the way to another, which is the last. */
function between(root: Bytes, directory: Bytes): Bytes[] {
  const names = relative(root, directory).split('/').filter(Boolean)
  return names.map((_, i) => `${root}/${names.slice(0, i + 1).join('/')}`)
}
