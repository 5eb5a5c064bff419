/**
 * What there is to say of kq and of each command, made from the tables of commands, conditions
 * and options: `plain.ts` writes it as `--help` prints it, `roff.ts` as a page of the manual.
 */
import type { Command, Entry, Example } from './command.js'
import type { Row } from './condition.js'
import { CONDITIONS } from './conditions.js'

/** Of a section: a paragraph, a table of two columns, or lines to be typed. */
export type Block =
  | { readonly text: string }
  | { readonly rows: readonly Entry[] }
  | { readonly examples: readonly Example[] }

export interface Section {
  readonly title: string
  readonly blocks: readonly Block[]
}

export interface Page {
  /** 'kq', 'kq wait' */
  readonly name: string
  /** What it does, in a few words. */
  readonly summary: string
  /** What is written after the name. */
  readonly synopsis: string
  readonly about: readonly string[]
  readonly sections: readonly Section[]
}

/** Of the whole of kq. */
export function wholePage(commands: readonly Command[]): Page {
  return {
    name: 'kq',
    summary: 'watch descriptors, processes, files and more',
    synopsis: 'COMMAND [WORD...]',
    about: [
      'kq watches descriptors, files, processes, signals, timers, mounts and links, with the kqueue of the BSD systems on Linux.',
    ],
    sections: [
      {
        title: 'Commands',
        blocks: [{ rows: commands.map(({ name, summary }): Entry => [`kq ${name}`, summary]) }],
      },
      CONDITIONS_SECTION,
      {
        title: 'Examples',
        blocks: [{ examples: commands.flatMap(({ examples }) => examples.slice(0, 2)) }],
      },
      {
        title: 'More',
        blocks: [{ rows: MORE }],
      },
      statusSection(STATUS),
    ],
  }
}

/** Of one command. */
export function commandPage(command: Command): Page {
  const { name, synopsis, summary, about, options, examples, status } = command
  return {
    name: `kq ${name}`,
    summary,
    synopsis,
    about,
    sections: [
      ...(status ? [] : [CONDITIONS_SECTION]),
      { title: 'Options', blocks: [{ rows: options.map(rowEntry) }] },
      { title: 'Examples', blocks: [{ examples }] },
      statusSection(status ?? STATUS),
    ],
  }
}

const MORE: readonly Entry[] = [
  ['kq help COMMAND', 'options of a command, as kq COMMAND --help'],
  ['kq --version, kq -V', 'which version this is'],
]

const CONDITIONS_SECTION: Section = {
  title: 'Conditions, as many as are wanted',
  blocks: [
    { rows: CONDITIONS.map(rowEntry) },
    {
      text: 'FD is the number of a descriptor that the shell has opened: 0 is standard input, 3 what 3<FILE opens. PATH is a fifo, a file or a device; a file called 3 is ./3.',
    },
    {
      text: 'PID is the number of a process, whoever started it. SIGNAL is the name of one, as in USR1, or RTMIN+2, or its number.',
    },
    {
      text: 'TIME is a number with ns, us, ms, s, m, h or d, as in 500ms or 1.5s; alone, it is ms.',
    },
  ],
}

const STATUS: readonly Entry[] = [
  ['0', 'it happened; for kq watch, also: time over, or nothing left to watch'],
  ['1', 'a source cannot be watched'],
  ['2', 'bad usage'],
  ['124', 'the time was over first'],
  ['130, 143', 'interrupted, terminated; hung up, kq dies of SIGHUP'],
]

function statusSection(rows: readonly Entry[]): Section {
  return { title: 'Exit status', blocks: [{ rows }] }
}

function rowEntry({ option, short, value, help }: Row): Entry {
  return [`${short ? `-${short}, ` : ''}--${option}${value && ` ${value}`}`, help]
}
