/**
 * A second copy of the package, as a monorepo may hold one: its own files, its own addon.
 * Tests that use it load it into other processes.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.resolve('kqueue')))

interface Loader {
  /** The addon that a package loads. */
  resolve(directory: string): string
}

/** Makes a copy that is gone after the tests of the file; the URL of its module. */
export function copyPackage(): string {
  const copy = mkdtempSync(join(tmpdir(), 'kqueue-copy-'))
  after(() => rmSync(copy, { recursive: true }))
  const { resolve } = createRequire(join(ROOT, 'package.json'))('node-gyp-build') as Loader
  mkdirSync(join(copy, 'build', 'Release'), { recursive: true })
  cpSync(resolve(ROOT), join(copy, 'build', 'Release', 'kqueue.node'))
  cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'))
  cpSync(join(ROOT, 'dist'), join(copy, 'dist'), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  return pathToFileURL(join(copy, 'dist', 'index.js')).href
}
