// The results for people: a line a row, printed as soon as it is measured.

/** @typedef {import('./measure.mjs').RowResult} RowResult */
/** @typedef {import('./measure.mjs').ContestResult} ContestResult */
/** @typedef {import('./measure.mjs').FiguresResult} FiguresResult */

const COLUMNS = ['epoll', 'proved', 'addon', 'libkqueue', 'node']

export function printHeader() {
  const peers = COLUMNS.map((name) => `${name.padStart(11)} ${'ratio'.padStart(7)}`)
  console.log(`${'row'.padEnd(22)}${'unit'.padEnd(14)}${'ours'.padStart(9)}${peers.join('')}`)
}

/** @param {RowResult} row */
export function printRow(row) {
  const peers = COLUMNS.map((name) => {
    const rate = row.peers[name]
    const ratio = row.ratio[name]
    const cells = [rate === undefined ? '-' : short(rate), ratio === undefined ? '' : times(ratio)]
    return `${cells[0].padStart(11)} ${cells[1].padStart(7)}`
  })
  const line = `${row.name.padEnd(22)}${row.unit.padEnd(14)}${short(row.ours).padStart(9)}`
  console.log(`${line}${peers.join('')}`.trimEnd())
}

/** A line a contestant, with the median and the slowest hundredth. @param {ContestResult} row */
export function printContest({ name, unit, contest }) {
  console.log(`${name.padEnd(22)}${unit}`)
  for (const [contestant, { p1, p50, p99, samples }] of Object.entries(contest)) {
    const slow = unit.endsWith('/s')
      ? `p1  ${short(p1).padStart(7)}`
      : `p99 ${short(p99).padStart(7)}`
    const numbers = `p50 ${short(p50).padStart(7)}  ${slow}`
    console.log(`  ${contestant.padEnd(30)}${numbers}  of ${samples}`)
  }
}

/** A line a figure. @param {FiguresResult} row */
export function printFigures({ name, unit, figures }) {
  console.log(`${name.padEnd(22)}${unit}`)
  for (const [figure, value] of Object.entries(figures)) {
    console.log(`  ${figure.padEnd(30)}${short(value).padStart(11)}`)
  }
}

/** 1234567 is 1.23 M. @param {number} value */
function short(value) {
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`
  if (value >= 1e4) return `${(value / 1e3).toPrecision(3)} k`
  return value < 100 ? value.toPrecision(3) : String(Math.round(value))
}

/** @param {number} ratio */
function times(ratio) {
  return `${ratio >= 100 ? Math.round(ratio) : ratio.toPrecision(2)}x`
}
