/**
 * Why a file cannot be watched, in words that say what would help.
 */
import { readFileSync } from 'node:fs'
import { type Bytes, textOf } from '../bytes.js'
import { Refusal, SourceError } from '../errors.js'

const LIMIT = openFiles()

/** An error that ends the watching, for what was met at a path. */
export function unwatchable(path: Bytes, cause: unknown): SourceError {
  return new SourceError(textOf(path), withHelp(cause))
}

function withHelp(cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'EMFILE') {
    const reason = `each watched file takes a descriptor, and RLIMIT_NOFILE (ulimit -n) allows ${LIMIT}; name fewer paths, or leave some out by --ignore or --exts`
    return new Refusal(code, reason)
  }
  if (code === 'ENFILE') {
    return new Refusal(code, 'the sysctl fs.file-max allows no more open files in the system')
  }
  return cause
}

/** The soft limit, which Node.js has raised to the hard one. Read before it is reached. */
function openFiles(): string {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1')
    return /^Max open files\s+(\S+)/m.exec(limits)?.[1] ?? 'no more'
  } catch {
    return 'no more'
  }
}
