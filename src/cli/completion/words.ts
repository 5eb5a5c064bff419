/** What can be written after kq, as the writers of completions for each shell need it. */
import { constants } from 'node:os'
import type { Command } from '../command.js'
import type { Row } from '../condition.js'
import { CONDITIONS } from '../conditions.js'

/** What a value, or a word that is no option, can be completed by. */
export type Kind = 'any' | 'file' | 'process' | 'interface' | readonly string[]

/** How a shell completes each of these kinds. */
export type Actions = Readonly<Record<Extract<Kind, string>, string>>

export interface Flag extends Row {
  readonly repeats?: boolean
  /** Of its value; undefined where it takes none. */
  readonly kind: Kind | undefined
}

/** What comes after the options of a command. */
export type Rest =
  /** A command of the system and its words, at once, or after `--`. */
  { readonly command: 'at once' | 'after --'; readonly before?: Kind } | { readonly words: Kind }

export interface Completed {
  readonly name: string
  readonly summary: string
  readonly flags: readonly Flag[]
  readonly rest: Rest | undefined
}

/** Names of signals as they are written most: 'USR1'. */
const SIGNALS = Object.keys(constants.signals).map((name) => name.replace(/^SIG/, ''))

/** Values by the word that help has for them. */
const KINDS: readonly [RegExp, Kind][] = [
  [/PATH|FILE|DIR/, 'file'],
  [/PID/, 'process'],
  [/SIGNAL/, SIGNALS],
  [/IFNAME/, 'interface'],
]

/** How an option of a command can be written, in a shell's quotes. */
export function spellings(command: string, { option, short }: Flag): string[] {
  return [...(short ? [`'${command} -${short}'`] : []), `'${command} --${option}'`]
}

/** Every command with what it takes. */
export function completed(commands: readonly Command[]): Completed[] {
  const names = commands.map(({ name }) => name)
  return commands.map(({ name, summary, synopsis, options, status }) => ({
    name,
    summary,
    flags: [
      ...(status ? [] : CONDITIONS.map((row) => ({ ...row, repeats: true }))),
      ...options,
    ].map((row) => ({ ...row, kind: row.value === '' ? undefined : kindOf(row.value) })),
    rest: restOf(synopsis, names),
  }))
}

function kindOf(value: string): Kind {
  return KINDS.find(([word]) => word.test(value))?.[1] ?? 'any'
}

/** By what its synopsis says of it. */
function restOf(synopsis: string, names: readonly string[]): Rest | undefined {
  if (synopsis.includes('[--] COMMAND')) return { command: 'at once' }
  if (synopsis.includes('-- COMMAND')) return { command: 'after --', before: 'file' }
  if (synopsis.includes('COMMAND')) return { words: names }
  if (synopsis.includes('SHELL')) return { words: SHELLS }
  return undefined
}

export const SHELLS: readonly string[] = ['bash', 'zsh', 'fish']
