/**
 * CLOCK_MONOTONIC, by which the process connector tells when something happened: clock_gettime(2).
 * `process.hrtime` is that in Node.js; in Bun and Deno it begins with the process.
 */
import type { Native } from './native.js'

/** When the addon's clock began, in ns: the same for the whole process. */
let began: number | undefined

/** The time now in ns. Hot path. */
export function monotonicTime(native: Native): number {
  began ??= Number(native.epoch())
  return began + native.monotonic()
}
