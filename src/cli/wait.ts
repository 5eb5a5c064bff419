/**
 * `kq wait`: sleeps until the first event, or until each condition was met.
 */
import { EV_ONESHOT } from '../index.js'
import { type Command, countdown, printing, TIMED_OUT } from './command.js'
import {
  ALL,
  HELP,
  JSON_LINES,
  type Option,
  parseOptions,
  type Request,
  TIMEOUT,
} from './options.js'
import { Sources } from './sources.js'

const OPTIONS: readonly Option[] = [ALL, TIMEOUT, JSON_LINES, HELP]

export const wait: Command<Request> = {
  name: 'wait',
  synopsis: 'CONDITION... [OPTION...]',
  summary: 'sleep until a condition is met',
  about: [
    'Sleeps until one of the conditions is met, or is met already, and prints a line that says which. Nothing is read from what is watched.',
  ],
  options: OPTIONS,
  examples: [
    {
      text: 'Read a fifo when there is something in it, or give up after 5 seconds:',
      line: 'kq wait --read ./fifo --timeout 5s && cat ./fifo',
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

  read: (words) => parseOptions('wait', OPTIONS, words),

  async run(request, { output, signal }) {
    const left = countdown(request.timeout)
    const print = printing(request, output)
    const sources = new Sources(request.conditions, EV_ONESHOT)
    try {
      while (sources.size > 0) {
        const happened = await sources.next(request.all ? sources.size : 1, left(), signal)
        if (happened.length === 0) return TIMED_OUT
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
