/**
 * What is written beside or inside a bar: of command lines that are mostly the same, as those of
 * a compiler are, the words in which they differ.
 */
import type { Traced } from '../history.js'
import { baseOf, lineOf } from '../program.js'

/** So many of a program say what is the same in all. */
const SEVERAL = 5

interface Usage {
  count: number
  /** In how many command lines each word is. */
  readonly words: Map<string, number>
}

export class Labels {
  readonly #usages = new Map<string, Usage>()

  constructor(processes: readonly Traced[]) {
    for (const { name, words } of processes) {
      if (words === null) continue
      const usage = this.#usages.get(name) ?? { count: 0, words: new Map<string, number>() }
      this.#usages.set(name, usage)
      usage.count++
      for (const word of new Set(words.slice(1))) {
        usage.words.set(word, (usage.words.get(word) ?? 0) + 1)
      }
    }
  }

  /** From the longest to the shortest. */
  of(traced: Traced): string[] {
    const { program, words, nameless } = traced
    if (words === null || nameless) return [program]
    const [, ...rest] = words
    const telling = this.#telling(traced, rest)
    const [first] = telling
    if (first === undefined) return [program]
    const name = baseOf(words[0]!) || program
    return [lineOf([name, ...telling]), lineOf([name, first]), lineOf([name, baseOf(first)]), name]
  }

  /** The words in which it differs, options last; all of them where few run the same program. */
  #telling({ name }: Traced, words: readonly string[]): string[] {
    const usage = this.#usages.get(name)
    if (usage === undefined || usage.count < SEVERAL) return [...words]
    const rare = words.filter((word) => (usage.words.get(word) ?? 0) <= usage.count / 2)
    const isOption = (word: string) => word.startsWith('-')
    return [...rare.filter((word) => !isOption(word)), ...rare.filter(isOption)]
  }
}
