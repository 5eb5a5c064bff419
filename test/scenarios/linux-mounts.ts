/**
 * File systems of the World on real Linux: tmpfs in a directory of the World, in the
 * mount namespace that this process has, so root's affair.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MountCalls } from './world.js'

function run(program: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw error ?? new Error(`${program} ${args.join(' ')}: ${stderr}`)
}

export const mountTmpfs = (path: string): void => run('mount', '-t', 'tmpfs', 'kqueue', path)
export const unmount = (path: string): void => run('umount', path)

let allowed: boolean | undefined

/** Whether this process may mount: found out by trying. */
export function mayMount(): boolean {
  if (allowed !== undefined) return allowed
  const directory = mkdtempSync(join(tmpdir(), 'kqueue-mount-'))
  try {
    mountTmpfs(directory)
    unmount(directory)
    allowed = true
  } catch {
    allowed = false
  }
  rmdirSync(directory)
  return allowed
}

/** The file systems of one World. */
export class Mounts implements MountCalls {
  readonly #mounted: string[] = []

  constructor(readonly directory: string) {}

  mount(name: string): void {
    const path = join(this.directory, name)
    mountTmpfs(path)
    this.#mounted.push(path)
  }

  unmount(name: string): void {
    const path = join(this.directory, name)
    unmount(path)
    this.#mounted.splice(this.#mounted.lastIndexOf(path), 1)
  }

  /** Unmounts what the scenario has left. */
  dispose(): void {
    for (const path of this.#mounted.reverse()) unmount(path)
  }
}
