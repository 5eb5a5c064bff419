/** Hooks of the loader that give another module for `kqueue`. */
import type { ResolveHook } from 'node:module'

let replacement: string

export function initialize(url: string): void {
  replacement = url
}

export const resolve: ResolveHook = (specifier, context, next) =>
  specifier === 'kqueue' ? { url: replacement, shortCircuit: true } : next(specifier, context)
