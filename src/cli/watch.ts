/**
 * `kq watch`: a line an event, until told to stop or nothing is left to watch.
 */
import { EV_CLEAR } from '../index.js'
import { type Command, countdown, mannerOf, printing, TIMED_OUT } from './command.js'
import { UsageError } from './errors.js'
import {
  HELP,
  type Option,
  PRINTING,
  parseOptions,
  RECURSIVE,
  type Request,
  setting,
  TIMEOUT,
} from './options.js'
import { Sources } from './sources.js'

/** Events printed at once. */
const BATCH = 64

const OPTIONS: readonly Option[] = [
  RECURSIVE,
  setting('count', 'N', 'stop after N events', countOf),
  TIMEOUT,
  ...PRINTING,
  HELP,
]

export const watch: Command<Request> = {
  name: 'watch',
  synopsis: 'CONDITION... [OPTION...]',
  summary: 'print a line for each event, until interrupted',
  about: [
    'Prints a line each time one of the conditions is met: when bytes arrive, not all the while they are unread. Nothing is read from what is watched.',
    'A source is watched no longer after its end of file. When none is left, kq watch ends.',
  ],
  options: OPTIONS,
  examples: [
    { text: 'A line each time a log grows:', line: 'kq watch --read /var/log/syslog' },
    { text: 'Three ticks, half a second apart:', line: 'kq watch --timer 500ms --count 3' },
    {
      text: 'Each path below a directory that is made, written, moved or removed:',
      line: "kq watch --vnode src --recursive --format '%w%f %e'",
    },
    {
      text: 'What arrives on a fifo, for a program:',
      line: 'kq watch --read ./fifo --json | jq .data',
    },
  ],

  read: (words) => parseOptions('watch', OPTIONS, words),

  async run(request, { output, signal }) {
    const left = countdown(request.timeout)
    const print = printing(request, output)
    // Edges: with levels, bytes that nobody reads would be reported without end.
    const sources = new Sources(request.conditions, EV_CLEAR, mannerOf(request))
    const leaveReader = output.watchReader()
    try {
      await sources.ready(left, signal)
      for (let events = 0; ; ) {
        const happened = await sources.next(Math.min(BATCH, request.count - events), left, signal)
        if (happened.length === 0) return whenTimeIsOver(request)
        await print(happened)
        events += happened.length
        if (events >= request.count) return 0
        for (const one of happened) if (sources.isOver(one)) sources.finish(one.source)
        if (sources.size === 0) return 0
        // Where events never end, no look finds the time over.
        if (left() === 0) return whenTimeIsOver(request)
      }
    } finally {
      leaveReader()
      sources.close()
    }
  },
}

/** @throws UsageError */
function countOf(option: string, text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count !== 0 && Number.isSafeInteger(count)) return count
  throw new UsageError(`${option} '${text}' is not a whole number from 1; write ${option} 10`)
}

/** Without --count, the time was all that was asked for. */
function whenTimeIsOver({ count }: Request): number {
  return count === Number.POSITIVE_INFINITY ? 0 : TIMED_OUT
}
