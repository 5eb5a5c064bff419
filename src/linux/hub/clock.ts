/**
 * CLOCK_MONOTONIC, by which the process connector tells when something happened: clock_gettime(2).
 * `process.hrtime` is that in Node.js; in Bun and Deno it begins with the process.
 */
import type { Native } from './native.js'

/** The time now in ns. */
export const monotonicTime = (native: Native): number => Number(native.epoch()) + native.monotonic()
