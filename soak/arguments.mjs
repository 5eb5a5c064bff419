// The command line of the soak.
import { parseArgs } from 'node:util'

export const USAGE = `usage: npm run soak -- [options]

Does everything that the package can for a while, in the main thread and in workers
that are terminated at random, and accounts for what was done and what was seen.
Exit status 0 when the account is exact.

  --minutes N     how long, fractions too (default 2)
  --seed N        of the random source (default: printed at the start)
  --only A,B      only these churns
  --workers N     workers at a time (default 2)
  --load          keep all processors busy meanwhile
  --help          this text

See soak/README.md for the churns.`

/** Bad usage, in one line. */
export class UsageError extends Error {}

/** @param {string} name @param {string | undefined} text @param {number} otherwise @param {number} most */
function number(name, text, otherwise, most) {
  if (text === undefined) return otherwise
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value >= 0 && value <= most) return value
  throw new UsageError(`--${name}: '${text}' is not a number from 0 to ${most}`)
}

/** @param {string[]} argv @param {readonly string[]} names of all churns */
export function parseArguments(argv, names) {
  const values = parse(argv)
  const only = values.only?.split(',') ?? [...names]
  const unknown = only.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    throw new UsageError(`--only: there is no churn '${unknown}', only ${names.join(', ')}`)
  }
  return {
    minutes: number('minutes', values.minutes, 2, 10_000),
    seed: Math.floor(number('seed', values.seed, Math.random() * 2 ** 32, 2 ** 32 - 1)),
    workers: Math.floor(number('workers', values.workers, 2, 16)),
    names: names.filter((name) => only.includes(name)),
    load: values.load ?? false,
    help: values.help ?? false,
  }
}

/** @param {string[]} argv */
function parse(argv) {
  try {
    return parseArgs({
      args: argv,
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        only: { type: 'string' },
        workers: { type: 'string' },
        load: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    const [line] = /** @type {Error} */ (error).message.split(/[.\n]/, 1)
    throw new UsageError(`${line}; --help shows how to write it`)
  }
}
