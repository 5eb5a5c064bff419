/**
 * The errors of the command, each of which is one line on stderr:
 *
 * - `UsageError`: what was written cannot be meant; says how to write it. Exit 2.
 * - `SourceError`: a source that cannot be watched, with the errno. Exit 1.
 */
import { getSystemErrorMap } from 'node:util'
import { KqueueError } from '../index.js'
import { visible } from './visible.js'
import { STDERR, tell } from './writing.js'

export class UsageError extends Error {}

export class SourceError extends Error {
  /** @param source as it was asked for: '--read fifo' */
  constructor(source: string, cause: unknown) {
    super(`${source}: ${reasonOf(cause)}`, { cause })
  }
}

/** A refusal of the command's own, with the errno that says it best. */
export class Refusal extends Error {
  /** @param reason a clause without a full stop */
  constructor(
    readonly code: string,
    reason: string,
  ) {
    super(`${code}: ${reason}`)
  }
}

/** Says on standard error what is wrong, in a line. */
export function complain(text: string): void {
  tell(STDERR, `kq: ${visible(text)}\n`)
}

/** 'ENOENT: no such file or directory', whoever failed. */
export function reasonOf(error: unknown): string {
  // The changelist has one entry, which the line names already.
  if (error instanceof KqueueError) return error.message.replace(/ \(changelist\[\d+\]\)$/, '')
  if (!(error instanceof Error)) return String(error)
  const { errno } = error as NodeJS.ErrnoException
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno)
  return known === undefined ? error.message : known.join(': ')
}

/** The name of a positive errno: 104 -> 'ECONNRESET'. */
export function errnoName(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[0] ?? `E${errno}`
}

/** The text of a positive errno: 104 -> 'connection reset by peer'. */
export function errnoText(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[1] ?? 'unknown error'
}
