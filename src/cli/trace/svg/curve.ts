/**
 * How many processes there are at once, as the outline of an area. Where more happens than a
 * picture has columns for, the mean of each column.
 */
import { n } from './text.js'

/**
 * @param counts how many there are from each time on, in the order of time
 * @param x where a time is, in pixels
 * @param y how high a count is, in pixels
 * @param right where the last one ends
 */
export function curveOf(
  counts: readonly { time: number; count: number }[],
  x: (time: number) => number,
  y: (count: number) => number,
  right: number,
): string {
  const left = Math.floor(x(counts[0]!.time))
  const columns = new Float64Array(Math.max(1, Math.ceil(right) - left))
  counts.forEach(({ time, count }, i) => {
    const next = counts[i + 1]
    spread(columns, count, x(time) - left, (next === undefined ? right : x(next.time)) - left)
  })
  let path = ''
  let before = -1
  columns.forEach((mean, i) => {
    const height = n(y(mean))
    if (i > 0 && height === n(y(before))) return
    path += i === 0 ? `V${height}` : `H${left + i}V${height}`
    before = mean
  })
  return `M${left} ${n(y(0))}${path}H${n(right)}V${n(y(0))}Z`
}

/** Adds what holds from one place to another to the columns between. */
function spread(columns: Float64Array, count: number, from: number, to: number): void {
  for (let column = Math.floor(from); column < Math.min(to, columns.length); column++) {
    columns[column]! += count * (Math.min(to, column + 1) - Math.max(from, column))
  }
}
