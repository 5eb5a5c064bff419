// EVFILT_PROC with NOTE_TRACK: a tree of 20 processes, while the thread that follows it is
// busy; each fork, exec and exit is told once, and each exit has its status.
import { processTree } from 'kqueue'
import { orphan } from '../orphans.mjs'
import { busy, SETTLE_MS } from '../take.mjs'

/** Processes of a tree beside the shell at its top. */
const SIZE = 19

/**
 * A script that makes SIZE processes in the background, and what is to be seen of them.
 * @param {import('../random.mjs').Random} random
 */
function plan(random) {
  /** @type {string[]} */
  const lines = []
  /** @type {number[]} */
  const codes = []
  let executions = 0
  const exit = () => {
    const code = random.from(1, 255)
    codes.push(code)
    return `exit ${code}`
  }
  for (let left = SIZE; left > 0; ) {
    const kind = random.from(0, 3)
    if (kind === 0) {
      lines.push(`sh -c "${exit()}" &`)
      executions++
      left--
    } else if (kind === 1 && left > 1) {
      lines.push(`( (${exit()}) & wait; ${exit()}) &`)
      left -= 2
    } else if (kind === 2 && left > 2) {
      lines.push(`( ( (${exit()}) & wait; ${exit()}) & wait; ${exit()}) &`)
      left -= 3
    } else {
      lines.push(`(${exit()}) &`)
      left--
    }
  }
  return { script: `${lines.join('\n')}\nwait\n${exit()}`, codes, executions }
}

/** @type {import('../run.mjs').Churn} */
export default {
  name: 'trees',
  start({ random, ledger, directory }) {
    return {
      async turn() {
        const { script, codes, executions } = plan(random)
        const { pid, go } = orphan(directory, script)
        const signal = AbortSignal.timeout(SETTLE_MS)
        /** @type {string[]} */
        const seen = []
        /** @type {number[]} */
        const exits = []
        const ended = new Set()
        try {
          const tree = processTree(pid, { signal })
          const first = tree.next() // from now on it is watched
          go()
          for (let next = await first; !next.done; next = await tree.next()) {
            const event = next.value
            seen.push(`${event.type} ${event.pid}`)
            if (event.type === 'lost')
              ledger.fault('the kernel had more to tell than it could keep')
            if (event.type === 'exit') {
              ledger.check(!ended.has(event.pid), () => `exit of ${event.pid} twice`)
              ended.add(event.pid)
              exits.push(event.code ?? -1)
            }
            if (random.chance(0.3)) busy(random.from(1, 30))
          }
        } catch (error) {
          if (error !== signal.reason) throw error
          ledger.fault(`the tree of ${pid} did not end: ${seen.join(', ')}`)
        }
        const forks = seen.filter((each) => each.startsWith('fork')).length
        const execs = seen.filter((each) => each.startsWith('exec')).length
        ledger.done('forks', SIZE)
        ledger.seen('forks', forks)
        ledger.done('execs', executions)
        ledger.seen('execs', execs)
        ledger.done('exits', codes.length)
        ledger.seen('exits', exits.length)
        const [is, should] = [exits, codes].map((list) => [...list].sort((a, b) => a - b).join())
        const right = is === should && execs === executions && forks === SIZE
        ledger.check(right, () => `tree of ${pid}: exits ${is} not ${should}; ${seen}; ${script}`)
      },
      close() {},
    }
  },
}
