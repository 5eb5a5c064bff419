/**
 * Ends kq as its command ended: with its exit status, or by the signal that killed it.
 */
import { constants } from 'node:os'
import { STATUS_UNKNOWN } from '../../index.js'

const { SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS } =
  constants.signals
/** Those that leave a core file, which would be one of kq. */
const CORES: readonly number[] = [
  SIGQUIT,
  SIGILL,
  SIGTRAP,
  SIGABRT,
  SIGBUS,
  SIGFPE,
  SIGSEGV,
  SIGXCPU,
  SIGXFSZ,
  SIGSYS,
]

/** ms that a signal which has been sent to kq itself takes at most. */
const PATIENCE = 1000

/** The exit status of a wait(2) status as shells have it; does not return where a signal can say it better. */
export async function endAs(status: number): Promise<number> {
  if (status === STATUS_UNKNOWN) return 1
  const signal = status & 0x7f
  if (signal === 0) return (status >> 8) & 0xff
  if (!CORES.includes(signal)) {
    takeDefault(signal)
    process.kill(process.pid, signal)
    await new Promise((resolve) => setTimeout(resolve, PATIENCE))
  }
  return 128 + signal
}

/** Gives a signal its default disposition, which Node.js took from SIGPIPE. */
function takeDefault(number: number): void {
  const named = Object.entries(constants.signals).find(([, value]) => value === number)
  const name = named?.[0] as NodeJS.Signals | undefined
  // Nothing can be done about these, and nothing has been.
  if (name === undefined || name === 'SIGKILL' || name === 'SIGSTOP') return
  process.removeAllListeners(name)
  // Who stops to listen leaves the default behind.
  process.once(name, () => {})
  process.removeAllListeners(name)
}
