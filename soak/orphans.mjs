// Processes that are nobody's children here: a worker that is terminated leaves no zombie
// behind, and they end by themselves.
import { spawnSync } from 'node:child_process'

/** How long they do nothing, in s, so that they can be watched before they do something. */
const HEAD_START = 0.3

/** Starts a shell with a script, and answers its pid. @param {string} script */
export function orphan(script) {
  const waiting = `sleep ${HEAD_START}; ${script}`
  const { stdout, error } = spawnSync(
    'sh',
    ['-c', 'sh -c "$1" > /dev/null 2>&1 < /dev/null & echo $!', 'sh', waiting],
    { encoding: 'utf8' },
  )
  if (error !== undefined) throw error
  return Number(stdout)
}

/** Whether watching was too late: the head start is none on a machine that is busy enough. */
export function tooLate(
  /** @type {unknown} */ error,
  /** @type {import("./ledger.mjs").Ledger} */ ledger,
) {
  if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') return false
  ledger.done('gone before they were watched')
  ledger.seen('gone before they were watched')
  return true
}
