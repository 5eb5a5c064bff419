/** What the package has to know of the runtime that it is in. */

/**
 * Deno's `node:fs` answers EBADF for a descriptor that Deno has not opened itself, and its
 * `node:child_process` hands none on.
 */
export const KNOWS_ONLY_ITS_OWN = 'deno' in process.versions
