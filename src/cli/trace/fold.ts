/**
 * A tree of processes as rows, from the top down, where those that are alike can be folded
 * into one: '× 998 true'.
 */
import type { Traced } from './history.js'

export interface Row {
  readonly traced: Traced
  /** Those that it stands for, itself among them; one where nothing is folded. */
  readonly group: readonly Traced[]
  /** It shows what is below one of a group, as an example. */
  readonly example: boolean
  /** Whether it is the last of its siblings, and its ancestors below the root of theirs. */
  readonly last: readonly boolean[]
}

/** Ancestors that a row remembers; more do not fit on a line. */
const DEEPEST = 100

/** Siblings alike that are folded. */
const LEAST = 3
/** Rows that are shown without folding, if those that are alike down to the last descendant are folded, ... */
const FEW = 50
const MANY = 200

/** How much is folded: nothing, what is alike, what has the same name. */
type Folding = 'none' | 'alike' | 'named'

type Children = (traced: Traced) => readonly Traced[]

/**
 * @param all whether nothing is to be folded
 * @param shown those that are to be seen, the first process and all parents among them; undefined for all
 */
export function rowsOf(
  everyone: readonly Traced[],
  all: boolean,
  shown?: ReadonlySet<Traced>,
): Row[] {
  const processes = shown === undefined ? everyone : everyone.filter((one) => shown.has(one))
  const children = childrenIn(shown)
  if (all || processes.length <= FEW) return rows(processes, children, 'none')
  const alike = rows(processes, children, 'alike')
  return alike.length <= MANY ? alike : rows(processes, children, 'named')
}

/**
 * Rows of those that are running, and of what they descend from, folded where there would be more than
 * `most`; where that is not enough, there are more.
 */
export function runningRows(
  processes: readonly Traced[],
  running: Iterable<Traced>,
  most: number,
): Row[] {
  const shown = new Set<Traced>([processes[0]!])
  for (let one of running) {
    for (; !shown.has(one); one = one.parent!) shown.add(one)
  }
  const some = shown.size === processes.length ? processes : processes.filter((p) => shown.has(p))
  const children = childrenIn(shown)
  if (some.length <= most) return rows(some, children, 'none')
  // The largest groups first.
  for (let least = most; least > LEAST; least = Math.floor(least / 2)) {
    const alike = rows(some, children, 'alike', least)
    if (alike.length <= most) return alike
  }
  const alike = rows(some, children, 'alike')
  return alike.length <= most ? alike : rows(some, children, 'named')
}

function childrenIn(shown: ReadonlySet<Traced> | undefined): Children {
  if (shown === undefined) return (traced) => traced.children
  return (traced) => traced.children.filter((child) => shown.has(child))
}

function rows(
  processes: readonly Traced[],
  children: Children,
  folding: Folding,
  least = LEAST,
): Row[] {
  const kinds = folding === 'none' ? undefined : kindsOf(processes, children, folding, least)
  const made: Row[] = []
  const root = processes[0]!
  // Not by recursion: a tree can be deeper than the stack.
  const todo: Row[] = [{ traced: root, group: [root], example: false, last: [] }]
  for (let row = todo.pop(); row !== undefined; row = todo.pop()) {
    made.push(row)
    const { traced, group, last } = row
    const isGroup = group.length > 1
    if (isGroup && folding === 'named') continue
    const siblings = children(traced)
    const groups = kinds ? grouped(siblings, kinds, least) : siblings.map((one) => [one])
    const example = row.example || isGroup
    const below = groups.map((group, i) => ({
      traced: group[0]!,
      group,
      example,
      last: [...last.slice(-DEEPEST), i === groups.length - 1],
    }))
    todo.push(...below.reverse())
  }
  return made
}

function grouped(
  siblings: readonly Traced[],
  kinds: ReadonlyMap<Traced, number>,
  least: number,
): Traced[][] {
  const groups = new Map<number, Traced[]>()
  for (const one of siblings) {
    const kind = kinds.get(one)!
    const group = groups.get(kind)
    if (group === undefined) groups.set(kind, [one])
    else group.push(one)
  }
  return [...groups.values()]
    .flatMap((group) => (group.length < least ? group.map((one) => [one]) : [group]))
    .sort(([a], [b]) => a!.born - b!.born)
}

/** A number for each process: the same one for those that are alike. */
function kindsOf(
  processes: readonly Traced[],
  childrenOf: Children,
  folding: Folding,
  least: number,
): Map<Traced, number> {
  const numbers = new Map<string, number>()
  const kinds = new Map<Traced, number>()
  const failed = new Set<Traced>()
  // Children come after their parents, so from the end.
  for (const traced of processes.toReversed()) {
    const { outcome, parent } = traced
    if (outcome !== 'ok') failed.add(traced)
    if (parent !== null && failed.has(traced)) failed.add(parent)
    const below =
      folding === 'alike'
        ? grouped(childrenOf(traced), kinds, least).map(
            (group) => `${kinds.get(group[0]!)}x${group.length}`,
          )
        : [failed.has(traced)]
    const description = [traced.program, traced.ending, ...below].join('\n')
    const number = numbers.get(description) ?? numbers.size
    numbers.set(description, number)
    kinds.set(traced, number)
  }
  return kinds
}
