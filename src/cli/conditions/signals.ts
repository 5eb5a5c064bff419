/**
 * The condition of signals that are sent to kq itself: EVFILT_SIGNAL.
 */
import { constants } from 'node:os'
import { EV_ADD, EV_SET, EVFILT_SIGNAL } from '../../index.js'
import type { Condition } from '../condition.js'
import { UsageError } from '../errors.js'
import { attendedSignals } from '../interruption.js'
import { signalName, signalNumber } from '../signals.js'

const { SIGKILL, SIGSTOP } = constants.signals

export const SIGNAL: Condition = {
  option: 'signal',
  value: 'SIGNAL',
  help: 'kq was sent the signal, which then does nothing else to it',
  parse(value) {
    const number = signalNumber(value)
    if (number === undefined) {
      throw new UsageError(
        `--signal '${value}' is not a signal; write a name or a number: --signal USR1`,
      )
    }
    const name = signalName(number)
    if (number === SIGKILL || number === SIGSTOP) {
      throw new UsageError(`--signal ${name} can never be seen; write another, as in --signal USR1`)
    }
    return () => {
      attendedSignals.add(number)
      return {
        changes: [EV_SET(number, EVFILT_SIGNAL, EV_ADD)],
        say: ({ data }) => (data > 1 ? `${name} was sent ${data} times` : `${name} was sent`),
        close: () => attendedSignals.delete(number),
      }
    }
  },
}
