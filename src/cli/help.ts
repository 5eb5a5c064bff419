/**
 * What `--help` prints, made from the tables of commands, conditions and options:
 * at most 80 columns wide.
 */
import type { Command, Entry, Example } from './command.js'
import { CONDITIONS } from './conditions.js'
import type { Row } from './options.js'

const WIDTH = 80
const INDENT = '  '

/** Help of the whole of kq. */
export function help(commands: readonly Command[]): string {
  return page(
    wrap(
      'kq watches descriptors, files, processes, signals, timers, mounts and links, with the kqueue of the BSD systems on Linux.',
    ),
    [
      'Usage:',
      ...table(commands.map(({ name, synopsis, summary }) => [`kq ${name} ${synopsis}`, summary])),
    ],
    conditions(),
    ['Examples:', ...commands.flatMap(({ examples }) => written(examples.slice(0, 2)))],
    [
      'More:',
      ...table([
        ...commands.map(({ name }): Entry => [`kq ${name} --help`, `options of kq ${name}`]),
        ['kq --version', 'which version this is'],
      ]),
    ],
    status(),
  )
}

/** Help of one command. */
export function commandHelp(command: Command): string {
  const { name, synopsis, about, options, examples, status: own } = command
  return page(
    wrap(`Usage: kq ${name} ${synopsis}`),
    ...about.map((paragraph) => wrap(paragraph)),
    ...(own ? [] : [conditions()]),
    ['Options:', ...table(options.map((row): Entry => [label(row), row.help]))],
    ['Examples:', ...written(examples)],
    own ? ['Exit status:', ...table(own)] : status(),
  )
}

function conditions(): string[] {
  return [
    'Conditions, as many as are wanted:',
    ...table(CONDITIONS.map((row): Entry => [label(row), row.help])),
    '',
    ...wrap(
      'FD is the number of a descriptor that the shell has opened: 0 is standard input, 3 what 3<FILE opens. PATH is a fifo, a file or a device; a file called 3 is ./3.',
    ),
    ...wrap(
      'PID is the number of a process, whoever started it. NAME is the name of a signal, as in USR1, or RTMIN+2, or its number.',
    ),
    ...wrap(
      'TIME is a number with ns, us, ms, s, m, h or d, as in 500ms or 1.5s; alone, it is ms.',
    ),
  ]
}

function status(): string[] {
  return [
    'Exit status:',
    ...table([
      ['0', 'it happened; for kq watch, also: time over, or nothing left to watch'],
      ['1', 'a source cannot be watched'],
      ['2', 'bad usage'],
      ['124', 'the time was over first'],
      ['130, 143', 'interrupted, terminated; hung up, kq dies of SIGHUP'],
    ]),
  ]
}

function label({ option, short, value }: Omit<Row, 'help'>): string {
  return `${short ? `-${short}, ` : ''}--${option}${value && ` ${value}`}`
}

function written(examples: readonly Example[]): string[] {
  return examples.flatMap(({ text, line }) => [...wrap(text, INDENT), `${INDENT}${INDENT}${line}`])
}

/** Two columns. */
function table(entries: readonly Entry[]): string[] {
  const labels = entries.map(([name]) => name.length)
  const column = Math.max(0, ...labels)
  return entries.flatMap(([name, text]) => {
    const first = `${INDENT}${name.padEnd(column)}${INDENT}`
    const [head, ...tail] = wrap(text, ' '.repeat(first.length))
    return [first + head!.trimStart(), ...tail]
  })
}

/** Lines of at most 80 columns. */
function wrap(text: string, indent = ''): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line !== indent && line.length + word.length + 1 > WIDTH) {
      lines.push(line)
      line = indent
    }
    line += line === indent ? word : ` ${word}`
  }
  return [...lines, line]
}

function page(...paragraphs: string[][]): string {
  return `${paragraphs.map((lines) => lines.join('\n')).join('\n\n')}\n`
}
