/**
 * Prints the test files that `npm run test:run` runs: all on Linux; elsewhere those that need
 * neither the addon of Linux nor its system calls, among them the scenarios, which run there on
 * the kernel's own kqueue.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const PORTABLE = ['core', 'bsd/vocabularies', 'scenarios']

const files = readdirSync('build/test', { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.test.js'),
)
const chosen =
  process.platform === 'linux'
    ? files
    : files.filter((path) => PORTABLE.some((name) => path.startsWith(name)))
console.log(chosen.map((path) => join('build/test', path)).join(' '))
