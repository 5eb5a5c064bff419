/** What the package has to know of the runtime that it is in. */
import { constants } from 'node:os'

const isDeno = 'deno' in process.versions

/**
 * Deno's `node:fs` answers EBADF for a descriptor that Deno has not opened itself, and its
 * `node:child_process` hands none on.
 */
export const KNOWS_ONLY_ITS_OWN = isDeno

/**
 * Deno's handler of a signal stays for ever once somebody has listened to any, and a thread of
 * Deno does the default action some time after each signal to which nobody listens by then. Whom
 * it asks, it does not tell: who calls it in time may be who ends the process.
 */
export const OWNS_SIGNALS = isDeno

/** Of this signal Bun has a handler that ends the process. */
export const DEADLY = 'bun' in process.versions ? constants.signals.SIGSYS : undefined
