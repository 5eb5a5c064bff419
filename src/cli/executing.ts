/**
 * What is said of a command that cannot be executed, and what kq then ends with, as a shell
 * does.
 */
import { reasonOf } from './errors.js'

const NOT_FOUND = 127
const CANNOT_EXECUTE = 126

/** @param name the first word of the command */
export function refusalOf(name: string, error: unknown): { code: number; reason: string } {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
  const reason = missing && !name.includes('/') ? 'command not found' : reasonOf(error)
  return { code: missing ? NOT_FOUND : CANNOT_EXECUTE, reason: `${name}: ${reason}` }
}
