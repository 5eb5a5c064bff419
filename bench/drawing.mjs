// The results as a drawing: a bar a row, as long as the logarithm of how many times as fast this
// package is as another; to the right of the line at 1.0 it is faster.

/** @typedef {import('./measure.mjs').RowResult} RowResult */
/** @typedef {import('./measure.mjs').ContestResult} ContestResult */
/** @typedef {{ label: string, ratio: number }} Bar */
/** @typedef {{ title: string, bars: Bar[] }} Group */

const WIDTH = 860
const LABELS = 330
const VALUES = 60
const LINE = 21
const TITLE = 38
const MARGIN = 20
/** What the scale reaches to: outside of it a bar is cut. */
const LEAST = 1 / 16
const MOST = 16
const TICKS = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8]

const FASTER = '#2f7d4f'
const SLOWER = '#b3541e'
const INK = '#1f2328'
const QUIET = '#59636e'

/** C programs: contestants that Node.js programs are not. */
const IN_C = new Set(['epoll', 'libkqueue', 'inotifywait', 'entr'])

/**
 * @param {(RowResult | ContestResult | import('./measure.mjs').FiguresResult)[]} results
 * @returns {string} SVG
 */
export function drawing(results) {
  const groups = [
    { title: 'beside libkqueue, in C', bars: beside(results, 'libkqueue') },
    { title: 'beside bare epoll, in C', bars: beside(results, 'epoll') },
    { title: 'beside what else Node.js programs use', bars: besideNode(results) },
  ].filter(({ bars }) => bars.length > 0)
  return picture(groups)
}

/** @param {Parameters<typeof drawing>[0]} results @param {string} peer @returns {Bar[]} */
function beside(results, peer) {
  return results.flatMap((row) => {
    if ('contest' in row) return contestBar(row, peer)
    const ratio = 'ratio' in row ? row.ratio[peer] : undefined
    return ratio === undefined ? [] : [{ label: row.name, ratio }]
  })
}

/** @param {Parameters<typeof drawing>[0]} results @returns {Bar[]} */
function besideNode(results) {
  return results.flatMap((row) => {
    if ('ratio' in row && row.ratio.node) {
      return [{ label: `${row.name}, Node.js`, ratio: row.ratio.node }]
    }
    if (!('contest' in row)) return []
    const others = Object.keys(row.contest).filter((name) => !isOurs(name) && !IN_C.has(name))
    return others.flatMap((name) =>
      contestBar(row, name).map(({ ratio }) => ({ label: `${row.name}, ${name}`, ratio })),
    )
  })
}

/** @param {string} name */
const isOurs = (name) => name.startsWith('ours')

/** One of ours that is like another beside it, by their medians. @param {ContestResult} row @param {string} other */
function contestBar({ name, unit, contest }, other) {
  const all = Object.keys(contest).filter(isOurs)
  const ours = (IN_C.has(other) && all.find((name) => name.includes('kevent'))) || all[0]
  if (ours === undefined || contest[other] === undefined) return []
  const times = contest[ours].p50 / contest[other].p50
  const ratio = unit.endsWith('/s') ? times : 1 / times
  return Number.isFinite(ratio) && ratio > 0 ? [{ label: name, ratio }] : []
}

/** @param {Group[]} groups */
function picture(groups) {
  const rows = groups.reduce((sum, { bars }) => sum + bars.length, 0)
  const height = 2 * MARGIN + 62 + groups.length * TITLE + rows * LINE
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="13">`,
    '<title>This package beside others: how many times as fast, or as sparing of memory</title>',
    `<rect width="${WIDTH}" height="${height}" rx="8" fill="#ffffff" stroke="#d1d9e0"/>`,
    text(MARGIN, MARGIN + 14, 'This package beside others', { size: 16, bold: true }),
    text(
      MARGIN,
      MARGIN + 34,
      'how many times as fast, or as sparing of memory; to the right of the line it does better',
      {
        fill: QUIET,
      },
    ),
  ]
  let y = MARGIN + 44
  for (const { title, bars } of groups) {
    parts.push(text(MARGIN, y + 26, title, { bold: true }))
    const top = y + TITLE - 4
    y += TITLE
    parts.push(...grid(top, y + bars.length * LINE))
    for (const bar of bars) {
      parts.push(...line(bar, y))
      y += LINE
    }
  }
  parts.push(...TICKS.map((at) => tick(at, y + 16)), '</svg>', '')
  return parts.join('\n')
}

/** Where a ratio is. @param {number} ratio */
function place(ratio) {
  const inside = Math.min(MOST, Math.max(LEAST, ratio))
  const width = WIDTH - LABELS - VALUES - MARGIN
  const part = Math.log(inside / LEAST) / Math.log(MOST / LEAST)
  return Math.round((LABELS + part * width) * 10) / 10
}

/** @param {number} top @param {number} bottom */
function grid(top, bottom) {
  return TICKS.map((at) => {
    const x = place(at)
    const stroke = at === 1 ? `stroke="${INK}" stroke-width="1.5"` : 'stroke="#e4e8ec"'
    return `<line x1="${x}" y1="${top}" x2="${x}" y2="${bottom}" ${stroke}/>`
  })
}

/** @param {number} at @param {number} y */
function tick(at, y) {
  const label = at < 1 ? `1/${1 / at}` : at === 1 ? '1.0' : String(at)
  return text(place(at), y, label, { fill: QUIET, size: 11, anchor: 'middle' })
}

/** @param {Bar} bar @param {number} y */
function line({ label, ratio }, y) {
  const [from, to] = [place(1), place(ratio)].sort((a, b) => a - b)
  const fill = ratio >= 1 ? FASTER : SLOWER
  const width = Math.max(1, to - from).toFixed(1)
  const value = ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(2)
  const right = ratio >= 1
  return [
    text(LABELS - 70, y + 15, label, { anchor: 'end' }),
    `<rect x="${from}" y="${y + 4}" width="${width}" height="${LINE - 7}" rx="2" fill="${fill}"/>`,
    text(right ? to + 5 : from - 5, y + 15, value, {
      anchor: right ? 'start' : 'end',
      fill: QUIET,
      size: 12,
    }),
  ]
}

/**
 * @param {number} x @param {number} y @param {string} content
 * @param {{ size?: number, bold?: boolean, fill?: string, anchor?: string }} [how]
 */
function text(x, y, content, { size, bold, fill = INK, anchor } = {}) {
  const attributes = [
    `x="${x}" y="${y}" fill="${fill}"`,
    size && `font-size="${size}"`,
    bold && 'font-weight="600"',
    anchor && `text-anchor="${anchor}"`,
  ]
  const escaped = content.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`)
  return `<text ${attributes.filter(Boolean).join(' ')}>${escaped}</text>`
}
