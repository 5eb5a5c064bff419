/**
 * Patterns of names and paths: `*` and `?` within a name, `**` across directories, `[a-z]`,
 * `[!a-z]`, `{a,b}`, and a backslash for what is meant as it is. A leading dot is a
 * character as others.
 *
 *     globToRegExp('*.{js,ts}').test('run.ts')
 */

/** What in a pattern is not taken as it is. */
const SPECIAL = /[*?[\]{}\\]/g

/** Text as a pattern that matches nothing else. */
export function literally(text: string): string {
  return text.replace(SPECIAL, '\\$&')
}

/** A pattern as a regular expression for the whole of a name or path. */
export function globToRegExp(pattern: string): RegExp {
  let source = ''
  let depth = 0
  for (let rest = pattern; rest !== ''; ) {
    const [token] = TOKEN.exec(rest)!
    rest = rest.slice(token.length)
    if (token === '{' && rest.includes('}')) {
      depth++
      source += '(?:'
    } else if (token === '}' && depth > 0) {
      depth--
      source += ')'
    } else if (token === ',' && depth > 0) {
      source += '|'
    } else {
      source += translated(token)
    }
  }
  return new RegExp(`^${source}${')'.repeat(depth)}$`, 'su')
}

/** The next piece of a pattern: a wildcard, a class, an escaped character, or a character. */
const TOKEN = /^(?:\*\*\/|\*\*|\*|\[!?\]?[^\]]*\]|\\.|.)/su

function translated(token: string): string {
  if (token === '**/') return '(?:.*/)?'
  if (token === '**') return '.*'
  if (token === '*') return '[^/]*'
  if (token === '?') return '[^/]'
  if (token.length > 1 && token.startsWith('[')) return classOf(token)
  return escaped(token.length > 1 && token.startsWith('\\') ? token.slice(1) : token)
}

/** A class, which never matches a slash; one that cannot be, as 'z-a', matches nothing. */
function classOf(token: string): string {
  const negated = token.startsWith('[!')
  const members = token.slice(negated ? 2 : 1, -1).replace(/[\\\]^[]/g, '\\$&')
  const source = `(?!/)[${negated ? '^' : ''}${members}]`
  try {
    new RegExp(source, 'u')
    return source
  } catch {
    return '(?!)'
  }
}

function escaped(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
