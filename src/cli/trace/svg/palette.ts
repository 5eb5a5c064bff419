/**
 * Which colour a bar has: that of its program, the busiest programs having one of their own,
 * or that of how it ended, which has a pattern as well for those who see no colours.
 */
import type { Outcome, Traced } from '../history.js'

/** Programs with a colour of their own, and the class of all others. */
const OWN = 5
const OTHER = 'p5'

export interface Colour {
  /** The class of the style sheet. */
  readonly style: string
  readonly label: string
  readonly count: number
}

/** How a bar can end that has not the colour of its program. */
const ENDINGS: readonly [Outcome, string][] = [
  ['failed', 'failed'],
  ['killed', 'killed'],
  ['running', 'still running'],
  ['unknown', 'ended, nobody knows how'],
]

export class Palette {
  /** For the legend. */
  readonly colours: readonly Colour[]
  readonly #styles: ReadonlyMap<string, string>

  /** @param end the time where those end that have no end */
  constructor(processes: readonly Traced[], end: number) {
    const programs = programsOf(processes, end)
    const own = programs.slice(0, OWN)
    const others = programs.slice(OWN)
    this.#styles = new Map(own.map(({ name }, i) => [name, `p${i}`]))
    this.colours = [
      ...own.map(({ name, count }, i) => ({ style: `p${i}`, label: name, count })),
      ...(others.length === 0
        ? []
        : [
            {
              style: OTHER,
              label: 'others',
              count: others.reduce((sum, { count }) => sum + count, 0),
            },
          ]),
      ...ENDINGS.map(([outcome, label]) => {
        const { length } = processes.filter((one) => one.outcome === outcome)
        return { style: outcome, label, count: length }
      }),
    ].filter(({ count }) => count > 0)
  }

  styleOf({ outcome, name }: Traced): string {
    return outcome === 'ok' ? (this.#styles.get(name) ?? OTHER) : outcome
  }
}

interface Program {
  readonly name: string
  count: number
  /** ms, of all that ended well. */
  length: number
}

/** The programs that ended well, those that ran longest first. */
function programsOf(processes: readonly Traced[], end: number): Program[] {
  const programs = new Map<string, Program>()
  for (const { name, outcome, born, ended = end } of processes) {
    if (outcome !== 'ok') continue
    const program = programs.get(name) ?? { name, count: 0, length: 0 }
    programs.set(name, program)
    program.count++
    program.length += ended - born
  }
  return [...programs.values()].sort((a, b) => b.length - a.length)
}
