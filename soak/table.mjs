// The account for people.
import { differences, memory } from './resources.mjs'

/** @typedef {Map<string, import('./ledger.mjs').Ledger>} Account by churn and by who ran it */

const cell = (/** @type {number | string} */ value) => String(value).padStart(14)

/** One line while it goes on. @param {number} seconds @param {Account} account */
export function printProgress(seconds, account) {
  const ledgers = [...account.values()]
  const turns = ledgers.reduce((sum, each) => sum + each.turns, 0)
  const inexact = ledgers.filter((each) => !each.exact).length
  const used = Object.entries(memory()).map(([name, value]) => `${name} ${value}`)
  console.log(`${Math.round(seconds)} s: ${turns} turns, ${inexact} inexact; ${used.join('; ')}`)
}

/**
 * A turn that was not exact, as it ends.
 * @param {string} name @param {{ what: string, done: number, seen: number }[]} rows @param {string[]} texts
 */
export function printInexact(name, rows, texts) {
  const uneven = rows.map(({ what, done, seen }) => `${what}: ${done} done, ${seen} seen`)
  console.log(`not exact: ${name}: ${[...uneven, ...texts].join('\n  ')}`)
}

/** @param {Account} account */
export function printAccount(account) {
  console.log(
    `\n${'churn'.padEnd(24)}${'what'.padEnd(32)}${['done', 'seen', 'missing'].map(cell).join('')}`,
  )
  for (const [name, ledger] of [...account].sort(([a], [b]) => a.localeCompare(b))) {
    console.log(`${name.padEnd(24)}${'turns'.padEnd(32)}${cell(ledger.turns)}`)
    for (const { what, done, seen } of ledger.rows()) {
      const missing = seen > done ? `${seen - done} too many` : done - seen
      console.log(`${''.padEnd(24)}${what.padEnd(32)}${[done, seen, missing].map(cell).join('')}`)
    }
  }
}

/**
 * @typedef {Awaited<ReturnType<typeof import('./resources.mjs').resources>>} Resources
 * @param {Resources} before @param {Resources} after
 */
export function printResources(before, after) {
  console.log(`\n${'resource'.padEnd(56)}${['start', 'end'].map(cell).join('')}`)
  for (const part of /** @type {const} */ (['counts', 'memory'])) {
    /** @type {Record<string, number>} */
    const [was, is] = [before[part], after[part]]
    for (const name of new Set([...Object.keys(was), ...Object.keys(is)])) {
      console.log(`${name.padEnd(56)}${[was[name] ?? 0, is[name] ?? 0].map(cell).join('')}`)
    }
  }
}

/** All that is not exact, a line each. @param {Account} account @param {Resources} before @param {Resources} after */
export function inexact(account, before, after) {
  const lines = []
  for (const [name, ledger] of account) {
    for (const { what, done, seen } of ledger.rows()) {
      if (done !== seen) lines.push(`${name}: ${what}: ${done} done, ${seen} seen`)
    }
    if (ledger.faults > 0) lines.push(`${name}: ${ledger.faults} faults, of which`)
    for (const text of ledger.texts) lines.push(`  ${text}`)
  }
  for (const name of differences(before.counts, after.counts)) {
    lines.push(
      `${name}: ${before.counts[name] ?? 0} at the start, ${after.counts[name] ?? 0} at the end`,
    )
  }
  return lines
}
