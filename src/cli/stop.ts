/**
 * How kq itself ends: with an exit status, or by a signal.
 *
 *     throw Stop.by('SIGTERM')
 *     await leave(stopAs(status))
 *
 * It dies of SIGHUP, as programs do whose terminal is gone. SIGINT, SIGQUIT and SIGTERM
 * are its exit statuses 130, 131 and 143.
 */
import { closeSync, fstatSync } from 'node:fs'
import { constants } from 'node:os'
import { STATUS_UNKNOWN } from '../index.js'
import { tty } from '../late.js'
import { knownName, signalName } from './signals.js'

/** Those that leave a core file, which would be one of kq. */
const CORES = /^SIG(QUIT|ILL|TRAP|ABRT|BUS|FPE|SEGV|XCPU|XFSZ|SYS)$/

/** ms that a signal which has been sent to kq itself takes at most. */
const PATIENCE = 1000

/** An end without a word; also the reason of an abort that ends the command. */
export class Stop {
  /**
   * @param code the exit status
   * @param signal what kq dies of instead, where it can
   */
  constructor(
    readonly code: number,
    readonly signal?: number,
  ) {}

  /** The end that a signal to kq is. */
  static by(name: NodeJS.Signals): Stop {
    const number = constants.signals[name]
    return new Stop(128 + number, name === 'SIGHUP' ? number : undefined)
  }
}

/** The end that kq shares with a process: of its wait(2) status as shells have it, or by its signal. */
export function stopAs(status: number): Stop {
  if (status === STATUS_UNKNOWN) return new Stop(1)
  const signal = status & 0x7f
  if (signal === 0) return new Stop((status >> 8) & 0xff)
  return new Stop(128 + signal, CORES.test(signalName(signal)) ? undefined : signal)
}

/** Ends kq, at once: output that nobody takes must not keep it. */
export async function leave({ code, signal }: Stop): Promise<never> {
  if (signal !== undefined) await die(signal)
  closeDeadTerminals()
  process.exit(code)
}

/** Returns only where the signal is blocked, or kq is the init of a container. */
async function die(signal: number): Promise<void> {
  takeDefault(signal)
  process.kill(process.pid, signal)
  await new Promise((resolve) => setTimeout(resolve, PATIENCE))
}

/** Gives a signal its default action, which handlers have replaced, and Node.js itself that of SIGPIPE. */
function takeDefault(number: number): void {
  const name = knownName(number)
  // Nothing can be done about these, and nothing has been.
  if (name === undefined || name === 'SIGKILL' || name === 'SIGSTOP') return
  process.removeAllListeners(name)
  // Who stops to listen leaves the default behind.
  process.once(name, () => {})
  process.removeAllListeners(name)
}

/**
 * At its exit Node.js gives terminals the modes that they had when it began, and some
 * versions abort when one of them was hung up since: isatty(3) denies it then.
 */
function closeDeadTerminals(): void {
  for (const fd of [0, 1, 2]) {
    try {
      if (fstatSync(fd).isCharacterDevice() && !tty().isatty(fd)) closeSync(fd)
    } catch {
      // It is not open.
    }
  }
}
