/** Where the package is, and the files of it that are no modules of kq. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)

/** The path of a file of the package. */
export function packaged(name: string): string {
  return join(dirname(require.resolve('kqueue/package.json')), name)
}

/** The path of a program of kq that is started by node: 'holder.js'. */
export function programPath(name: string): string {
  return require.resolve(`#cli/${name}`)
}
