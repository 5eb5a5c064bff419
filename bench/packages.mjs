// Where the packages of others are, which are none of this package: installed in peers/, or
// in the folder that --with names.
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

let from = new URL('peers/package.json', import.meta.url).href

/** @param {string} directory that has them in its node_modules */
export function usePackages(directory) {
  from = pathToFileURL(resolve(directory, 'package.json')).href
}

/** What they are resolved from. */
export const packages = () => from

/** @param {string} name */
export const importPackage = (name) => import(pathToFileURL(createRequire(from).resolve(name)).href)

/** @param {string} name */
export function hasPackage(name) {
  try {
    return createRequire(from).resolve(name) !== ''
  } catch {
    return false
  }
}
