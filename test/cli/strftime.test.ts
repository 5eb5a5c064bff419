/** `--timefmt`: what date(1) writes in the POSIX locale. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { strftime } from '#cli/strftime.js'
import '../patience.js'

const ALL = [...'aAbBcCdDeFgGhHIjklmMpPrRsSTuUVwWxXyYz%'].map((letter) => `%${letter}`).join('|')

test('strftime is date(1), on the days where weeks and years meet', () => {
  const times: number[] = []
  for (let year = 1999; year < 2034; year++) {
    for (const [month, day] of [
      [0, 1],
      [0, 4],
      [1, 29],
      [11, 29],
      [11, 31],
    ] as const) {
      times.push(new Date(year, month, day, (year * 5) % 24, year % 60, day).getTime() / 1000)
    }
  }
  const lines = execFileSync('date', ['-f', '-', `+${ALL}`], {
    input: times.map((time) => `@${time}\n`).join(''),
    env: { ...process.env, LC_ALL: 'C' },
    encoding: 'utf8',
  })
  const own = times.map((time) => `${strftime(ALL, new Date(time * 1000))}\n`)
  assert.equal(own.join(''), lines)
})
