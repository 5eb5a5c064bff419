/**
 * The ticks of a time axis, at steps of a unit that people count in.
 */
export interface Tick {
  /** ms */
  readonly at: number
  readonly label: string
}

interface Unit {
  readonly name: string
  readonly ms: number
  /** How many of it make good steps. */
  readonly steps: readonly number[]
}

const DECIMAL = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]
const SIXTY = [0.5, 1, 2, 5, 10, 20, 30]
/** From the largest down. */
const UNITS: readonly Unit[] = [
  { name: 'h', ms: 3600e3, steps: [0.5, 1, 2, 6, 12, 24, 48, 120, 240, 720, 2400] },
  { name: 'min', ms: 60e3, steps: SIXTY },
  { name: 's', ms: 1e3, steps: [0.1, 0.2, ...SIXTY] },
  { name: 'ms', ms: 1, steps: DECIMAL },
  { name: 'µs', ms: 1e-3, steps: DECIMAL },
]

/** At most so many ticks for a length of time in ms, and the one at 0. */
export function ticksOf(length: number, most: number): Tick[] {
  const { name, ms, steps } = UNITS.find(({ ms }) => ms <= length) ?? UNITS.at(-1)!
  const step = steps.find((step) => length / (step * ms) <= most) ?? steps.at(-1)!
  const ticks: Tick[] = []
  for (let i = 0; i * step * ms <= length && i <= most; i++) {
    const n = Math.round(i * step * 10) / 10
    ticks.push({ at: i * step * ms, label: i === 0 ? '0' : `${n} ${name}` })
  }
  return ticks
}
