/**
 * `kq wait`: sleeps until the first event, or until each condition was met.
 */
import { EV_ONESHOT } from '../index.js'
import { copyOut } from './cat.js'
import { type Command, countdown, mannerOf, printing, TIMED_OUT } from './command.js'
import { SourceError, UsageError } from './errors.js'
import {
  flag,
  HELP,
  type Option,
  PRINTING,
  parseOptions,
  RECURSIVE,
  type Request,
  TIMEOUT,
} from './options.js'
import type { Output } from './output.js'
import { type Happening, Sources } from './sources.js'

const OPTIONS: readonly Option[] = [
  flag('all', 'wait until each condition has been met, not only the first'),
  flag('cat', 'print what there is to read, to its end, as cat does'),
  RECURSIVE,
  TIMEOUT,
  ...PRINTING,
  HELP,
]

export const wait: Command<Request> = {
  name: 'wait',
  synopsis: 'CONDITION... [OPTION...]',
  summary: 'sleep until a condition is met',
  about: [
    'Sleeps until one of the conditions is met, or is met already, and prints a line that says which. Nothing is read from what is watched, but with --cat.',
  ],
  options: OPTIONS,
  examples: [
    {
      text: 'Read a fifo when there is something in it, or give up after 5 seconds:',
      line: 'kq wait --read ./fifo --cat --timeout 5s',
    },
    {
      text: 'Until a server has made its socket, for a minute at most:',
      line: 'kq wait --exist /run/server/socket --timeout 1m',
    },
    {
      text: 'Until each of two jobs has printed something, or has ended:',
      line: 'kq wait --all --read 3 --read 4  3< <(job1)  4< <(job2)',
    },
    {
      text: 'Is there anything on standard input right now?',
      line: 'kq wait --read 0 --timeout 0',
    },
  ],

  read: readWait,

  async run(request, { output, signal }) {
    const left = countdown(request.timeout)
    const print = printing(request, output)
    const sources = new Sources(request.conditions, EV_ONESHOT, mannerOf(request))
    try {
      await sources.ready(left, signal)
      while (sources.size > 0) {
        const happened = await sources.next(request.all ? sources.size : 1, left, signal)
        if (happened.length === 0) return TIMED_OUT
        if (request.cat) {
          await cat(happened, output, signal)
          return 0
        }
        await print(happened)
        if (!request.all) return 0
        for (const { source } of happened) sources.finish(source)
      }
      return 0
    } finally {
      sources.close()
    }
  },
}

/** @throws UsageError */
function readWait(words: readonly string[]): Request {
  const request = parseOptions('wait', OPTIONS, words)
  const { help, cat, all, json, conditions } = request
  if (help || !cat) return request
  const other = conditions.find(({ condition }) => condition.option !== 'read')
  if (all || json || other !== undefined) {
    const what = other === undefined ? (all ? '--all' : '--json') : `--${other.condition.option}`
    throw new UsageError(
      `--cat prints what --read finds, and nothing of ${what}; write kq wait --read PATH --cat`,
    )
  }
  return request
}

/** @throws SourceError */
async function cat(
  [happening]: readonly Happening[],
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const { source } = happening!
  try {
    await copyOut(source.opened.changes[0]!.ident, output, signal)
  } catch (error) {
    if (signal.aborted) throw error
    throw new SourceError(source.name, error)
  }
}
