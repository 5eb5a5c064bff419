/** Which version of kq this is. */
import { readFileSync } from 'node:fs'
import { packaged } from './package.js'

export function version(): string {
  return (JSON.parse(readFileSync(packaged('package.json'), 'utf8')) as { version: string }).version
}
