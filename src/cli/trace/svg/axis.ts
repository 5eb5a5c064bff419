/**
 * The ticks of a time axis: at 1, 2 or 5 times a power of ten of a unit that people count in.
 */
export interface Tick {
  /** ms */
  readonly at: number
  readonly label: string
}

interface Unit {
  readonly name: string
  readonly ms: number
  /** Whole numbers of it that make good steps, beside powers of ten. */
  readonly steps: readonly number[]
}

const DECIMAL = [1, 2, 5, 10, 20, 50, 100, 200, 500]
const UNITS: readonly Unit[] = [
  { name: 'µs', ms: 1e-3, steps: DECIMAL },
  { name: 'ms', ms: 1, steps: DECIMAL },
  { name: 's', ms: 1e3, steps: [1, 2, 5, 10, 20, 30] },
  { name: 'min', ms: 60e3, steps: [1, 2, 5, 10, 20, 30] },
  { name: 'h', ms: 3600e3, steps: [1, 2, 6, 12, 24, 48, 120, 240, 720] },
]

/** At most so many ticks for a length of time in ms, and the one at 0. */
export function ticksOf(length: number, most: number): Tick[] {
  const steps = UNITS.flatMap((unit) => unit.steps.map((step) => ({ unit, step })))
  const { unit, step } =
    steps.find(({ unit, step }) => length / (step * unit.ms) <= most) ?? steps.at(-1)!
  const ticks: Tick[] = []
  for (let n = 0; n * unit.ms <= length && ticks.length <= most + 1; n += step) {
    ticks.push({ at: n * unit.ms, label: n === 0 ? '0' : `${n} ${unit.name}` })
  }
  return ticks
}
