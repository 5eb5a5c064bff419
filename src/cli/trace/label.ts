/**
 * Command lines where there is no room for all of them: of those that are mostly the same, as those
 * of a compiler are, the words in which they differ.
 */
import { visible } from '../visible.js'
import { columnsOf, fitting } from './columns.js'
import { baseOf, lineOf, scriptIn } from './program.js'

/** As many characters of a word say something. */
const TELLING = 10
/** So many of a program say what is the same in all. */
const SEVERAL = 5

/** What is known of a process for its label. */
interface Labelled {
  readonly name: string
  readonly program: string
  readonly words: readonly string[] | null
  readonly nameless: boolean
}

interface Usage {
  count: number
  /** In how many command lines each word is. */
  readonly words: Map<string, number>
}

export class Labels {
  readonly #usages = new Map<string, Usage>()

  /** Takes in a command line. */
  add(name: string, words: readonly string[]): void {
    const usage = this.#usages.get(name) ?? { count: 0, words: new Map<string, number>() }
    this.#usages.set(name, usage)
    usage.count++
    for (const word of new Set(words.slice(1))) {
      usage.words.set(word, (usage.words.get(word) ?? 0) + 1)
    }
  }

  /** The longest that fits into so many columns; '' where none does. */
  fitting(traced: Labelled, columns: number): string {
    const labels = this.of(traced).map(visible)
    const name = labels.at(-1)!
    const [whole = '', begun = whole] = labels.slice(0, -1)
    const fits = labels.find((label) => columnsOf(label) <= columns)
    const isPoor = fits === undefined || (fits === name && whole !== '')
    // Of a long word as much as says something.
    if (isPoor && columns >= columnsOf(name) + TELLING) return fitting(begun, columns)
    return fits ?? ''
  }

  /** From the longest to the shortest, each with the program. */
  of(traced: Labelled): string[] {
    const { program, nameless } = traced
    if (traced.words === null || nameless) return [program]
    const name = baseOf(traced.words[0]!) || program
    const at = scriptIn(traced.words)
    // A script is no path, and its first words say most.
    if (at !== -1) return [lineOf(traced.words), lineOf([name, '-c', traced.words[at]!]), name]
    const words = traced.words.slice(1)
    const telling = this.#telling(traced, words)
    // What all have is better than nothing, as the script of several of an interpreter.
    const chosen = telling.length > 0 ? telling : words
    const first = chosen.find((word) => !isOption(word)) ?? chosen[0]
    if (first === undefined) return [name]
    return [lineOf([name, ...chosen]), lineOf([name, first]), lineOf([name, baseOf(first)]), name]
  }

  /** The words in which it differs, the rarest first, options last; none where few run the same program. */
  #telling({ name }: Labelled, words: readonly string[]): string[] {
    const usage = this.#usages.get(name)
    if (usage === undefined || usage.count < SEVERAL) return []
    const often = (word: string) => usage.words.get(word) ?? 0
    const rare = words
      .filter((word) => often(word) <= usage.count / 2)
      .sort((a, b) => often(a) - often(b))
    const sorted = [...rare.filter((word) => !isOption(word)), ...rare.filter(isOption)]
    return [...new Set(sorted)]
  }
}

function isOption(word: string): boolean {
  return word.startsWith('-')
}
