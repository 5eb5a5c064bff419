// Processes that are nobody's children here: a worker that is terminated leaves no zombie
// behind, and closes their gate by that, so that they end.
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import * as posix from '../build/test/native/posix.js'

/** That it has said so proves that it runs the shell already. */
const WAIT = 'echo $$; exec > /dev/null; read line <&3'

/**
 * Starts a shell that waits at its gate, and then does what a script says. It has no stderr.
 * @param {string} directory for the gate @param {string} script
 */
export function orphan(directory, script) {
  const path = join(directory, 'gate')
  posix.mkfifo(path)
  const gate = openSync(path, 'r+') // does not wait for the other end
  const inside = openSync(path, 'r')
  unlinkSync(path)
  const { stdout, error } = spawnSync('sh', ['-c', 'sh -c "$1" &', 'sh', `${WAIT}; ${script}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore', inside],
  })
  closeSync(inside)
  if (error !== undefined) throw error
  return {
    pid: Number(stdout),
    /** Opens its gate. */
    go() {
      writeSync(gate, '\n')
      closeSync(gate)
    },
  }
}
