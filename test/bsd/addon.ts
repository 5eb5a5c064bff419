/**
 * The addon of native/bsd, compiled on Linux against a C library of kqueue: the tiny one beside
 * this, or one that is installed.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Native } from '#bsd/native.js'
import { BsdSystem } from '#bsd/system.js'
import type { Vocabulary } from '#bsd/vocabularies.js'

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
export const SOURCES = join(ROOT, 'native/bsd')
export const TESTS = join(ROOT, 'test/bsd')

/** As in binding.gyp. */
export const FLAGS = [
  '-std=c11',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-DNAPI_VERSION=8',
  '-D_GNU_SOURCE',
]

export const CC = process.env.CC ?? 'cc'

/** Without what sanitizers load into each process: a compiler is not what is tried. */
export const PLAIN = { ...process.env, LD_PRELOAD: '' }

/** The sources of the addon. */
export const FILES = ['kqueue.c', 'tables.c', 'watch.c']

/** Where the headers of this Node.js are, undefined if they are nowhere. */
export function nodeHeaders(): string | undefined {
  const places = [
    join(dirname(dirname(process.execPath)), 'include/node'),
    join(homedir(), '.cache/node-gyp', process.versions.node, 'include/node'),
    '/usr/include/node',
  ]
  return places.find((place) => existsSync(join(place, 'uv.h')))
}

/** Where a header of a library of kqueue is, and what is linked. */
export interface Library {
  readonly name: string
  readonly include: string
  readonly link: readonly string[]
}

export const tiny: Library = {
  name: 'tiny',
  include: join(TESTS, 'tiny'),
  link: [join(TESTS, 'tiny/kqueue.c')],
}

/** Compiles the addon: where it is. */
export function compile({ name, include, link }: Library): string {
  const place = join(ROOT, 'build/test-bsd')
  const output = join(place, `${name}-${process.pid}.node`)
  mkdirSync(place, { recursive: true })
  const headers = nodeHeaders()
  if (headers === undefined) throw new Error('no headers of Node.js')
  const sources = FILES.map((file) => join(SOURCES, file))
  const includes = [`-I${include}`, `-I${headers}`]
  const args = [...FLAGS, '-O1', '-fPIC', '-shared', ...includes, '-o', output, ...sources, ...link]
  execFileSync(CC, args, { stdio: ['ignore', 'ignore', 'inherit'], env: PLAIN })
  return output
}

/** Loads what was compiled. */
export function load(path: string): Native {
  return createRequire(import.meta.url)(path) as Native
}

/** The system on such an addon. */
export function systemOn(native: Native, table: Vocabulary): BsdSystem {
  return new BsdSystem(native, table)
}
